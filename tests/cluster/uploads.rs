//! What is stored on one server is in force on all.

use faasm_testkit::{Cluster, Signal, c};
use futures::future::join_all;
use reqwest::Method;

fn says(word: &str) -> bytes::Bytes {
    c(&format!(
        "#include <stdio.h>\nint main(void) {{ printf(\"{word}\"); return 0; }}"
    ))
}

/// What each server answers to a call of `demo/v`.
async fn answers(cluster: &Cluster) -> Vec<String> {
    let calls = cluster
        .servers
        .iter()
        .map(|server| server.call("demo/v", ""));
    let answers = join_all(calls).await;
    answers.iter().map(|answer| answer.text()).collect()
}

#[tokio::test]
async fn an_upload_to_any_server_is_in_force_on_all_when_it_is_answered() {
    let cluster = Cluster::start(3).await;
    for (round, uploader) in [0, 1, 2, 1].into_iter().enumerate() {
        let word = format!("v{round}");
        cluster.servers[uploader].put("demo/v", says(&word)).await;
        assert_eq!(answers(&cluster).await, [&word[..]; 3]);
    }
    let deleted = cluster.servers[2]
        .stored(Method::DELETE, "/f/demo/v", "")
        .await;
    let _ = deleted.expect(200);
    for server in &cluster.servers {
        let _ = server.call("demo/v", "").await.expect(404);
        let list = server.stored(Method::GET, "/f/demo", "").await.expect(200);
        assert_eq!(list.json()["functions"], serde_json::json!([]));
    }
}

#[tokio::test]
async fn a_shared_file_is_one_file_on_all_servers() {
    const COPY: &str = r#"#include <stdio.h>
        int main(void) {
            char text[64] = {0};
            FILE *file = fopen("/data/x", "r");
            if (!file) { puts("none"); return 0; }
            fread(text, 1, sizeof text - 1, file);
            puts(text);
            return 0;
        }"#;
    let cluster = Cluster::start(2).await;
    let (one, other) = (&cluster.servers[0], &cluster.servers[1]);
    one.put("demo/copy", c(COPY)).await;
    assert_eq!(other.call("demo/copy", "").await.text(), "none\n");
    for (server, text) in [(other, "first"), (one, "second"), (other, "third")] {
        let _ = server
            .stored(Method::PUT, "/file/data/x", text)
            .await
            .expect(200);
        for reader in [one, other] {
            assert_eq!(
                reader.call("demo/copy", "").await.text(),
                format!("{text}\n")
            );
            let read = reader.stored(Method::GET, "/file/data/x", "").await;
            assert_eq!(read.expect(200).text(), text);
        }
    }
    let deleted = one.stored(Method::DELETE, "/file/data/x", "").await;
    let _ = deleted.expect(200);
    assert_eq!(other.call("demo/copy", "").await.text(), "none\n");
}

#[tokio::test]
async fn a_server_that_was_stopped_runs_nothing_that_was_replaced_meanwhile() {
    let cluster = Cluster::start(2).await;
    let (one, other) = (&cluster.servers[0], &cluster.servers[1]);
    one.put("demo/v", says("old")).await;
    assert_eq!(answers(&cluster).await, ["old", "old"]);
    other.signal(Signal::STOP);
    // Answered when the other one counts as dead.
    one.put("demo/v", says("new")).await;
    other.signal(Signal::CONT);
    let calls = (0..50).map(|_| other.call("demo/v", ""));
    for answer in join_all(calls).await {
        match answer.status.as_u16() {
            200 => assert_eq!(answer.text(), "new"),
            _ => assert!(
                answer
                    .expect(503)
                    .text()
                    .contains("cut off from its cluster")
            ),
        }
    }
    super::until("it runs calls again", async || {
        other.call("demo/v", "").await.status.is_success()
    })
    .await;
    assert_eq!(answers(&cluster).await, ["new", "new"]);
}

#[tokio::test]
async fn a_server_cut_off_from_redis_says_so_and_comes_back() {
    let cluster = Cluster::start(1).await;
    let server = &cluster.servers[0];
    server.put("demo/v", says("here")).await;
    cluster.redis.signal(Signal::STOP);
    super::until("it runs nothing", async || {
        server.call("demo/v", "").await.status == 503
    })
    .await;
    let answer = server.call("demo/v", "").await.expect(503);
    assert!(answer.text().contains("cut off from its cluster"));
    assert_eq!(answer.header("retry-after"), "1");
    let _ = server.get("/readyz").await.expect(503);
    let _ = server.get("/healthz").await.expect(200);
    cluster.redis.signal(Signal::CONT);
    super::until("it runs calls again", async || {
        server.call("demo/v", "").await.status.is_success()
    })
    .await;
    assert_eq!(server.get("/readyz").await.expect(200).text(), "ready\n");
}

#[tokio::test]
async fn a_flush_reaches_all_servers() {
    let cluster = super::start(2, &[]).await;
    let (one, other) = (&cluster.servers[0], &cluster.servers[1]);
    super::guest::run(other, "write a 1").await;
    assert!(other.metric("faasm_state_local_bytes", "").await > 0.0);
    let flush = format!("{}/flush", one.invoke);
    let flushed = one.request(Method::POST, &flush, "").await;
    assert_eq!(flushed.expect(200).text(), "flushed\n");
    // It drops the copies of state that nobody uses.
    assert_eq!(other.metric("faasm_state_local_bytes", "").await, 0.0);
    assert_eq!(super::guest::run(other, "read a 1").await, "1 1\n");
}
