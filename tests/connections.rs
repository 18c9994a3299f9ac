//! Connections that are kept, and clients that do not behave.

use std::time::Duration;

use faasm_testkit::{Raw, Server, c, wat_noop};
use reqwest::Method;

const SPIN: &str = r#"(module (memory (export "memory") 1)
    (func (export "_start") (loop (br 0))))"#;

#[tokio::test]
async fn a_connection_is_kept_over_answers_of_all_kinds() {
    let server = Server::start().await;
    server.put("demo/f", wat_noop()).await;
    let mut raw = Raw::connect(&server.invoke).await;
    for _ in 0..3 {
        for (line, status) in [
            ("POST /invoke/demo/f", 200),
            ("POST /invoke/demo/none", 404),
            ("POST /", 400),
            ("POST /nowhere", 404),
            ("POST /healthz", 405),
            ("POST /flush", 200),
        ] {
            let head = format!("{line} HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody");
            raw.send(head).await.unwrap();
            let _ = raw.answer().await.expect(status);
        }
    }
    // Several at once are answered in their order.
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    raw.send([get("/healthz"), get("/nowhere"), get("/readyz")].concat())
        .await
        .unwrap();
    for status in [200, 404, 200] {
        let _ = raw.answer().await.expect(status);
    }
}

#[tokio::test]
async fn what_is_not_http_ends_its_connection_and_nothing_else() {
    let server = Server::start().await;
    server.put("demo/f", wat_noop()).await;
    let long_line = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(200_000));
    let many_headers = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(20_000));
    for rubbish in [
        "\r\n\r\n\0\0\0\0 \r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\u{fc}\x03\x03\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ten\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        "GET / HTTP/1.1\r\nb\u{e4}d header: x\r\n\r\n",
        &long_line,
        &many_headers,
    ] {
        let mut raw = Raw::connect(&server.invoke).await;
        let first = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
        raw.send(first).await.unwrap();
        let _ = raw.answer().await.expect(200);
        // The server may close before all is sent, and a reset may overtake its answer.
        if raw.send(rubbish).await.is_ok() && !raw.is_closed().await {
            let status = raw.answer().await.status;
            assert!(status.is_client_error(), "{status} for {rubbish:.60}");
        }
        let _ = server.call("demo/f", "").await.expect(200);
    }
    let mut raw = Raw::connect(&server.invoke).await;
    let chunk =
        "POST /invoke/demo/f HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n";
    raw.send(chunk).await.unwrap();
    let _ = raw.answer().await.expect(400);
}

#[tokio::test]
async fn slow_clients_are_cut() {
    let server = Server::start().await;
    let mut silent = Raw::connect(&server.invoke).await;
    let mut slow = Raw::connect(&server.upload).await;
    slow.send("PUT /f/demo/f HTTP/1.1\r\nhost: x\r\n")
        .await
        .unwrap();
    let dripping = async {
        for _ in 0..1_000 {
            if slow.send("a: b\r\n").await.is_err() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        false
    };
    let (was_cut, was_closed) = futures::join!(dripping, silent.is_closed());
    assert!(was_cut && was_closed);

    if crate::is_long() {
        let mut pausing = Raw::connect(&server.upload).await;
        let head = "PUT /f/demo/f HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n(module";
        pausing.send(head).await.unwrap();
        let text = pausing.answer().await.expect(408).text();
        assert!(text.contains("the body paused"), "{text}");
    }
    let _ = server
        .stored(Method::GET, "/f/demo/f", "")
        .await
        .expect(404);
}

#[tokio::test]
async fn a_client_that_leaves_cancels_its_call_and_those_below() {
    let server = Server::start().await;
    server.put("demo/spin", SPIN).await;
    let parent = c(r#"#include <faasm/faasm.h>
        int main(void) { return faasmAwaitCall(faasmChainNamed("spin", NULL, 0)); }"#);
    server.put("demo/parent", parent).await;
    let body = r#"{"user": "demo", "function": "parent"}"#;
    for head in [
        format!(
            "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ),
        "POST /invoke/demo/parent HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n".to_owned(),
    ] {
        let mut raw = Raw::connect(&server.invoke).await;
        raw.send(head).await.unwrap();
        let running = async || -> Vec<u64> {
            let list = server.get("/calls").await.expect(200).json();
            let calls = list["calls"].as_array().unwrap().iter();
            let running = calls.filter(|call| call["status"] == "RUNNING");
            running.map(|call| call["id"].as_u64().unwrap()).collect()
        };
        let ids = loop {
            let ids = running().await;
            if ids.len() == 2 {
                break ids;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        drop(raw);
        for id in ids {
            let text = server.wait(id).await;
            assert!(
                text.starts_with("FAILED: ") && text.contains("cancelled"),
                "{text}"
            );
        }
        assert_eq!(running().await, [0_u64; 0]);
        while server.metric("faasm_faaslets_live", "").await > 0.0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
