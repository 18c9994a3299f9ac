//! State over HTTP: hostile requests, half-sent ones, races, and crashes.

use std::path::Path;
use std::time::Duration;

use faasm_testkit::{Answer, Raw, Server, c};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

/// Reads the value `shared`, prints it, and with an input sets it to that.
const SHARED: &str = r#"
    #include <stdio.h>
    #include <string.h>
    #include "faasm/faasm.h"
    int main(void) {
        char text[256] = {0};
        long size = faasmReadStateSize("shared");
        if (size > 0) faasmReadState("shared", (uint8_t *)text, size);
        printf("%.*s", (int)size, text);
        long given = faasmGetInputSize();
        if (given > 0) {
            faasmGetInput((uint8_t *)text, given);
            faasmWriteState("shared", (uint8_t *)text, given);
        }
        return 0;
    }"#;

async fn set(server: &Server, path: &str, headers: &[&str], value: &str) -> Answer {
    let url = format!("{}{path}", server.upload);
    server
        .request_with(Method::PUT, &url, headers, value.to_owned())
        .await
}

async fn get(server: &Server, path: &str) -> Answer {
    server.stored(Method::GET, path, "").await
}

/// A request whose path no client would send as it is.
async fn odd(server: &Server, method: &str, path: &str) -> Answer {
    let mut raw = Raw::connect(&server.upload).await;
    let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
    raw.send(head).await.unwrap();
    raw.answer().await
}

#[tokio::test]
async fn what_is_no_key_is_refused_by_its_field_and_rule() {
    let server = Server::start().await;
    let long = "k".repeat(513);
    let wide = "%C3%A4".repeat(257);
    for key in [
        "a%2Fb", "%00", "%0a", "%7F", "%C2%9B", "%ff%fe", "%C3", &long, &wide,
    ] {
        for method in ["PUT", "GET", "DELETE"] {
            let answer = odd(&server, method, &format!("/s/demo/{key}"))
                .await
                .expect(400);
            let text = answer.text();
            assert!(
                text.contains("`key`") && text.lines().count() == 1,
                "{text}"
            );
        }
    }
    for user in ["..", "a%20b", "%2F", &"u".repeat(129)] {
        let answer = odd(&server, "PUT", &format!("/s/{user}/key"))
            .await
            .expect(400);
        assert!(answer.text().contains("`user`"), "{}", answer.text());
    }
    for (path, status) in [
        ("/s//key", 400),
        ("/s/demo/", 404),
        ("/s/demo/a/b", 404),
        ("/s/demo/a/elements/b", 404),
    ] {
        let _ = odd(&server, "PUT", path).await.expect(status);
    }
    assert_eq!(get(&server, "/s").await.json()["users"], json!([]));
}

#[tokio::test]
async fn dots_and_any_printable_text_are_keys() {
    let server = Server::start().await;
    let widest = "%F0%9F%A6%80".repeat(128);
    for key in [
        ".",
        "..",
        "%2e%2E",
        "%25",
        "a%3Fb%23c",
        "%20",
        "%E2%80%AE",
        &widest,
    ] {
        let path = format!("/s/demo/{key}");
        let mut raw = Raw::connect(&server.upload).await;
        let value = format!("of {key}");
        let length = value.len();
        let put =
            format!("PUT {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{value}");
        raw.send(put).await.unwrap();
        let _ = raw.answer().await.expect(200);
        assert_eq!(odd(&server, "GET", &path).await.expect(200).text(), value);
    }
}

#[tokio::test]
async fn ranges_without_sense_do_no_harm() {
    let server = Server::start().await;
    let _ = set(&server, "/s/demo/v", &[], "0123456789")
        .await
        .expect(200);
    let many = format!("bytes={}", "0-1,".repeat(2_000));
    for (range, status) in [
        ("bytes=0-18446744073709551615", 206),
        ("bytes=-18446744073709551616", 206),
        ("bytes=9-9", 206),
        ("bytes=10-", 416),
        ("bytes=18446744073709551615-", 416),
        ("bytes=-0", 416),
        ("bytes=", 200),
        ("bytes=9-0", 200),
        ("bytes=0x1-2", 200),
        ("lines=1-2", 200),
        (&many, 200),
    ] {
        let url = format!("{}/s/demo/v", server.upload);
        let range = format!("range: {range}");
        let answer = server.request_with(Method::GET, &url, &[&range], "").await;
        let answer = answer.expect(status);
        match status {
            416 => assert_eq!(answer.header("content-range"), "bytes */10"),
            206 => assert!(answer.header("content-range").ends_with("/10")),
            _ => assert_eq!(answer.text(), "0123456789"),
        }
    }
}

#[tokio::test]
async fn a_value_too_large_is_refused_before_it_is_sent() {
    let server = Server::start().await;
    let _ = set(&server, "/s/demo/v", &[], "before").await.expect(200);
    for (length, status) in [
        (1_u64 << 31, 413),
        (u64::MAX / 2, 413),
        ((1 << 31) - 1, 100),
    ] {
        let mut raw = Raw::connect(&server.upload).await;
        let head = format!(
            "PUT /s/demo/v HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {length}\r\n\r\n"
        );
        raw.send(head).await.unwrap();
        let answer = raw.answer().await.expect(status);
        let named = status == 100 || answer.text().contains("2147483647 bytes");
        assert!(named, "{}", answer.text());
    }
    assert_eq!(get(&server, "/s/demo/v").await.expect(200).text(), "before");
}

#[tokio::test]
async fn limits_of_state_are_named_by_their_options() {
    let server = Server::builder()
        .args(["--max-state-value", "1KiB", "--max-state-bytes", "1500"])
        .args(["--max-state-keys", "2"])
        .start()
        .await;
    let large = set(&server, "/s/demo/v", &[], &"x".repeat(1_025))
        .await
        .expect(413);
    assert!(large.text().contains("1024 bytes"), "{}", large.text());
    for key in ["a", "b"] {
        let _ = set(&server, &format!("/s/demo/{key}"), &[], "x")
            .await
            .expect(200);
    }
    let json = ["accept: application/json"];
    let over = set(&server, "/s/demo/c", &json, "x")
        .await
        .expect(413)
        .json();
    assert_eq!(over["error"]["code"], "state_quota");
    assert!(over.to_string().contains("--max-state-keys"), "{over}");
    let _ = set(&server, "/s/demo/a", &[], &"x".repeat(1_000))
        .await
        .expect(200);
    let over = set(&server, "/s/demo/b", &[], &"x".repeat(1_000))
        .await
        .expect(413);
    assert!(over.text().contains("--max-state-bytes"), "{}", over.text());
    // Another user is not concerned, and what is deleted makes room.
    let _ = set(&server, "/s/other/c", &[], "x").await.expect(200);
    let _ = server
        .stored(Method::DELETE, "/s/demo/a", "")
        .await
        .expect(200);
    let _ = set(&server, "/s/demo/c", &[], "x").await.expect(200);
}

#[tokio::test]
async fn a_chunked_value_is_stored_byte_for_byte() {
    let server = Server::start().await;
    let pieces = [&b"\0\xff"[..], b"second\r\n", &[b'x'; 100_000]];
    let body = pieces.map(|piece| Ok::<_, std::io::Error>(piece.to_vec()));
    let body = reqwest::Body::wrap_stream(futures::stream::iter(body));
    let _ = server
        .stored(Method::PUT, "/s/demo/v", body)
        .await
        .expect(200);
    assert_eq!(get(&server, "/s/demo/v").await.body, pieces.concat());
}

#[tokio::test]
async fn a_value_larger_than_the_memory_budget_passes_through() {
    let args = ["--memory-budget", "64MiB"];
    let server = Server::builder().args(args).start().await;
    let value: Vec<u8> = (0..25_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let put = server.stored(Method::PUT, "/s/demo/v", value.clone());
    let _ = put.await.expect(200);
    assert!(get(&server, "/s/demo/v").await.expect(200).body == value);
    while server.metric("faasm_memory_budget_used_bytes", "").await > 0.0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_client_that_goes_away_half_way_changes_nothing() {
    let server = Server::start().await;
    let _ = set(&server, "/s/demo/v", &[], "before").await.expect(200);
    let head = "PUT /s/demo/v HTTP/1.1\r\nhost: x\r\ncontent-length: 20000000\r\n\r\n";
    for sent in [0, 1_000, 15_000_000] {
        let mut raw = Raw::connect(&server.upload).await;
        raw.send(head).await.unwrap();
        raw.send(vec![b'x'; sent]).await.unwrap();
    }
    let mut raw = Raw::connect(&server.upload).await;
    raw.send(&head.replace("content-length: 20000000", "transfer-encoding: chunked"))
        .await
        .unwrap();
    raw.send("5\r\nabcde\r\n").await.unwrap();
    drop(raw);
    // Whether the server has noticed yet or not.
    for _ in 0..20 {
        assert_eq!(get(&server, "/s/demo/v").await.expect(200).text(), "before");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let keys = get(&server, "/s/demo").await.json();
    assert_eq!(keys["keys"][0]["size"], 6, "{keys}");
}

#[tokio::test]
async fn of_twenty_that_compare_and_set_at_once_exactly_one_wins() {
    let server = Server::start().await;
    for round in 0..5 {
        let path = format!("/s/demo/{round}");
        let mut header = "if-none-match: *".to_owned();
        for _ in 0..2 {
            let racers = (0..20).map(|racer| {
                let (server, path, header) = (&server, &path, &header);
                async move { set(server, path, &[header], &racer.to_string()).await }
            });
            let answers = join_all(racers).await;
            let won = |answer: &&Answer| answer.status == 200;
            let winners: Vec<_> = answers.iter().filter(won).collect();
            assert_eq!(winners.len(), 1);
            assert!(answers.iter().all(|a| a.status == 200 || a.status == 412));
            let now = get(&server, &path).await.expect(200);
            assert_eq!(now.header("etag"), winners[0].header("etag"));
            header = format!("if-match: {}", now.header("etag"));
        }
    }
}

#[tokio::test]
async fn concurrent_appends_are_all_there_once_and_in_one_order() {
    let server = Server::start().await;
    let url = format!("{}/s/demo/log/elements", server.upload);
    let appenders = (0..8).map(|appender| {
        let (server, url) = (&server, &url);
        async move {
            let mut counts = Vec::new();
            for number in 0..10 {
                let element = format!("{appender}.{number}");
                let json = ["accept: application/json"];
                let answer = server.request_with(Method::POST, url, &json, element).await;
                counts.push(answer.expect(200).json()["elements"].as_u64().unwrap());
            }
            counts
        }
    });
    let mut counts: Vec<u64> = join_all(appenders).await.concat();
    counts.sort_unstable();
    assert!(counts.into_iter().eq(1..=80));
    let mut elements: Vec<Value> = Vec::new();
    let mut next = json!(0);
    while let Some(first) = next.as_u64() {
        let page = get(
            &server,
            &format!("/s/demo/log/elements?limit=7&first={first}"),
        )
        .await;
        let mut page = page.expect(200).json();
        elements.append(page["elements"].as_array_mut().unwrap());
        next = page["next"].take();
    }
    let distinct: std::collections::HashSet<_> = elements.iter().map(Value::to_string).collect();
    assert_eq!((elements.len(), distinct.len()), (80, 80));
}

#[tokio::test]
async fn functions_and_requests_see_each_others_values() {
    let server = Server::start().await;
    server.put("demo/shared", c(SHARED)).await;
    let _ = set(&server, "/s/demo/shared", &[], "from outside")
        .await
        .expect(200);
    let call = server.call("demo/shared", "from a call").await.expect(200);
    assert_eq!(call.text(), "from outside");
    assert_eq!(
        get(&server, "/s/demo/shared").await.expect(200).text(),
        "from a call"
    );
    // A new value of another size, while the former is in the worker's memory.
    let _ = set(&server, "/s/demo/shared", &[], "longer than what was there")
        .await
        .expect(200);
    let call = server.call("demo/shared", "").await.expect(200);
    assert_eq!(call.text(), "longer than what was there");
    let _ = server
        .stored(Method::DELETE, "/s/demo/shared", "")
        .await
        .expect(200);
    assert_eq!(server.call("demo/shared", "").await.expect(200).text(), "");
    let _ = server.post(json!({"flush": true})).await.expect(200);
    let _ = get(&server, "/s/demo/shared").await.expect(404);
}

async fn start(dir: &Path) -> Server {
    Server::builder().data_dir(dir).start().await
}

#[tokio::test]
async fn what_was_answered_with_200_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let large: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut server = start(dir.path()).await;
    let _ = set(&server, "/s/demo/gone", &[], "x").await.expect(200);
    let _ = server
        .stored(Method::POST, "/s/demo/log/elements", "1")
        .await
        .expect(200);
    let _ = server
        .stored(Method::DELETE, "/s/demo/gone", "")
        .await
        .expect(200);
    let _ = server
        .stored(Method::PUT, "/s/demo/large", large.clone())
        .await
        .expect(200);
    let put = set(&server, "/s/demo/small", &[], "kept").await.expect(200);
    server.kill();
    let mut server = start(dir.path()).await;
    let small = get(&server, "/s/demo/small").await.expect(200);
    assert_eq!(
        (small.text().as_str(), small.header("etag")),
        ("kept", put.header("etag"))
    );
    assert!(get(&server, "/s/demo/large").await.expect(200).body == large);
    let _ = get(&server, "/s/demo/gone").await.expect(404);
    let elements = get(&server, "/s/demo/log/elements").await.json();
    assert_eq!(elements["elements"], json!(["MQ=="]));
    // A version is not used twice, not even after the value was gone.
    let again = set(&server, "/s/demo/gone", &[], "y").await.expect(200);
    let is = format!("if-match: {}", again.header("etag"));
    let _ = server
        .stored(Method::DELETE, "/s/demo/gone", "")
        .await
        .expect(200);
    server.kill();
    let server = start(dir.path()).await;
    let _ = set(&server, "/s/demo/gone", &[], "z").await.expect(200);
    let _ = set(&server, "/s/demo/gone", &[&is], "w").await.expect(412);
}
