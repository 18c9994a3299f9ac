//! One memory budget for everything that guests make grow.

use std::time::Duration;

use faasm_testkit::{Answer, Server, c};
use futures::future::join_all;
use futures::stream::{self, StreamExt};
use reqwest::Method;
use serde_json::json;

const USED: &str = "faasm_memory_budget_used_bytes";

/// Waits until nothing is alive and nothing of the budget used but what ended calls keep
/// for those who ask.
pub(crate) async fn settles(server: &Server) {
    for _ in 0..3000 {
        let live = server.metric("faasm_faaslets_live", "").await;
        if live == 0.0 && server.metric(USED, "").await == 0.0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (used, live) = (
        server.metric(USED, "").await,
        server.metric("faasm_faaslets_live", "").await,
    );
    panic!("{used} bytes of the budget are used by {live} Faaslets");
}

/// Grows its memory until it cannot, touching all of it, and ends as its input says.
const GROW: &str = r#"(module
    (import "env" "__faasm_read_input" (func $input (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start") (local $old i32)
      (drop (call $input (i32.const 0) (i32.const 8)))
      (block $full
        (loop $more
          (local.set $old (memory.grow (i32.const 16)))
          (br_if $full (i32.eq (local.get $old) (i32.const -1)))
          (memory.fill (i32.shl (local.get $old) (i32.const 16)) (i32.const 1) (i32.const 0x100000))
          (br $more)))
      (if (i32.eq (i32.load8_u (i32.const 0)) (i32.const 116)) (then unreachable))))"#;

#[tokio::test]
async fn the_budget_holds_while_200_calls_grow_until_they_fail() {
    let args = ["--memory-budget", "512MiB"];
    let server = Server::builder().args(args).start().await;
    server.put("demo/grow", GROW).await;
    let before = server.rss();
    let calls = (0..200).map(|i| server.call("demo/grow", ["trap", "return"][i % 2]));
    let mut most = before;
    let calls = join_all(calls);
    let mut calls = std::pin::pin!(calls);
    let answers = loop {
        tokio::select! {
            answers = &mut calls => break answers,
            () = tokio::time::sleep(Duration::from_millis(20)) => most = most.max(server.rss()),
        }
    };
    assert!(
        most < before + (700 << 20),
        "{} MiB more",
        (most - before) >> 20
    );
    let mut grown = 0;
    for Answer {
        status,
        body,
        headers,
    } in answers
    {
        let text = String::from_utf8_lossy(&body);
        match status.as_u16() {
            200 => grown += 1,
            500 => {
                assert!(text.contains("memory_limit: memory "), "{text}");
                grown += 1;
            }
            503 => {
                assert!(
                    text.contains("--memory-budget") && headers.contains_key("retry-after"),
                    "{text}"
                );
            }
            other => panic!("{other}: {text}"),
        }
    }
    assert!(grown > 0);
    settles(&server).await;
    let _ = server.call("demo/grow", "return").await.expect(200);
}

/// Holds 40 MiB until it is cancelled.
const HOLD: &str = r#"
    #include <unistd.h>
    static volatile char memory[40 << 20];
    int main(void) { memory[getpid()] = 1; sleep(600); return memory[12345]; }"#;

/// Starts with 40 MiB and does nothing.
const BIG: &str = r#"(module (memory (export "memory") 640) (func (export "_start")))"#;

#[tokio::test]
async fn who_waits_on_the_line_is_refused_and_who_was_accepted_waits() {
    let args = ["--memory-budget", "64MiB"];
    let server = Server::builder().args(args).start().await;
    server.put("demo/big", BIG).await;
    server.put("demo/hold", c(HOLD)).await;
    let chains = c(r#"
        #include <faasm/faasm.h>
        int main(void) { return faasmAwaitCall(faasmChainNamed("big", 0, 0)); }"#);
    server.put("demo/chains", chains).await;
    let holder = server.submit("demo/hold", "").await;
    while server.metric(USED, "").await < f64::from(40 << 20) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let refused = server.call("demo/big", "").await.expect(503);
    assert_eq!(refused.header("retry-after"), "1");
    assert!(
        refused.text().contains("--memory-budget"),
        "{}",
        refused.text()
    );

    let waiting = [
        server.submit("demo/big", "").await,
        server.submit("demo/chains", "").await,
    ];
    tokio::time::sleep(Duration::from_millis(100)).await;
    for id in waiting {
        assert_eq!(server.get(&format!("/calls/{id}")).await.text(), "RUNNING");
    }
    let url = format!("{}/calls/{holder}", server.invoke);
    let _ = server.request(Method::DELETE, &url, "").await.expect(200);
    for id in waiting {
        assert_eq!(server.wait(id).await, "SUCCESS: ");
    }
    settles(&server).await;
}

#[tokio::test]
async fn output_and_input_are_charged_and_files_go_to_disk_when_memory_is_short() {
    let args = ["--memory-budget", "64MiB", "--max-scratch-memory", "1GiB"];
    let server = Server::builder().args(args).start().await;
    let code = c(r#"
        #include <errno.h>
        #include <faasm/faasm.h>
        #include <fcntl.h>
        #include <stdio.h>
        #include <string.h>
        #include <unistd.h>
        static char block[1 << 20];
        int main(void)
        {
            char mode = 0;
            faasmGetInput(&mode, 1);
            memset(block, 'x', sizeof block);
            if (mode == 'f') {
                int fd = open("/tmp/file", O_CREAT | O_WRONLY, 0644);
                long total = 0;
                for (ssize_t n; total < 100 << 20; total += n)
                    if ((n = write(fd, block, sizeof block)) <= 0) return errno;
                /* Room for what is printed. */
                ftruncate(fd, 0);
                printf("%ld", total >> 20);
                return 0;
            }
            for (;;) write(1, block, sizeof block);
        }"#);
    server.put("demo/f", code).await;
    let _ = server
        .set_limits("demo/f", json!({"output_bytes": 1 << 30}))
        .await
        .expect(200);
    assert_eq!(server.call("demo/f", "f").await.expect(200).text(), "100");
    settles(&server).await;
    let call = server.call_json("demo/f", "o").await;
    assert_eq!(call["reason"]["code"], "memory_limit", "{}", call["reason"]);
    let message = call["reason"]["message"].as_str().unwrap();
    assert!(message.starts_with("memory budget: "), "{message}");
    let kept = call["stdout"].as_str().unwrap().len();
    assert!(kept > 40 << 20 && kept < 64 << 20, "{kept}");
    drop(call);
    settles(&server).await;
}

#[tokio::test]
async fn thousands_of_calls_later_nothing_is_held() {
    let server = Server::start().await;
    let code = c(r#"
        #include <faasm/faasm.h>
        #include <fcntl.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <unistd.h>
        static int child(void) { printf("child"); faasmSetOutput("output", 6); return 0; }
        int main(void)
        {
            char mode = 0;
            faasmGetInput(&mode, 1);
            char *memory = malloc(300000);
            memset(memory, 1, 300000);
            int fd = open("/tmp/file", O_CREAT | O_WRONLY, 0644);
            write(fd, memory, 100000);
            unsigned int call = faasmChain(child, "input", 5);
            printf("some output");
            fflush(stdout);
            if (mode == 't') __builtin_trap();
            if (mode == 'e') exit(memory[5]);
            if (mode == 'w') sleep(600);
            if (mode == 's') for (volatile int i = 0;; i++) {}
            return faasmAwaitCall(call);
        }"#);
    server.put("demo/f", code).await;
    let count = if crate::is_long() { 20_000 } else { 1_000 };
    let server = &server;
    stream::iter(0..count)
        .for_each_concurrent(16, |i| async move {
            match i % 5 {
                0 => drop(server.call("demo/f", "r").await.expect(200)),
                1 => drop(server.call("demo/f", "t").await.expect(500)),
                2 => drop(server.call("demo/f", "e").await.expect(500)),
                3 => {
                    let id = server.submit("demo/f", ["w", "s"][i / 5 % 2]).await;
                    let url = format!("{}/calls/{id}", server.invoke);
                    let _ = server.request(Method::DELETE, &url, "").await.expect(200);
                }
                _ => {
                    let call = server.call("demo/f", ["w", "s"][i / 5 % 2]);
                    let millis = u64::try_from(i % 7).unwrap();
                    let _ = tokio::time::timeout(Duration::from_millis(millis), call).await;
                }
            }
        })
        .await;
    settles(server).await;
}
