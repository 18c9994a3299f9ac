//! Ending a server on purpose.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use faasm_testkit::{Server, Signal, c, wat_noop};
use serde_json::json;

/// Far longer than any shutdown takes.
const LIMIT: Duration = Duration::from_secs(30);

const SPIN: &str = r#"
    #include <stdio.h>
    int main(void) {
        puts("started");
        fflush(stdout);
        for (volatile unsigned long i = 0;; i++) {}
    }"#;

/// Sleeps as many milliseconds as its input says.
const SLEEP: &str = r#"
    #include <stdio.h>
    #include <stdlib.h>
    #include <unistd.h>
    #include "faasm/faasm.h"
    int main(void) {
        char text[16] = {0};
        faasmGetInput(text, sizeof text - 1);
        usleep(atoi(text) * 1000);
        printf("slept %s", text);
        return 0;
    }"#;

/// Waits until so many Faaslets are alive.
async fn alive(server: &Server, faaslets: f64) {
    while server.metric("faasm_faaslets_live", "").await < faaslets {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_running_call_ends_within_the_grace_and_the_server_takes_no_new_connections() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = Server::builder()
            .args(["--shutdown-grace", "60s"])
            .start()
            .await;
        server.put("demo/sleep", c(SLEEP)).await;
        let call = server
            .http
            .post(format!("{}/invoke/demo/sleep", server.invoke));
        let call = tokio::spawn(call.body("1000").send());
        alive(&server, 1.0).await;
        server.signal(signal);
        for url in [&server.upload, &server.invoke] {
            let addr = url.strip_prefix("http://").unwrap();
            while TcpStream::connect(addr).is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        let call = call.await.unwrap().unwrap();
        assert_eq!(call.status(), 200);
        assert_eq!(call.text().await.unwrap(), "slept 1000");
        assert_eq!(server.exit_code(LIMIT).await, Some(0));
        let logs = server.logs();
        assert!(
            logs.contains("shutting down") && logs.contains("shut down"),
            "{logs}"
        );
    }
}

#[tokio::test]
async fn whoever_only_waits_for_a_call_is_answered_at_once() {
    let mut server = Server::builder()
        .args(["--shutdown-grace", "1s"])
        .start()
        .await;
    server.put("demo/sleep", c(SLEEP)).await;
    let id = server.submit("demo/sleep", "100000").await;
    let body = json!({ "status": true, "id": id, "wait_ms": 50_000 }).to_string();
    let waiting = tokio::spawn(server.http.post(&server.invoke).body(body).send());
    alive(&server, 1.0).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.signal(Signal::TERM);
    let answer = waiting.await.unwrap().unwrap();
    assert_eq!(answer.text().await.unwrap(), "RUNNING");
    assert_eq!(server.exit_code(LIMIT).await, Some(0));
}

#[tokio::test]
async fn after_the_grace_spinning_calls_end_and_asynchronous_ones_run_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let start = || {
        // One call at a time, so that others queue; one attempt, which must not be counted.
        let args = [
            "--shutdown-grace",
            "100ms",
            "--max-running",
            "2",
            "--max-attempts",
            "1",
        ];
        Server::builder().data_dir(dir.path()).args(args).start()
    };
    let mut server = start().await;
    server.put("demo/spin", c(SPIN)).await;
    server.put("demo/sleep", c(SLEEP)).await;
    server.put("other/sleep", c(SLEEP)).await;
    let call = server
        .http
        .post(format!("{}/invoke/demo/spin", server.invoke))
        .send();
    let call = tokio::spawn(call);
    alive(&server, 1.0).await;
    let queued = server.submit("demo/sleep", "1").await;
    let running = server.submit("other/sleep", "2000").await;
    alive(&server, 2.0).await;
    server.signal(Signal::TERM);
    let call = call.await.unwrap().unwrap();
    assert_eq!(call.status(), 500);
    let text = call.text().await.unwrap();
    assert!(text.starts_with("started\n"), "{text}");
    assert!(text.contains("the server shut down"), "{text}");
    assert_eq!(server.exit_code(LIMIT).await, Some(0));
    assert!(
        server
            .logs()
            .contains("calls still run at the end of the grace period")
    );

    let server = start().await;
    assert_eq!(server.wait(queued).await, "SUCCESS: slept 1");
    assert_eq!(server.wait(running).await, "SUCCESS: slept 2000");
}

#[tokio::test]
async fn a_second_signal_ends_the_server_at_once() {
    let mut server = Server::builder()
        .args(["--shutdown-grace", "1h"])
        .start()
        .await;
    server.put("demo/sleep", c(SLEEP)).await;
    let _id = server.submit("demo/sleep", "100000").await;
    alive(&server, 1.0).await;
    server.signal(Signal::TERM);
    while !server.logs().contains("shutting down") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    server.signal(Signal::TERM);
    let code = server.exit_code(LIMIT).await;
    assert!(code.is_some_and(|code| code != 0), "{code:?}");
    assert!(server.logs().contains("second signal"));
}

#[tokio::test]
async fn clients_that_send_nothing_do_not_hold_the_server_up() {
    let mut server = Server::builder()
        .args(["--shutdown-grace", "200ms"])
        .start()
        .await;
    server.put("demo/f", wat_noop()).await;
    let addr = |url: &str| url.strip_prefix("http://").unwrap().to_owned();
    let mut half_upload = TcpStream::connect(addr(&server.upload)).unwrap();
    half_upload
        .write_all(b"PUT /f/demo/f HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nabc")
        .unwrap();
    let mut half_head = TcpStream::connect(addr(&server.invoke)).unwrap();
    half_head.write_all(b"POST / HTTP/1.1\r\nhost:").unwrap();
    let _silent = TcpStream::connect(addr(&server.invoke)).unwrap();
    let _ = server.call("demo/f", "").await.expect(200);
    server.signal(Signal::TERM);
    assert_eq!(server.exit_code(LIMIT).await, Some(0));
}
