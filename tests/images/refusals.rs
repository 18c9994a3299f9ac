//! Initialisers that fail, and modules that cannot have one.

use faasm_testkit::{Server, c};

use super::refused;

fn names(message: &str, all: &[&str]) {
    for name in all {
        assert!(message.contains(name), "{name}: {message}");
    }
    assert_eq!(message.lines().count(), 1, "{message}");
}

#[tokio::test]
async fn an_initialiser_that_fails_refuses_the_upload_with_what_it_printed() {
    let limits = ["--max-init-time", "300ms", "--max-memory", "16MiB"];
    let server = Server::builder().args(limits).start().await;
    let program = |body: &str| {
        c(&format!(
            r#"#include <faasm/faasm.h>
            #include <faasm/host_interface.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <fcntl.h>
            FAASM_ZYGOTE() {{ {body}; return 0; }}
            int main(void) {{ return 0; }}"#
        ))
    };
    server.put("demo/f", program("")).await;
    for (body, words) in [
        ("for (;;)", &["time limit", "300 ms"][..]),
        (
            "static char *volatile got; do got = malloc(1 << 20); while (got); abort()",
            &["memory limit"],
        ),
        ("__builtin_trap()", &["unreachable"]),
        ("return 3", &["returned 3"]),
        ("exit(4)", &["exit(4)"]),
        (
            r#"puts("to stdout"); fputs("to stderr\nin lines", stderr); abort()"#,
            &["to stdout", "to stderr\\nin lines"],
        ),
        (
            "faasmChain(0, 0, 0)",
            &["__faasm_chain_ptr", "while they are initialised"],
        ),
        (r#"faasmReadStateSize("key")"#, &["__faasm_read_state"]),
        (
            r#"faasmLockStateWrite("key")"#,
            &["__faasm_lock_state_write"],
        ),
        (
            "char byte; faasmGetInput(&byte, 1)",
            &["__faasm_read_input"],
        ),
        (r#"faasmSetOutput("x", 1)"#, &["__faasm_write_output"]),
        (
            r#"open("/tmp/x", O_CREAT | O_WRONLY, 0644)"#,
            &["leaves files open"],
        ),
        (
            r#"if (!fopen("faasm://x", "w")) { perror("x"); exit(1); }"#,
            &["exit(1)", "Read-only"],
        ),
    ] {
        let message = refused(&server, program(body)).await;
        names(&message, words);
        names(&message, &["initialiser"]);
    }
    // What was there is still there.
    let _ = server.call("demo/f", "").await.expect(200);
    assert_eq!(
        server.metric("faasm_memory_budget_used_bytes", "").await,
        0.0
    );
}

#[tokio::test]
async fn modules_that_cannot_be_initialised_are_refused() {
    let server = Server::start().await;
    let module = |items: &str| {
        format!(
            r#"(module (memory (export "memory") 1) {items}
            (func (export "main") (result i32) (i32.const 0)))"#
        )
    };
    for (items, words) in [
        (
            r#"(func (export "_faasm_zygote") (param i32))"#,
            &["_faasm_zygote"][..],
        ),
        (
            r#"(global (export "_faasm_zygote") i32 (i32.const 0))"#,
            &["_faasm_zygote"],
        ),
        (
            r#"(func (export "_faasm_zygote")) (func (export "faasm.image/x"))"#,
            &["faasm.image/"],
        ),
        (
            r#"(data (i32.const 65536) "x") (func (export "_faasm_zygote"))"#,
            &["out of bounds"],
        ),
        (
            r#"(memory 1) (func (export "_faasm_zygote"))"#,
            &["multiple memories"],
        ),
        (
            r#"(start $s) (func $s unreachable) (func (export "_faasm_zygote"))"#,
            &["unreachable"],
        ),
        (
            r#"(global $g i32 (i32.const 8)) (data (global.get $g) "x")
            (func (export "_faasm_zygote"))"#,
            &["computed address"],
        ),
        (
            r#"(global (mut externref) (ref.null extern)) (func (export "_faasm_zygote"))"#,
            &["gc types"],
        ),
    ] {
        let message = refused(&server, module(items)).await;
        names(&message, words);
    }
    let many = "(global i32 (i32.const 0))".repeat(100_001);
    let items = format!(r#"{many} (func (export "_faasm_zygote"))"#);
    names(&refused(&server, module(&items)).await, &["100001 globals"]);
    let shared = r#"(module (memory (export "memory") 1 1 shared) (func (export "_faasm_zygote"))
        (func (export "main")))"#;
    names(&refused(&server, shared).await, &["shared"]);
    let command = r#"(module (memory (export "memory") 1)
        (func (export "_faasm_zygote")) (func (export "_start")))"#;
    names(&refused(&server, command).await, &["`main`", "`_start`"]);
}
