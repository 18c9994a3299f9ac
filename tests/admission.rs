//! Queues are bounded, and a full one says so.

use std::time::Duration;

use faasm_testkit::{Answer, Server, c, wat_noop};
use tokio::task::JoinSet;

const SPIN: &str = "int main(void) { for (volatile unsigned long i = 0;; i++) {} }";

async fn waiting(server: &Server, calls: f64) {
    while server.metric("faasm_calls_waiting", "").await != calls {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// One line that says whose queue is full, and of what size; when to come back.
fn is_refusal(answer: &Answer) {
    let text = answer.text();
    assert_eq!(answer.status, 429, "{text}");
    assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.starts_with("busy has 5 calls waiting"), "{text}");
    assert!(text.contains("--max-queued"), "{text}");
}

#[tokio::test]
async fn a_full_queue_is_refused_for_its_user_alone_and_empties_again() {
    let server = Server::builder()
        .args(["--max-running", "2", "--max-queued", "5"])
        .start()
        .await;
    server.put("busy/spin", c(SPIN)).await;
    for name in ["busy/noop", "other/noop"] {
        server.put(name, wat_noop()).await;
    }
    // One runs and five wait.
    let mut flood = JoinSet::new();
    for _ in 0..6 {
        flood.spawn(
            server
                .http
                .post(format!("{}/invoke/busy/spin", server.invoke))
                .send(),
        );
    }
    waiting(&server, 5.0).await;
    is_refusal(&server.call("busy/noop", "").await);
    // Asynchronous calls have a queue of their own, of the same length.
    let mut accepted = Vec::new();
    for _ in 0..5 {
        accepted.push(server.submit("busy/noop", "").await);
    }
    let url = format!("{}/invoke/busy/noop?async=true", server.invoke);
    is_refusal(&server.request(reqwest::Method::POST, &url, "").await);
    let json = server
        .http
        .post(url)
        .header("accept", "application/json")
        .send()
        .await
        .unwrap();
    assert_eq!(json.status(), 429);
    let json: serde_json::Value = serde_json::from_slice(&json.bytes().await.unwrap()).unwrap();
    assert_eq!(json["error"]["code"], "queue_full");
    assert!(
        json["error"]["hint"]
            .as_str()
            .unwrap()
            .contains("Retry-After")
    );
    // Others do not notice.
    let _ = server.call("other/noop", "").await.expect(200);
    // A refused call leaves nothing behind: all that was accepted is all there is.
    assert_eq!(server.metric("faasm_calls_live", "").await, 11.0);
    assert!(flood.try_join_next().is_none());
    // The clients leave; the places are free again, and what was accepted runs.
    flood.shutdown().await;
    for id in accepted {
        assert_eq!(server.wait(id).await, "SUCCESS: ");
    }
    let _ = server.call("busy/noop", "").await.expect(200);
    waiting(&server, 0.0).await;
}

#[tokio::test]
async fn more_clients_than_places_are_all_answered_in_the_end() {
    let args = [
        "--max-running",
        "4",
        "--max-queued",
        "1000",
        "--max-faaslets",
        "8",
    ];
    let server = Server::builder().args(args).start().await;
    server.put("demo/noop", wat_noop()).await;
    let mut clients = JoinSet::new();
    for _ in 0..500 {
        clients.spawn(
            server
                .http
                .post(format!("{}/invoke/demo/noop", server.invoke))
                .send(),
        );
    }
    while let Some(answer) = clients.join_next().await {
        assert_eq!(answer.unwrap().unwrap().status(), 200);
    }
    assert_eq!(server.metric("faasm_calls_waiting", "").await, 0.0);
    assert_eq!(server.metric("faasm_calls_running", "").await, 0.0);
}
