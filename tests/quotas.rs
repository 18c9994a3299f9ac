//! Quotas of users: how often they call, how many calls they have, what they store and take of
//! memory.

use std::time::Duration;

use faasm_testkit::{Answer, Builder, Server, c, wat_noop};
use reqwest::Method;
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

/// A server with these settings in its file.
async fn with_settings(text: &str) -> Server {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let config = ["--config".to_owned(), file.path().display().to_string()];
    Builder::default().args(config).start().await
}

#[tokio::test]
async fn what_is_being_stored_counts_before_it_is_stored_and_keeps_nobody_waiting() {
    let (code, endless) = (
        wat_noop(),
        r#"(module (memory (export "memory") 1)
            (func (export "_faasm_zygote") (loop (br 0)))
            (func (export "main") (result i32) (i32.const 0)))"#,
    );
    let most = (code.len() + endless.len()).to_string();
    let server = Server::builder()
        .args(["--user-max-storage", &most])
        .start()
        .await;
    {
        let mut slow = std::pin::pin!(server.try_put("a/slow", endless));
        while server.metric("faasm_faaslets_live", "").await == 0.0 {
            let ended = tokio::time::timeout(Duration::from_millis(10), slow.as_mut()).await;
            assert!(ended.is_err(), "{}", ended.unwrap().text());
        }
        server.put("a/one", code).await;
        refused(server.try_put("a/two", code).await, 507, "may have");
        server.put("b/two", code).await;
    }
    // The client is gone, and what it has sent is still being looked at.
    refused(server.try_put("a/two", code).await, 507, "may have");
}

#[tokio::test]
async fn what_is_not_stored_in_the_end_takes_no_room() {
    let code = wat_noop();
    let most = code.len().to_string();
    let server = Server::builder()
        .args(["--user-max-storage", &most])
        .start()
        .await;
    for _ in 0..3 {
        let rubbish = "(module".to_owned();
        let _ = server.try_put("a/one", rubbish).await.expect(422);
    }
    server.put("a/one", code).await;
}

/// Holds 40 MiB until it is cancelled.
const HOLD: &str = r#"
    #include <unistd.h>
    static volatile char memory[40 << 20];
    int main(void) { memory[getpid()] = 1; sleep(600); return memory[12345]; }"#;

/// Starts with 40 MiB and does nothing.
const BIG: &str = r#"(module (memory (export "memory") 640) (func (export "_start")))"#;

/// Grows its memory until it cannot, and fails.
const GROW: &str = r#"(module (memory (export "memory") 1) (func (export "_start")
    (loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable))"#;

/// Has a call of `hold` take its memory.
async fn hold(server: &Server, user: &str) -> u64 {
    let id = server.submit(&format!("{user}/hold"), "").await;
    let used = async || server.metric("faasm_memory_budget_used_bytes", "").await;
    while used().await < f64::from(40 << 20) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    id
}

#[tokio::test]
async fn the_calls_of_a_user_have_a_bound_of_memory_together() {
    let args = ["--user-max-memory", "64MiB", "--memory-budget", "512MiB"];
    let server = Server::builder().args(args).start().await;
    let code = c(HOLD);
    for user in ["demo", "other"] {
        server.put(&format!("{user}/big"), BIG).await;
    }
    server.put("demo/hold", code).await;
    server.put("demo/grow", GROW).await;
    let holder = hold(&server, "demo").await;
    let answer = server.call("demo/big", "").await.expect(503);
    assert_eq!(answer.header("retry-after"), "1");
    let text = answer.text();
    assert!(
        text.contains("67108864 bytes (--user-max-memory)"),
        "{text}"
    );
    let _ = server.call("other/big", "").await.expect(200);
    let waiting = server.submit("demo/big", "").await;
    let answer = server.call("demo/grow", "").await.expect(500);
    let text = answer.text();
    assert!(text.contains("memory_limit: memory budget: "), "{text}");
    assert!(
        text.contains("67108864 bytes (--user-max-memory)"),
        "{text}"
    );
    assert_eq!(
        server.get(&format!("/calls/{waiting}")).await.text(),
        "RUNNING"
    );
    let url = format!("{}/calls/{holder}", server.invoke);
    let _ = server.request(Method::DELETE, &url, "").await.expect(200);
    assert_eq!(server.wait(waiting).await, "SUCCESS: ");
    let _ = server.call("demo/big", "").await.expect(200);
    // What can never be is not waited for.
    server.put("demo/huge", BIG.replace("640", "1600")).await;
    for id in [
        server.submit("demo/huge", "").await,
        server.submit("demo/huge", "").await,
    ] {
        let ended = server.wait(id).await;
        assert!(ended.contains("--user-max-memory"), "{ended}");
    }
}

#[tokio::test]
async fn what_a_user_prints_and_writes_is_part_of_it() {
    let args = ["--user-max-memory", "24MiB", "--max-scratch-memory", "1GiB"];
    let server = Server::builder().args(args).start().await;
    let code = c(r#"
        #include <errno.h>
        #include <fcntl.h>
        #include <string.h>
        #include <unistd.h>
        static char block[1 << 20];
        int main(void)
        {
            memset(block, 'x', sizeof block);
            int fd = open("/tmp/file", O_CREAT | O_WRONLY, 0644);
            for (int i = 0; i < 40; i++)
                if (write(fd, block, sizeof block) != sizeof block) return errno;
            ftruncate(fd, 0);
            for (;;) write(1, block, sizeof block);
        }"#);
    server.put("demo/f", code).await;
    let limits = json!({ "output_bytes": 1 << 30 });
    let _ = server.set_limits("demo/f", limits).await.expect(200);
    let call = server.call_json("demo/f", "").await;
    let (code, message) = (&call["reason"]["code"], &call["reason"]["message"]);
    assert_eq!(code, "memory_limit", "{message}");
    let message = message.as_str().unwrap();
    assert!(message.contains("--user-max-memory"), "{message}");
    assert!(call["stdout"].as_str().unwrap().len() < 24 << 20);
}

#[tokio::test]
async fn single_users_can_have_other_quotas_than_all() {
    let server = with_settings(
        "user-max-memory = \"64MiB\"\nuser-max-calls-per-second = 1000\nuser-max-storage = \"16MiB\"\n\
         [users.large]\nmax-memory = \"128MiB\"\n\
         [users.small]\nmax-storage = 10\nmax-state-bytes = 200\n\
         [users.slow]\nmax-calls-per-second = 1\nmax-concurrent-calls = 1\n",
    )
    .await;
    for user in ["large", "other"] {
        server.put(&format!("{user}/big"), BIG).await;
    }
    server.put("large/hold", c(HOLD)).await;
    hold(&server, "large").await;
    let _ = server.call("large/big", "").await.expect(200);
    let huge = BIG.replace("640", "1600");
    server.put("large/huge", huge.clone()).await;
    server.put("other/huge", huge).await;
    let _ = server.call("other/huge", "").await.expect(500);
    let answer = server.call("large/huge", "").await.expect(503);
    assert!(
        answer.text().contains("134217728 bytes"),
        "{}",
        answer.text()
    );

    refused(
        server.try_put("small/f", wat_noop()).await,
        507,
        "may have 10",
    );
    let state = async |user: &str| {
        let path = format!("/s/{user}/key");
        server.stored(Method::PUT, &path, "x".repeat(300)).await
    };
    let _ = state("other").await.expect(200);
    let over = state("small").await.expect(413);
    assert!(over.text().contains("200"), "{}", over.text());

    server.put("slow/noop", wat_noop()).await;
    let mut answer = server.call("slow/noop", "").await;
    while answer.status != 429 {
        answer = server.call("slow/noop", "").await;
    }
    refused(answer, 429, "more than 1 calls a second");
}
