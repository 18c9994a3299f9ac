//! Shared files over HTTP: hostile paths, half-sent bodies, races, limits, and crashes.

mod reading;

use std::os::unix::fs::symlink;

use bytes::Bytes;
use faasm_testkit::{Answer, Raw, Server};
use futures::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::concurrent_uploads::{files, has_files};
use crate::full_disk::Disk;

async fn put(server: &Server, path: &str, body: impl Into<reqwest::Body>) -> Answer {
    let path = format!("/file/{path}");
    server.stored(Method::PUT, &path, body).await
}

async fn get(server: &Server, path: &str) -> Answer {
    server
        .stored(Method::GET, &format!("/file/{path}"), "")
        .await
}

/// A request whose path no client would send as it is.
async fn odd(server: &Server, method: &str, target: &str, header: &str) -> Answer {
    let mut raw = Raw::connect(&server.upload).await;
    let head =
        format!("{method} {target} HTTP/1.1\r\nhost: x\r\n{header}content-length: 0\r\n\r\n");
    raw.send(head).await.unwrap();
    raw.answer().await
}

/// Bytes that look random and repeat late.
fn noise(size: usize, seed: u32) -> Bytes {
    let mut state = seed | 1;
    let step = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    std::iter::repeat_with(step).take(size).collect()
}

#[tokio::test]
async fn files_come_back_byte_for_byte_whatever_their_size_and_form() {
    let server = Server::start().await;
    let piece = 256 << 10;
    for size in [
        0,
        1,
        4_095,
        piece - 1,
        piece,
        piece + 1,
        2 * piece,
        5_000_000,
    ] {
        let bytes = noise(size, 7);
        let path = format!("sizes/{size}");
        let stored = put(&server, &path, bytes.clone()).await.expect(200);
        let read = get(&server, &path).await.expect(200);
        assert!(read.body == bytes, "{size}");
        assert_eq!(read.header("etag"), stored.header("etag"));
    }
    // A form's type, as `curl -d` sends it, and pieces of unknown number.
    let url = format!("{}/file", server.upload);
    let pieces: Vec<Bytes> = (0..40).map(|n| noise(n * 1_000, 3)).collect();
    let body = pieces.clone().into_iter().map(Ok::<_, std::io::Error>);
    let body = reqwest::Body::wrap_stream(futures::stream::iter(body));
    let headers = [
        "FilePath: /sizes/chunked",
        "content-type: application/x-www-form-urlencoded",
    ];
    let stored = server.request_with(Method::PUT, &url, &headers, body).await;
    let _ = stored.expect(200);
    let read = server
        .request_with(Method::GET, &url, &headers[..1], "")
        .await;
    assert!(read.expect(200).body == pieces.concat());
    let part = ["FilePath: /sizes/5000000", "range: bytes=262000-4000000"];
    let part = server.request_with(Method::GET, &url, &part, "").await;
    assert!(part.expect(206).body == noise(5_000_000, 7)[262_000..=4_000_000]);
}

#[tokio::test]
async fn no_path_leads_out_of_the_tree() {
    let server = Server::start().await;
    let secret = server.scratch().join("secret");
    std::fs::write(&secret, "not for you").unwrap();
    let absolute = secret.display().to_string();
    let climbing: Vec<String> = [
        "../secret",
        "../../../../../../etc/passwd",
        "a/../../secret",
        "a/b/../../../secret",
        ".",
        "..",
        "a/./b",
        "a/..",
        "a//b",
        "//etc/passwd",
    ]
    .map(str::to_owned)
    .into();
    let urls = climbing.iter().flat_map(|path| {
        let dots = path.replace('.', "%2e");
        [
            path.replace('/', "%2F"),
            dots.replace('/', "%2f"),
            dots,
            path.clone(),
        ]
    });
    // Control characters, and bytes that are no text.
    let bytes = [
        "a%00b", "%00", "a%0ab", "a/%1b", "%7f", "%C2%85", "%ff", "a/%C3",
    ];
    for url in urls.chain(bytes.map(str::to_owned)) {
        for method in ["PUT", "GET", "DELETE"] {
            let answer = odd(&server, method, &format!("/file/{url}"), "").await;
            let text = answer.expect(400).text();
            assert!(text.contains("`path`"), "{url}: {text}");
            assert_eq!(text.lines().count(), 1, "{text}");
        }
    }
    for path in &climbing {
        for method in ["PUT", "GET", "DELETE"] {
            let header = format!("FilePath: {path}\r\n");
            let answer = odd(&server, method, "/file", &header).await;
            assert!(answer.expect(400).text().contains("`FilePath`"));
        }
    }
    assert_eq!(get(&server, "").await.json()["entries"], json!([]));
    // What looks like more is only a name: of a file in the tree, or of none.
    for path in [
        absolute.as_str(),
        "...",
        "%2e%2e",
        "a\\..\\b",
        "~",
        "$HOME",
        "C:",
    ] {
        let header = format!("FilePath: {path}\r\n");
        let _ = odd(&server, "GET", "/file", &header).await.expect(404);
        let _ = odd(&server, "PUT", "/file", &header).await.expect(200);
        let there = odd(&server, "GET", "/file", &header).await.expect(200);
        assert_eq!(there.body, "");
    }
    let twice = odd(&server, "GET", "/file/%252e%252e", "").await;
    assert_eq!(twice.expect(200).body, "", "decoded once");
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "not for you");
    let inside = server.data_dir().join("objects/files");
    assert_eq!(files(&inside), 7);
}

#[tokio::test]
async fn a_symlink_in_the_data_directory_is_not_followed() {
    let server = Server::start().await;
    let secret = server.scratch().join("secret");
    std::fs::write(&secret, "secret").unwrap();
    // As many bytes as the secret has, so that only their place is wrong.
    let stored = put(&server, "x", "public").await.expect(200);
    let content = server.data_dir().join("objects/content");
    let content = content.join(stored.header("etag").trim_matches('"'));
    std::fs::remove_file(&content).unwrap();
    symlink(&secret, &content).unwrap();
    // Another process, which has nothing open.
    let dir = server.data_dir().to_owned();
    let kept = tempfile::tempdir().unwrap();
    let copy = kept.path().join("data");
    let mut server = server;
    server.kill();
    std::fs::rename(&dir, &copy).unwrap();
    let server = Server::builder().data_dir(&copy).start().await;
    for range in ["", "range: bytes=0-3"] {
        let url = format!("{}/file/x", server.upload);
        let answer = server.request_with(Method::GET, &url, &[range], "").await;
        assert!(!answer.text().contains("secr"), "{}", answer.text());
        assert!(answer.status == 500 || answer.status == 404);
    }
    let _ = put(&server, "x", "public").await.expect(200);
    assert_eq!(get(&server, "x").await.expect(200).text(), "public");
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "secret");
}

#[tokio::test]
async fn limits_of_files_are_named_by_their_options() {
    let server = Server::builder()
        .args(["--max-file", "1KiB", "--max-file-bytes", "1500"])
        .args(["--max-files", "3"])
        .start()
        .await;
    let large = put(&server, "x", vec![b'x'; 1_025]).await.expect(413);
    assert!(large.text().contains("1024 bytes"), "{}", large.text());
    let pieces = (0..3).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 500]));
    let chunked = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
    let chunked = put(&server, "x", chunked).await.expect(413);
    assert!(chunked.text().contains("1024 bytes"), "{}", chunked.text());
    let _ = put(&server, "a", vec![b'a'; 1_000]).await.expect(200);
    let over = put(&server, "b", vec![b'b'; 501]).await.expect(507);
    assert!(over.text().contains("--max-file-bytes"), "{}", over.text());
    for name in ["b", "c"] {
        let _ = put(&server, name, "x").await.expect(200);
    }
    let url = format!("{}/file/d", server.upload);
    let json = ["accept: application/json"];
    let over = server.request_with(Method::PUT, &url, &json, "").await;
    let over = over.expect(507).json();
    assert_eq!(over["error"]["code"], "file_quota", "{over}");
    assert!(over.to_string().contains("--max-files"), "{over}");
    // Told before the body is sent, if its length is.
    let mut raw = Raw::connect(&server.upload).await;
    let head = "PUT /file/b HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n";
    raw.send(format!("{head}content-length: 501\r\n\r\n"))
        .await
        .unwrap();
    let _ = raw.answer().await.expect(507);
    assert_eq!(server.metric("faasm_files", "").await, 3.0);
    assert_eq!(server.metric("faasm_file_bytes", "").await, 1_002.0);
    // Replacing takes no more, and what is deleted makes room.
    let _ = put(&server, "a", vec![b'c'; 1_000]).await.expect(200);
    let deleted = server.stored(Method::DELETE, "/file/a", "").await;
    let _ = deleted.expect(200);
    let _ = put(&server, "d", vec![b'd'; 1_000]).await.expect(200);
    assert_eq!(files(&server.data_dir().join("spool")), 0);
}

#[tokio::test]
async fn a_client_that_goes_away_half_way_changes_nothing() {
    let server = Server::start().await;
    let _ = put(&server, "old", "before").await.expect(200);
    for name in ["old", "new/file"] {
        for length in ["content-length: 20000000", "transfer-encoding: chunked"] {
            let mut raw = Raw::connect(&server.upload).await;
            let head = format!("PUT /file/{name} HTTP/1.1\r\nhost: x\r\n{length}\r\n\r\n");
            raw.send(head).await.unwrap();
            if length.contains("chunked") {
                raw.send("989680\r\n").await.unwrap();
            }
            raw.send(vec![b'x'; 5_000_000]).await.unwrap();
            has_files(&server, "spool", 1).await;
            drop(raw);
            has_files(&server, "spool", 0).await;
        }
    }
    assert_eq!(get(&server, "old").await.expect(200).text(), "before");
    let _ = get(&server, "new/file").await.expect(404);
    let _ = get(&server, "new").await.expect(404);
    // Nor is anything left of one that does not read what it asked for.
    let _ = put(&server, "large", noise(30_000_000, 5))
        .await
        .expect(200);
    for _ in 0..20 {
        let mut raw = Raw::connect(&server.upload).await;
        raw.send("GET /file/large HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
    }
    assert!(get(&server, "large").await.expect(200).body == noise(30_000_000, 5));
}

#[tokio::test]
async fn of_a_file_and_a_directory_that_race_for_a_path_one_wins() {
    let server = Server::start().await;
    for round in 0..20 {
        let (file, below) = (format!("r{round}"), format!("r{round}/x"));
        let (file, below) = futures::join!(put(&server, &file, "f"), put(&server, &below, "d"));
        let statuses = [file.status.as_u16(), below.status.as_u16()];
        assert!(
            statuses == [200, 409] || statuses == [409, 200],
            "{statuses:?}"
        );
    }
    let puts = (0..50).map(|n| {
        let (server, path) = (&server, format!("many/{n:02}"));
        async move { put(server, &path, "same").await.expect(200) }
    });
    let _ = join_all(puts).await;
    let listed = get(&server, "many?limit=1000").await.json();
    let names = listed["entries"].as_array().unwrap().iter();
    let names: Vec<_> = names.map(|entry| entry["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 50);
    assert!(names.is_sorted());
}

#[tokio::test]
async fn what_was_answered_with_200_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let start = || Server::builder().data_dir(dir.path()).start();
    let large = noise(12_000_000, 21);
    let mut tags = Vec::new();
    for round in 0..3_u32 {
        let mut server = start().await;
        let _ = put(&server, "d/large", large.clone()).await.expect(200);
        let text = format!("round {round}");
        let stored = put(&server, &format!("d/{round}"), text).await;
        tags.push(stored.expect(200).header("etag").to_owned());
        let _ = put(&server, "gone", "x").await.expect(200);
        let deleted = server.stored(Method::DELETE, "/file/gone", "").await;
        let _ = deleted.expect(200);
        // In the middle of another one.
        let mut raw = Raw::connect(&server.upload).await;
        let head = "PUT /file/d/large HTTP/1.1\r\nhost: x\r\ncontent-length: 9000000\r\n\r\n";
        raw.send(head).await.unwrap();
        raw.send(vec![b'x'; 8_000_000]).await.unwrap();
        server.kill();
    }
    let server = start().await;
    for (round, tag) in tags.iter().enumerate() {
        let kept = get(&server, &format!("d/{round}")).await.expect(200);
        assert_eq!(kept.text(), format!("round {round}"));
        assert_eq!(kept.header("etag"), tag);
    }
    assert!(get(&server, "d/large").await.expect(200).body == large);
    let _ = get(&server, "gone").await.expect(404);
    assert_eq!(files(&dir.path().join("spool")), 0);
    assert_eq!(files(&dir.path().join("objects/content")), 4);
}

#[tokio::test]
async fn a_full_disk_refuses_files_and_keeps_those_that_are_there() {
    let Some(disk) = Disk::mount() else { return };
    let data = disk.path().join("data");
    let server = Server::builder().data_dir(&data).start().await;
    let _ = put(&server, "kept", "before").await.expect(200);
    let ballast = disk.fill();
    for (path, size) in [("kept", 3 << 20), ("new", 3 << 20), ("new", 1)] {
        let refused = put(&server, path, noise(size, 9)).await.expect(507);
        assert!(refused.text().contains("space"), "{}", refused.text());
    }
    assert_eq!(get(&server, "kept").await.expect(200).text(), "before");
    let _ = get(&server, "new").await.expect(404);
    std::fs::remove_file(ballast).unwrap();
    let _ = put(&server, "new", noise(3 << 20, 9)).await.expect(200);
    assert_eq!(files(&data.join("spool")), 0);
}
