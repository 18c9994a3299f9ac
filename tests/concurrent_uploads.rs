//! What uploads do to each other, to calls, and when they break off.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use faasm_testkit::{Raw, Server, c, wat_noop};
use futures::future::join_all;
use reqwest::Method;

/// A function that prints `text`.
fn says(text: &str) -> Bytes {
    c(&format!(
        "#include <stdio.h>\nint main(void) {{ printf(\"{text}\"); return 0; }}"
    ))
}

/// The number of files below a directory.
pub(crate) fn files(dir: &Path) -> usize {
    let entries = std::fs::read_dir(dir).unwrap();
    let count = |path: &Path| if path.is_dir() { files(path) } else { 1 };
    entries.map(|entry| count(&entry.unwrap().path())).sum()
}

/// Waits until there are so many files in a part of the data directory.
pub(crate) async fn has_files(server: &Server, part: &str, expected: usize) {
    while files(&server.data_dir().join(part)) != expected {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn an_upload_that_breaks_off_stores_nothing() {
    let server = Server::start().await;
    let old = says("old");
    // Large enough not to wait in memory for its end.
    let new = [wat_noop().as_bytes(), &[b' '; 8 << 20]].concat();
    server.put("demo/old", old.clone()).await;
    let half = &new[..new.len() / 2];
    let (whole, part) = (new.len(), half.len());
    let lengths = [
        format!("content-length: {whole}"),
        "transfer-encoding: chunked".into(),
    ];
    for name in ["old", "new"] {
        for length in &lengths {
            let mut raw = Raw::connect(&server.upload).await;
            let head = format!("PUT /f/demo/{name} HTTP/1.1\r\nhost: x\r\n{length}\r\n\r\n");
            raw.send(head).await.unwrap();
            if length.contains("chunked") {
                raw.send(format!("{part:x}\r\n")).await.unwrap();
            }
            raw.send(half).await.unwrap();
            has_files(&server, "spool", 1).await;
            drop(raw);
            has_files(&server, "spool", 0).await;
        }
    }
    let get = server.stored(Method::GET, "/f/demo/old", "").await;
    assert_eq!(get.expect(200).body, old);
    assert_eq!(server.call("demo/old", "").await.expect(200).text(), "old");
    let _ = server
        .stored(Method::GET, "/f/demo/new", "")
        .await
        .expect(404);
    let _ = server.call("demo/new", "").await.expect(404);
}

#[tokio::test]
async fn calls_in_flight_finish_on_the_old_code() {
    let server = Server::start().await;
    // It goes on until another function tells it to.
    let old = c(r#"#include <faasm/faasm.h>
        #include <stdio.h>
        #include <unistd.h>
        int main(void) {
            printf("old begins, ");
            while (faasmAwaitCall(faasmChainNamed("gate", NULL, 0)) != 0) usleep(5000);
            printf("old ends");
            return 0;
        }"#);
    server.put("demo/f", old).await;
    server
        .put("demo/gate", c("int main(void) { return 1; }"))
        .await;
    let calls = join_all((0..4).map(|_| server.call("demo/f", "")));
    let meanwhile = async {
        while server.metric("faasm_faaslets_live", "").await < 4.0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        server.put("demo/f", says("new")).await;
        assert_eq!(server.call("demo/f", "").await.expect(200).text(), "new");
        // Neither a delete nor a flush disturbs them.
        let _ = server
            .stored(Method::DELETE, "/f/demo/f", "")
            .await
            .expect(200);
        let _ = server.stored(Method::POST, "/flush", "").await.expect(200);
        server
            .put("demo/gate", c("int main(void) { return 0; }"))
            .await;
    };
    let (answers, ()) = futures::join!(calls, meanwhile);
    for answer in answers {
        assert_eq!(answer.expect(200).text(), "old begins, old ends");
    }
}

#[tokio::test]
async fn readers_and_callers_meet_one_version_and_never_a_mix() {
    let server = Server::start().await;
    // Their sizes differ, so that a mix would be seen.
    let version = |n: usize| {
        let pad = "long text ".repeat(n * 9_000);
        format!(
            r#"(module (import "env" "__faasm_write_output" (func $put (param i32 i32)))
                (memory (export "memory") 16) (data (i32.const 0) "{n}{pad}")
                (func (export "_start") (call $put (i32.const 0) (i32.const 1))))"#
        )
    };
    let versions: Vec<Bytes> = (0..4).map(|n| version(n).into()).collect();
    let mut tags = Vec::new();
    for code in &versions {
        let put = server.try_put("demo/f", code.clone()).await.expect(200);
        tags.push(put.header("etag").to_owned());
    }
    let rounds = if crate::is_long() { 300 } else { 15 };
    let writer = async |mine: usize| {
        for round in 0..rounds {
            let n = (mine + round) % versions.len();
            let put = server.try_put("demo/f", versions[n].clone()).await;
            assert_eq!(put.expect(200).header("etag"), tags[n]);
        }
    };
    let reader = async || {
        for _ in 0..rounds * 2 {
            let get = server
                .stored(Method::GET, "/f/demo/f", "")
                .await
                .expect(200);
            let n = tags
                .iter()
                .position(|tag| get.header("etag") == tag)
                .unwrap();
            assert!(get.body == versions[n], "not the bytes of its tag");
            let said = server.call("demo/f", "").await.expect(200).text();
            assert!(["0", "1", "2", "3"].contains(&said.as_str()), "{said}");
        }
    };
    futures::join!(writer(0), writer(1), writer(2), reader(), reader());
}

#[tokio::test]
async fn identical_content_under_many_names_lives_as_long_as_one_of_them() {
    let server = Server::start().await;
    let code = says("shared");
    let names: Vec<String> = (0..20).map(|n| format!("user{}/f{n}", n % 3)).collect();
    let paths: Vec<String> = names.iter().map(|name| format!("/f/{name}")).collect();
    for round in 0..3 {
        join_all(names.iter().map(|name| server.put(name, code.clone()))).await;
        // The last one goes and comes back while the others are deleted.
        let (last, others) = paths.split_last().unwrap();
        let deletes = join_all(others.iter().map(|p| server.stored(Method::DELETE, p, "")));
        let again = async {
            let _ = server.stored(Method::DELETE, last, "").await.expect(200);
            server.put(&names[19], code.clone()).await;
        };
        let (deleted, ()) = futures::join!(deletes, again);
        for answer in deleted {
            let _ = answer.expect(200);
        }
        let _ = server.stored(Method::POST, "/flush", "").await.expect(200);
        let get = server.stored(Method::GET, last, "").await.expect(200);
        assert!(get.body == code, "round {round}");
        let answer = server.call(&names[19], "").await.expect(200);
        assert_eq!(answer.text(), "shared");
        let _ = server.stored(Method::DELETE, last, "").await.expect(200);
        // The disk space is given back with the last of them: what stays is the storage's id.
        assert_eq!(files(&server.data_dir().join("objects")), 1);
    }
}
