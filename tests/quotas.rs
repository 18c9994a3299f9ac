//! Quotas of users: how often they call, how many calls they have, what they store.

use faasm_testkit::{Answer, Server, wat_noop};
use serde_json::json;

const SPIN: &str =
    r#"(module (memory (export "memory") 1) (func (export "_start") (loop (br 0))))"#;

fn refused(answer: Answer, status: u16, word: &str) {
    let answer = answer.expect(status);
    assert!(answer.text().contains(word), "{}", answer.text());
    assert_eq!(
        answer.header("retry-after"),
        if status == 429 { "1" } else { "" }
    );
}

#[tokio::test]
async fn a_user_who_calls_too_often_is_refused_and_others_are_not() {
    let server = Server::builder()
        .args(["--user-max-calls-per-second", "1"])
        .start()
        .await;
    server.put("fast/noop", wat_noop()).await;
    server.put("other/noop", wat_noop()).await;
    let body = json!({ "user": "fast", "function": "noop", "async": true });
    let mut refusals = 0;
    // More than one a second, however slow the machine is, since none is waited for.
    while refusals < 3 {
        for answer in [
            server.call("fast/noop", "").await,
            server.post(body.clone()).await,
        ] {
            if answer.status == 429 {
                refused(answer, 429, "more than 1 calls a second");
                refusals += 1;
            }
        }
    }
    let _ = server.call("other/noop", "").await.expect(200);
    // Whoever has nothing is not remembered, however many of them there are.
    for user in 0..10 {
        let _ = server
            .call(&format!("nobody{user}/f"), "")
            .await
            .expect(404);
        let _ = server
            .call(&format!("nobody{user}/f"), "")
            .await
            .expect(404);
    }
    let counted = server.metric("faasm_quota_refusals_total", r#"quota="calls_per_second""#);
    assert!(counted.await >= 3.0);
}

#[tokio::test]
async fn a_users_calls_at_a_time_are_bounded_and_ended_ones_do_not_count() {
    let server = Server::builder()
        .args(["--user-max-concurrent-calls", "2"])
        .start()
        .await;
    server.put("busy/spin", SPIN).await;
    server.put("busy/noop", wat_noop()).await;
    server.put("other/noop", wat_noop()).await;
    for _ in 0..5 {
        let _ = server.call("busy/noop", "").await.expect(200);
    }
    {
        let spin = || async {
            tokio::time::timeout(
                std::time::Duration::from_secs(20),
                server.call("busy/spin", ""),
            )
            .await
        };
        let refusal = async {
            while server.metric("faasm_calls_live", "").await < 2.0 {}
            let answer = server.call("busy/noop", "").await;
            let _ = server.call("other/noop", "").await.expect(200);
            let id = server.submit("busy/noop", "").await;
            assert_eq!(server.wait(id).await, "SUCCESS: ");
            answer
        };
        tokio::select! {
            _ = spin() => panic!("it ended"),
            _ = spin() => panic!("it ended"),
            answer = refusal => refused(answer, 429, "2 calls that are not answered"),
        }
    }
    // The clients of the two are gone.
    while server.call("busy/noop", "").await.status != 200 {}
}

#[tokio::test]
async fn what_a_user_stores_is_bounded() {
    let code = wat_noop();
    let most = (code.len() * 2).to_string();
    let server = Server::builder()
        .args(["--user-max-storage", &most])
        .start()
        .await;
    server.put("a/one", code).await;
    server.put("a/two", code).await;
    // Replacing adds nothing, and others are not affected.
    server.put("a/two", code).await;
    server.put("b/one", code).await;
    refused(server.try_put("a/three", code).await, 507, "may have");
    refused(
        server.try_put("a/two", format!("{code} ")).await,
        507,
        "may have",
    );
    let _ = server
        .stored(reqwest::Method::DELETE, "/f/a/one", "")
        .await
        .expect(200);
    server.put("a/three", code).await;
    // One at a time: two that fit alone do not fit together.
    let _ = server
        .stored(reqwest::Method::DELETE, "/f/a/two", "")
        .await
        .expect(200);
    let (one, other) = tokio::join!(server.try_put("a/x", code), server.try_put("a/y", code));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 507]);
}
