//! Reading while others write, slowly, or what is damaged.

use std::os::unix::fs::FileExt;
use std::time::Duration;

use bytes::Bytes;
use faasm_testkit::{Raw, Server};

use super::{get, noise, put};
use crate::concurrent_uploads::has_files;

#[tokio::test]
async fn readers_see_whole_versions_of_a_file_that_is_replaced() {
    let server = Server::start().await;
    // Their sizes differ, and are more than one piece.
    let versions: Vec<Bytes> = (1..5_u32)
        .map(|n| noise(n as usize * 300_000, n * 99))
        .collect();
    let mut tags = Vec::new();
    for version in &versions {
        let stored = put(&server, "f", version.clone()).await.expect(200);
        tags.push(stored.header("etag").to_owned());
    }
    let rounds = if crate::is_long() { 200 } else { 12 };
    let writer = async |mine: usize| {
        for round in 0..rounds {
            let n = (mine + round) % versions.len();
            let stored = put(&server, "f", versions[n].clone()).await.expect(200);
            assert_eq!(stored.header("etag"), tags[n]);
        }
    };
    let reader = async || {
        for _ in 0..rounds * 2 {
            let read = get(&server, "f").await.expect(200);
            let n = tags.iter().position(|tag| read.header("etag") == tag);
            assert!(
                read.body == versions[n.unwrap()],
                "not the bytes of its tag"
            );
        }
    };
    futures::join!(writer(0), writer(1), reader(), reader());
    // Only the last version's bytes stay.
    has_files(&server, "objects/content", 1).await;
}

#[tokio::test]
async fn a_large_file_does_not_pass_through_memory() {
    let server = Server::builder()
        .args(["--memory-budget", "64MiB"])
        .start()
        .await;
    let piece = noise(1 << 20, 11);
    let pieces = vec![piece.clone(); 192];
    let _ = put(&server, "small", piece.clone()).await.expect(200);
    let _ = get(&server, "small").await.expect(200);
    let before = server.peak_rss();
    let body = pieces.clone().into_iter().map(Ok::<_, std::io::Error>);
    let body = reqwest::Body::wrap_stream(futures::stream::iter(body));
    let _ = put(&server, "large", body).await.expect(200);
    let read = get(&server, "large").await.expect(200).body;
    assert!(read == pieces.concat());
    let grown = server.peak_rss() - before;
    assert!(grown < 64 << 20, "grown by {} MiB", grown >> 20);
}

#[tokio::test]
async fn what_slow_readers_keep_in_memory_is_charged_until_they_go_away() {
    let server = Server::start().await;
    let _ = put(&server, "large", noise(30_000_000, 5))
        .await
        .expect(200);
    let used = async || server.metric("faasm_memory_budget_used_bytes", "").await;
    let before = used().await;
    let mut readers = Vec::new();
    for _ in 0..10 {
        let mut raw = Raw::connect(&server.upload).await;
        raw.send("GET /file/large HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        readers.push(raw);
    }
    let piece = 256.0 * 1024.0;
    while used().await < before + 20.0 * piece {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(readers);
    while used().await > before {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_damaged_file_is_logged_with_the_id_of_the_request_that_met_it() {
    let server = Server::start().await;
    let stored = put(&server, "x", noise(2_000_000, 3)).await.expect(200);
    let content = server.data_dir().join("objects/content");
    let content = content.join(stored.header("etag").trim_matches('"'));
    // Another process may have it open, so it is changed where it is.
    let file = std::fs::File::options().write(true).open(content).unwrap();
    let get = async |id: &str| {
        let mut raw = Raw::connect(&server.upload).await;
        let head = format!("GET /file/x HTTP/1.1\r\nhost: x\r\nx-request-id: {id}\r\n\r\n");
        raw.send(head).await.unwrap();
        raw.answer().await
    };
    file.write_all_at(b"other bytes", 1_900_000).unwrap();
    let cut = get("damage-1").await.expect(200);
    assert!(cut.body.len() < 2_000_000);
    file.set_len(5).unwrap();
    let refused = get("damage-2").await.expect(500).text();
    assert_eq!(
        refused.matches("put the file again").count(),
        1,
        "{refused}"
    );
    for id in ["damage-1", "damage-2"] {
        let logs = server.logs();
        let line = logs.lines().find(|line| line.contains(id));
        assert!(line.is_some_and(|line| line.contains("ERROR")), "{logs}");
    }
}
