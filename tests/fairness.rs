//! Users share the server; nobody takes it from the others.

use std::time::Duration;

use faasm_testkit::{Server, c, wat_noop};
use reqwest::Method;
use tokio::task::JoinSet;

const SPIN: &str = "int main(void) { for (volatile unsigned long i = 0;; i++) {} }";

/// Sleeps for as many milliseconds as its input says.
const SLEEP: &str = r#"
    #include <stdlib.h>
    #include <unistd.h>
    #include "faasm/faasm.h"
    int main(void) {
        char text[16] = {0};
        faasmGetInput(text, sizeof text - 1);
        long ms = atoi(text);
        sleep(ms / 1000);
        usleep(ms % 1000 * 1000);
        return 0;
    }"#;

/// Waits until a gauge is at least so much.
async fn reaches(server: &Server, gauge: &str, least: f64) {
    while server.metric(gauge, "").await < least {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_users_flood_of_spinning_calls_does_not_stop_another_user() {
    let server = Server::builder().args(["--max-running", "4"]).start().await;
    server.put("flood/spin", c(SPIN)).await;
    server.put("other/noop", wat_noop()).await;
    let mut flood = JoinSet::new();
    for _ in 0..12 {
        let call = server
            .http
            .post(format!("{}/invoke/flood/spin", server.invoke));
        flood.spawn(call.send());
    }
    reaches(&server, "faasm_calls_waiting", 10.0).await;
    for _ in 0..20 {
        let _ = server.call("other/noop", "").await.expect(200);
        let id = server.submit("other/noop", "").await;
        assert_eq!(server.wait(id).await, "SUCCESS: ");
    }
    assert!(flood.try_join_next().is_none(), "the flood still runs");
    // Two of four places are what one user gets.
    assert_eq!(server.metric("faasm_calls_running", "").await, 2.0);
    // Its clients leave, and nothing of it remains.
    flood.shutdown().await;
    while server.metric("faasm_calls_live", "").await > 0.0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(server.metric("faasm_faaslets_live", "").await, 0.0);
}

#[tokio::test]
async fn a_flood_of_asynchronous_calls_does_not_stop_another_users() {
    let server = Server::builder().args(["--max-running", "2"]).start().await;
    server.put("flood/sleep", c(SLEEP)).await;
    server.put("other/noop", wat_noop()).await;
    let mut last = 0;
    for _ in 0..50 {
        last = server.submit("flood/sleep", "30000").await;
    }
    let id = server.submit("other/noop", "").await;
    assert_eq!(server.wait(id).await, "SUCCESS: ");
    assert_eq!(
        server.get(&format!("/calls/{last}")).await.text(),
        "RUNNING"
    );
}

#[tokio::test]
async fn a_synchronous_call_goes_before_the_same_users_asynchronous_backlog() {
    let server = Server::builder().args(["--max-running", "1"]).start().await;
    server.put("demo/sleep", c(SLEEP)).await;
    let mut last = 0;
    for _ in 0..60 {
        last = server.submit("demo/sleep", "500").await;
    }
    for _ in 0..2 {
        let _ = server.call("demo/sleep", "0").await.expect(200);
    }
    assert_eq!(
        server.get(&format!("/calls/{last}")).await.text(),
        "RUNNING"
    );
    // The backlog can be given up, the running call and the queued ones alike.
    let calls = server
        .get("/calls?user=demo&limit=1000")
        .await
        .expect(200)
        .json();
    for call in calls["calls"].as_array().unwrap() {
        let url = format!("{}/calls/{}", server.invoke, call["id"]);
        let _ = server.request(Method::DELETE, &url, "").await.expect(200);
    }
    assert!(server.wait(last).await.starts_with("FAILED: "));
}

#[tokio::test]
async fn thousands_of_calls_sleep_at_once_and_others_run_beside_them() {
    let count = if crate::is_long() { 4_000 } else { 1_500 };
    let args = [
        "--max-faaslets",
        "8192",
        "--max-running",
        "8192",
        "--memory-budget",
        "2GiB",
    ];
    let server = Server::builder().args(args).start().await;
    // A page of memory each: what counts here is how many there are.
    let sleep = r#"(module
        (import "wasi_snapshot_preview1" "poll_oneoff"
            (func $poll (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 24) "\00\c0\69\2a\c9\01\00\00")
        (func (export "_start")
            (i32.store (i32.const 16) (i32.const 1))
            (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))))"#;
    server.put("many/sleep", sleep).await;
    server.put("demo/noop", wat_noop()).await;
    let mut accepted = JoinSet::new();
    for _ in 0..count {
        let url = format!("{}/invoke/many/sleep?async=true", server.invoke);
        accepted.spawn(server.http.post(url).send());
    }
    while let Some(answer) = accepted.join_next().await {
        assert_eq!(answer.unwrap().unwrap().status(), 202);
    }
    reaches(&server, "faasm_faaslets_live", f64::from(count)).await;
    let _ = server.call("demo/noop", "").await.expect(200);
}
