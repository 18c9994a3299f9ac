//! Limits of a call: each holds, says which it is and what sets it, and can be a
//! function's own.

use faasm_testkit::{Server, c, wat_noop};
use serde_json::{Value, json};

fn program(body: &str) -> bytes::Bytes {
    c(&format!(
        "#include <faasm/faasm.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n{body}"
    ))
}

/// The code and the message of a call that must fail.
async fn failure(server: &Server, name: &str) -> (String, String) {
    let call = server.call_json(name, "").await;
    assert_eq!(call["status"], "FAILED", "{call}");
    let text = |field: &str| call["reason"][field].as_str().unwrap().to_owned();
    (text("code"), text("message"))
}

/// Allocates and touches memory until there is none, and prints how much there was.
const GREEDY: &str = r#"
    int main(void)
    {
        long total = 0;
        for (volatile char *block; (block = malloc(1 << 20)) != NULL; total++) block[total] = 1;
        printf("%ld MiB", total);
        return faasmGetInputSize() > 0;
    }"#;

#[tokio::test]
async fn memory_is_limited_by_default_and_by_override() {
    let server = Server::start().await;
    server.put("demo/greedy", program(GREEDY)).await;
    // A C program can live with it, or fail, and then the limit is named.
    let text = server.call("demo/greedy", "").await.expect(200).text();
    let most: u64 = text.trim_end_matches(" MiB").parse().unwrap();
    assert!((450..512).contains(&most), "{text}");
    let answer = server.call("demo/greedy", "fail").await.expect(500);
    let text = answer.text();
    assert!(
        text.contains("memory_limit: memory limit: growing to"),
        "{text}"
    );
    assert!(text.contains("the limit is 536870912"), "{text}");

    let limits = json!({"memory_bytes": 32 << 20});
    let record = server
        .set_limits("demo/greedy", limits.clone())
        .await
        .expect(200);
    assert_eq!(record.json()["limits"], limits);
    let text = server.call("demo/greedy", "").await.expect(200).text();
    let most: u64 = text.trim_end_matches(" MiB").parse().unwrap();
    assert!((16..32).contains(&most), "{text}");

    // It stays with the name over a new upload, and is reported.
    server
        .put("demo/greedy", program(&format!("{GREEDY}\n")))
        .await;
    let url = format!("{}/f/demo/greedy/info", server.upload);
    let info = server
        .request(reqwest::Method::GET, &url, "")
        .await
        .expect(200)
        .json();
    assert_eq!(info["limits"], limits);
    assert_eq!(info["effective_limits"]["memory_bytes"], 32 << 20);
    assert_eq!(info["effective_limits"]["time_ms"], 60_000);
    assert_eq!(
        server.call("demo/greedy", "").await.expect(200).text(),
        text
    );
    let _ = server
        .set_limits("demo/greedy", json!({}))
        .await
        .expect(200);
    let text = server.call("demo/greedy", "").await.expect(200).text();
    assert_eq!(text.len(), "480 MiB".len(), "{text}");
}

#[tokio::test]
async fn a_module_that_starts_above_its_memory_limit_does_not_start() {
    let server = Server::start().await;
    for export in [r#"(export "memory")"#, ""] {
        let module = format!(r#"(module (memory {export} 10000) (func (export "_start")))"#);
        server.put("demo/f", module).await;
        let (code, message) = failure(&server, "demo/f").await;
        assert_eq!(code, "memory_limit", "{message}");
        assert!(message.starts_with("memory limit: "), "{message}");
        assert!(
            message.contains("655360000 ") && message.contains("limit is 536870912"),
            "{message}"
        );
        let limits = json!({"memory_bytes": 1_u64 << 30});
        let _ = server.set_limits("demo/f", limits).await.expect(200);
        let _ = server.call("demo/f", "").await.expect(200);
        let _ = server.set_limits("demo/f", json!({})).await.expect(200);
    }
}

#[tokio::test]
async fn a_module_that_asks_for_more_than_its_own_maximum_pays_nothing() {
    let args = ["--memory-budget", "256MiB"];
    let server = Server::builder().args(args).start().await;
    let module = r#"(module
        (memory (export "memory") 1 2)
        (table 1 2 funcref)
        (func (export "_start") (local i32)
          (loop $again
            (if (i32.ne (memory.grow (i32.const 1000)) (i32.const -1)) (then unreachable))
            (if (i32.ne (table.grow (ref.null func) (i32.const 1000)) (i32.const -1)) (then unreachable))
            (br_if $again (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 10000))))
          (if (i32.ne (memory.grow (i32.const 1)) (i32.const 1)) (then unreachable))
          (if (i32.ne (table.grow (ref.null func) (i32.const 1)) (i32.const 1)) (then unreachable))))"#;
    server.put("demo/f", module).await;
    let _ = server.call("demo/f", "").await.expect(200);
}

#[tokio::test]
async fn time_is_limited_wherever_a_function_spends_it() {
    let server = Server::start().await;
    let code = program(
        r#"
        #include <poll.h>
        #include <unistd.h>
        static int forever(void) { sleep(600); return 0; }
        int main(void)
        {
            char mode[8] = {0};
            faasmGetInput(mode, 7);
            printf("begun");
            fflush(stdout);
            if (mode[0] == 's') for (volatile int i = 0;; i++) {}
            if (mode[0] == 'w') sleep(600);
            if (mode[0] == 'p') poll(NULL, 0, 600000);
            if (mode[0] == 'c') faasmAwaitCall(faasmChain(forever, 0, 0));
            if (mode[0] == 'g') for (;;) faasmGetInputSize();
            return 0;
        }"#,
    );
    server.put("demo/f", code).await;
    let _ = server
        .set_limits("demo/f", json!({"time_ms": 150}))
        .await
        .expect(200);
    for mode in ["spin", "wait", "poll", "chain", "get"] {
        let answer = server.call("demo/f", mode).await.expect(504);
        let text = answer.text();
        assert!(text.starts_with("begun\ncall "), "{mode}: {text}");
        assert!(
            text.contains("time_limit: time limit: the call ran for 150 ms"),
            "{mode}: {text}"
        );
        assert_eq!(answer.header("faasm-stdout-length"), "5");
    }
    let looping = r#"(module (memory (export "memory") 1) (func $f (loop (br 0))) (start $f) (func (export "_start")))"#;
    server.put("demo/loop", looping).await;
    let _ = server
        .set_limits("demo/loop", json!({"time_ms": 150}))
        .await
        .expect(200);
    let answer = server.call("demo/loop", "").await.expect(504);
    assert!(answer.text().contains("time limit"), "{}", answer.text());
}

#[tokio::test]
async fn the_stack_is_limited() {
    let server = Server::start().await;
    let recursive = program(
        r#"
        volatile int depth;
        __attribute__((noinline)) static int deeper(int n) { depth++; int r = deeper(n + 1); return r + depth; }
        int main(void) { return deeper(0); }"#,
    );
    server.put("demo/c", recursive).await;
    let wat = r#"(module (memory (export "memory") 1) (func $f (call $f)) (func (export "_start") (call $f)))"#;
    server.put("demo/wat", wat).await;
    for name in ["demo/c", "demo/wat"] {
        let (code, message) = failure(&server, name).await;
        assert_eq!(code, "stack_limit", "{message}");
        let named = "stack limit: the call stack exceeds 4194304 bytes (--max-stack)";
        assert!(
            message.starts_with(named) && message.contains(" < "),
            "{message}"
        );
    }
    // What lies in linear memory is the program's own stack: a trap.
    let wide = program(
        r#"
        __attribute__((noinline)) static int wide(int n)
        {
            volatile char room[65536];
            room[n & 65535] = 1;
            return wide(n + 1) + room[0];
        }
        int main(void) { return wide(0); }"#,
    );
    server.put("demo/wide", wide).await;
    let (code, message) = failure(&server, "demo/wide").await;
    assert!(
        ["trap", "stack_limit"].contains(&code.as_str()),
        "{message}"
    );
}

#[tokio::test]
async fn tables_are_limited() {
    let server = Server::start().await;
    let module = r#"(module
        (memory (export "memory") 1)
        (table 10 funcref)
        (func (export "_start")
          (loop $again
            (br_if $again (i32.ne (table.grow (ref.null func) (i32.const 100)) (i32.const -1))))
          unreachable))"#;
    server.put("demo/f", module).await;
    let (code, message) = failure(&server, "demo/f").await;
    assert_eq!(code, "table_limit", "{message}");
    assert!(message.contains("the limit is 65536"), "{message}");
    let _ = server
        .set_limits("demo/f", json!({"table_elements": 1000}))
        .await
        .expect(200);
    let (code, message) = failure(&server, "demo/f").await;
    assert_eq!(code, "table_limit", "{message}");
    assert!(
        message.contains("growing to 1010 elements was refused, the limit is 1000"),
        "{message}"
    );

    server
        .put(
            "demo/f",
            r#"(module (table 2000 funcref) (func (export "_start")))"#,
        )
        .await;
    let (code, message) = failure(&server, "demo/f").await;
    assert_eq!(code, "table_limit", "{message}");
}

#[tokio::test]
async fn output_is_limited_and_what_came_before_is_kept() {
    let server = Server::start().await;
    let code = program(
        r#"
        int main(void)
        {
            char mode[8] = {0};
            faasmGetInput(mode, 7);
            static char line[1000];
            memset(line, 'x', sizeof line);
            FILE *stream = mode[0] == 'e' ? stderr : stdout;
            if (mode[0] == 'd') { /* 1 GiB at once: more than its memory, so from a small one */
                char *big = malloc(300 << 20);
                faasmSetOutput(big, 300 << 20);
            }
            if (mode[0] == 'f') {
                fwrite(line, 1, 1000, stdout);
                fflush(stdout);
                char *big = calloc(17, 1 << 20);
                for (;;) faasmSetOutput(big, 17 << 20);
            }
            for (long i = 0; i < 1 << 20; i++) fwrite(line, 1, sizeof line, stream);
            return 0;
        }"#,
    );
    server.put("demo/f", code).await;
    let named = "output limit: stdout, stderr and output data together exceed 16777216 bytes (--max-output)";
    for mode in ["out", "err", "data", "fresh"] {
        let call = server.call_json("demo/f", mode).await;
        assert_eq!(
            call["reason"]["code"], "output_limit",
            "{mode}: {}",
            call["reason"]
        );
        let message = call["reason"]["message"].as_str().unwrap();
        assert!(message.starts_with(named), "{message}");
        let kept = call["stdout"].as_str().unwrap().len() + call["stderr"].as_str().unwrap().len();
        match mode {
            "data" => assert_eq!(kept, 0),
            "fresh" => assert_eq!(kept, 1000),
            _ => assert!((16_700_000..=16 << 20).contains(&kept), "{kept}"),
        }
    }
    let _ = server
        .set_limits("demo/f", json!({"output_bytes": 2000}))
        .await
        .expect(200);
    let answer = server.call("demo/f", "out").await.expect(500);
    assert!(
        answer.text().contains("exceed 2000 bytes"),
        "{}",
        answer.text()
    );
    let _ = server
        .set_limits("demo/f", json!({"output_bytes": 0}))
        .await
        .expect(200);
    let (code, _) = failure(&server, "demo/f").await;
    assert_eq!(code, "output_limit");
}

#[tokio::test]
async fn absurd_limits_are_refused_by_name() {
    let server = Server::start().await;
    server.put("demo/f", wat_noop()).await;
    let refused: [(Value, &str); 9] = [
        (json!({"memory_bytes": 0}), "memory_bytes"),
        (json!({"memory_bytes": 65535}), "memory_bytes"),
        (json!({"memory_bytes": (4_u64 << 30) + 1}), "memory_bytes"),
        (json!({"time_ms": 0}), "time_ms"),
        (json!({"time_ms": u64::MAX}), "time_ms"),
        (json!({"table_elements": 65_537}), "table_elements"),
        (json!({"output_bytes": (1_u64 << 30) + 1}), "output_bytes"),
        (json!({"output_bytes": -1}), "output_bytes"),
        (json!({"memory_bytes": "1 GiB"}), "memory_bytes"),
    ];
    for (limits, field) in refused {
        let text = server
            .set_limits("demo/f", limits.clone())
            .await
            .expect(400)
            .text();
        assert!(
            text.contains(field) && text.trim_end().lines().count() == 1,
            "{limits}: {text}"
        );
    }
    let text = server
        .set_limits("demo/f", json!({"colour": 1}))
        .await
        .expect(400)
        .text();
    assert!(text.contains("colour"), "{text}");
    let _ = server.set_limits("demo/none", json!({})).await.expect(404);
    for (limits, effective) in [
        (
            json!({"memory_bytes": 4_u64 << 30, "time_ms": 1, "table_elements": 0}),
            1,
        ),
        (json!({"time_ms": 7 * 24 * 3_600_000}), 604_800_000),
    ] {
        let _ = server.set_limits("demo/f", limits).await.expect(200);
        let url = format!("{}/f/demo/f/info", server.upload);
        let info = server
            .request(reqwest::Method::GET, &url, "")
            .await
            .expect(200)
            .json();
        assert_eq!(info["effective_limits"]["time_ms"], effective);
    }
}
