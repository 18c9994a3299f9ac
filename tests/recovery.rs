//! What was acknowledged survives `kill -9`.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use faasm_testkit::{Server, Signal, c, wat_noop};
use reqwest::{Client, Method};
use tokio::task::{AbortHandle, JoinSet};

/// Sleeps for as many milliseconds as its input begins with, and prints its input.
const SLEEP: &str = r#"
    #include <stdio.h>
    #include <stdlib.h>
    #include <unistd.h>
    #include "faasm/faasm.h"
    int main(void) {
        char text[64] = {0};
        faasmGetInput(text, sizeof text - 1);
        long ms = atol(text);
        sleep(ms / 1000);
        usleep(ms % 1000 * 1000);
        printf("%s", text);
        return 0;
    }"#;

async fn start(dir: &Path) -> Server {
    let args = ["--max-attempts", "3", "--shutdown-grace", "0s"];
    Server::builder().data_dir(dir).args(args).start().await
}

/// Waits until so many Faaslets are alive.
async fn alive(server: &Server, faaslets: f64) {
    while server.metric("faasm_faaslets_live", "").await < faaslets {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The text of a function's version; versions differ in length, too.
fn version(number: u64) -> String {
    let padding = "x".repeat(usize::try_from(number % 97).unwrap() * 1_000);
    format!("{} ;; {number} {padding}", wat_noop())
}

/// An accepted call: its input, and how many kills came before it.
struct Accepted {
    id: u64,
    input: String,
    round: u32,
}

/// Uploads version after version until the server is gone, and counts what was answered
/// with 200.
async fn upload(http: Client, url: String, acknowledged: Arc<AtomicU64>) {
    loop {
        let next = acknowledged.load(Ordering::SeqCst) + 1;
        match http.put(&url).body(version(next)).send().await {
            Ok(answer) if answer.status() == 200 => acknowledged.store(next, Ordering::SeqCst),
            _ => return,
        }
    }
}

/// Submits calls until the server is gone, and returns what was answered with 202.
async fn submit(http: Client, invoke: String, ms: u32, round: u32) -> Vec<Accepted> {
    let mut accepted = Vec::new();
    for number in 0..15 {
        let input = format!("{ms} {round}.{number}");
        let call = http.post(format!("{invoke}/invoke/demo/sleep?async=true"));
        match call.body(input.clone()).send().await {
            Ok(answer) if answer.status() == 202 => {
                let Ok(id) = answer.text().await else { break };
                let id = id.parse().unwrap();
                accepted.push(Accepted { id, input, round });
            }
            _ => break,
        }
    }
    accepted
}

#[tokio::test]
async fn whatever_was_acknowledged_is_there_after_any_kill() {
    let dir = tempfile::tempdir().unwrap();
    let rounds = if crate::is_long() { 50 } else { 5 };
    let acknowledged = Arc::new(AtomicU64::new(0));
    let mut accepted = Vec::new();
    for round in 0..rounds {
        let mut server = start(dir.path()).await;
        check_version(&server, &acknowledged).await;
        server.put("demo/sleep", c(SLEEP)).await;
        let url = format!("{}/f/demo/versions", server.upload);
        let uploading = upload(server.http.clone(), url, Arc::clone(&acknowledged));
        let uploading = tokio::spawn(uploading);
        let mut submitting = JoinSet::new();
        for ms in [0, 0, 300] {
            submitting.spawn(submit(
                server.http.clone(),
                server.invoke.clone(),
                ms,
                round,
            ));
        }
        let random = RandomState::new().hash_one(round) % 400;
        tokio::time::sleep(Duration::from_millis(random)).await;
        server.kill();
        uploading.await.unwrap();
        accepted.extend(submitting.join_all().await.into_iter().flatten());
    }
    let ids: HashSet<u64> = accepted.iter().map(|call| call.id).collect();
    assert_eq!(ids.len(), accepted.len(), "an id was given out twice");

    let mut server = start(dir.path()).await;
    check_version(&server, &acknowledged).await;
    let mut results = BTreeMap::new();
    for call in &accepted {
        let text = server.wait(call.id).await;
        let kills = rounds - call.round;
        if text.starts_with("FAILED: ") {
            // Only what was there for three kills can have been running in three.
            assert!(
                text.contains("attempts") && kills >= 3,
                "{kills} kills: {text}"
            );
        } else {
            assert_eq!(text, format!("SUCCESS: {}", call.input));
        }
        results.insert(call.id, told(&server, call.id).await);
    }
    // Exactly one result: the same one for ever.
    server.signal(Signal::TERM);
    assert_eq!(server.exit_code(Duration::from_secs(30)).await, Some(0));
    let server = start(dir.path()).await;
    for (id, result) in &results {
        assert_eq!(&told(&server, *id).await, result);
    }
    let newest = server.submit("demo/sleep", "0").await;
    assert!(Some(&newest) > results.keys().next_back());
}

/// A call's whole record.
async fn told(server: &Server, id: u64) -> String {
    let call = server.http.get(format!("{}/calls/{id}", server.invoke));
    let answer = call
        .header("accept", "application/json")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    answer.text().await.unwrap()
}

/// The last acknowledged version is there, or the one that was under way, whole.
async fn check_version(server: &Server, acknowledged: &AtomicU64) {
    let last = acknowledged.load(Ordering::SeqCst);
    let url = format!("{}/f/demo/versions", server.upload);
    let answer = server.request(Method::GET, &url, "").await;
    if answer.status == 404 {
        assert_eq!(last, 0);
        return;
    }
    let text = answer.expect(200).text();
    let is_next = text == version(last + 1);
    assert!(is_next || text == version(last), "not version {last}");
    // What was stored but not acknowledged counts as well from now on.
    acknowledged.store(last + u64::from(is_next), Ordering::SeqCst);
    let _ = server.call("demo/versions", "").await.expect(200);
}

#[tokio::test]
async fn a_call_that_kills_its_server_fails_after_the_third_time_and_no_other_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = start(dir.path()).await;
    server.put("demo/sleep", c(SLEEP)).await;
    server.put("bystander/sleep", c(SLEEP)).await;
    let killer = server.submit("demo/sleep", "10000 killer").await;
    let mut bystanders = Vec::new();
    for round in 0..3 {
        for (id, input) in &bystanders {
            assert_eq!(server.wait(*id).await, format!("SUCCESS: {input}"));
        }
        // So it is the killer that runs: the log has counted the attempt.
        alive(&server, 1.0).await;
        let input = format!("0 bystander {round}");
        let id = server.submit("bystander/sleep", &input).await;
        assert_eq!(server.wait(id).await, format!("SUCCESS: {input}"));
        bystanders.push((id, input));
        let queued = format!("300 queued {round}");
        bystanders.push((server.submit("bystander/sleep", &queued).await, queued));
        assert_eq!(
            server.get(&format!("/calls/{killer}")).await.text(),
            "RUNNING"
        );
        server.kill();
        server = start(dir.path()).await;
    }
    let text = server.wait(killer).await;
    assert!(text.starts_with("FAILED: "), "{text}");
    assert!(
        text.contains("attempts exhausted") && text.contains("3 times"),
        "{text}"
    );
    assert!(text.contains("--max-attempts"), "{text}");
    for (id, input) in bystanders {
        assert_eq!(server.wait(id).await, format!("SUCCESS: {input}"));
    }
}

#[tokio::test]
async fn a_graceful_end_is_not_held_against_a_call() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = start(dir.path()).await;
    server.put("demo/sleep", c(SLEEP)).await;
    let id = server.submit("demo/sleep", "1500 patient").await;
    for _ in 0..4 {
        alive(&server, 1.0).await;
        server.signal(Signal::TERM);
        assert_eq!(server.exit_code(Duration::from_secs(30)).await, Some(0));
        server = start(dir.path()).await;
    }
    assert_eq!(server.wait(id).await, "SUCCESS: 1500 patient");
}

#[tokio::test]
async fn after_a_crash_one_users_backlog_does_not_hold_up_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let start = || {
        let builder = Server::builder().data_dir(dir.path());
        builder
            .args(["--max-running", "2", "--max-queued", "300"])
            .start()
    };
    let mut server = start().await;
    server.put("backlog/sleep", c(SLEEP)).await;
    server.put("other/sleep", c(SLEEP)).await;
    let mut last = 0;
    for _ in 0..200 {
        last = server.submit("backlog/sleep", "1000").await;
    }
    let early = server.submit("other/sleep", "0 early").await;
    server.kill();
    let server = start().await;
    assert_eq!(server.wait(early).await, "SUCCESS: 0 early");
    let _ = server.call("other/sleep", "0").await.expect(200);
    assert_eq!(
        server.get(&format!("/calls/{last}")).await.text(),
        "RUNNING"
    );
}

#[tokio::test]
async fn a_client_that_leaves_while_its_call_is_accepted_leaves_no_call_behind_that_never_ends() {
    let server = Server::start().await;
    server.put("demo/f", wat_noop()).await;
    for wait_us in 0..40 {
        let url = format!("{}/invoke/demo/f?async=true", server.invoke);
        let call = tokio::spawn(server.http.post(url).send());
        let leaving: AbortHandle = call.abort_handle();
        tokio::time::sleep(Duration::from_micros(wait_us * 100)).await;
        leaving.abort();
    }
    let mut running = true;
    while running {
        let calls = server.get("/calls?limit=1000").await.expect(200).json();
        let calls = calls["calls"].as_array().unwrap();
        running = calls.iter().any(|call| call["status"] == "RUNNING");
    }
}
