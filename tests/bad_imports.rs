//! Modules whose imports or exports are not those of a function.

use faasm_testkit::{Server, c};
use reqwest::Method;
use serde_json::json;

use crate::bad_modules::{is_refused, refused, with};

#[tokio::test]
async fn unknown_imports_are_named() {
    let server = Server::start().await;
    let import = |module: &str, name: &str, what: &str| {
        with(&format!(r#"(import "{module}" "{name}" {what})"#))
    };
    for (module, name, what) in [
        ("env", "frobnicate", "(func)"),
        ("env", "frobnicate", "(global i32)"),
        ("env", "table", "(table 1 funcref)"),
        // Served later, and as functions only.
        ("env", "pthread_create", "(global i32)"),
        (
            "elsewhere",
            "__faasm_read_input",
            "(func (param i32 i32) (result i32))",
        ),
        ("wasi_snapshot_preview1", "fd_frob", "(func)"),
        (
            "wasi_unstable",
            "fd_write",
            "(func (param i32 i32 i32 i32) (result i32))",
        ),
        ("", "", "(func)"),
    ] {
        let cause = format!("unknown import `{module}::{name}`");
        refused(&server, import(module, name, what), &cause).await;
    }
    let two = r#"(import "env" "one" (func)) (import "other" "two" (func (param i64)))"#;
    refused(&server, with(two), "`env::one`, `other::two`").await;
    let memory = r#"(module (import "env" "memory" (memory 1)) (export "memory" (memory 0))
        (func (export "_start")))"#;
    refused(&server, memory, "unknown import `env::memory`").await;

    // Names come from outside: many, long, and with characters that break lines.
    let many: String = (0..500)
        .map(|n| format!(r#"(import "env" "f{n}" (func))"#))
        .collect();
    refused(&server, with(&many), "`env::f0`, `env::f1`").await;
    refused(
        &server,
        import("env", &"x".repeat(100_000), "(func)"),
        "xxxx",
    )
    .await;
    refused(
        &server,
        import("env", r"a\0a\0db\1b[2J", "(func)"),
        "`env::ab[2J`",
    )
    .await;

    for (what, cause) in [
        ("(func (param i64))", "(param i64)"),
        ("(global i32)", "global"),
    ] {
        let code = import("env", "__faasm_read_input", what);
        let answer = server.try_put("demo/bad", code).await;
        assert!(
            answer.text().contains("env::__faasm_read_input"),
            "{}",
            answer.text()
        );
        is_refused(&server, answer, 422, cause).await;
    }
}

#[tokio::test]
async fn exports_that_a_function_needs_are_named() {
    let server = Server::start().await;
    for (code, cause) in [
        (
            r#"(module (memory (export "memory") 1))"#,
            "missing export: an entry point",
        ),
        (
            r#"(module (func (export "start")))"#,
            "missing export: an entry point",
        ),
        (
            r#"(module (import "env" "__faasm_backtrace" (func (param i32))) (func (export "_start")))"#,
            "missing export: a memory named \"memory\"",
        ),
        (
            r#"(module (func (export "memory")) (func (export "_start")))"#,
            "`memory` must be",
        ),
        (
            r#"(module (global (export "_start") i32 (i32.const 0)))"#,
            "`_start` must be",
        ),
        (
            r#"(module (func (export "_start") (param i32)))"#,
            "`_start` must be",
        ),
        (
            r#"(module (func (export "main") (param i64)))"#,
            "`main` must be",
        ),
        (
            r#"(module (func (export "main")) (func (export "_faasm_zygote") (param i32)))"#,
            "`_faasm_zygote` must be",
        ),
        (
            r#"(module (func (export "main")) (func (export "__wasm_call_ctors") (result i32) i32.const 1))"#,
            "`__wasm_call_ctors` must be",
        ),
    ] {
        refused(&server, code, cause).await;
    }
    let url = format!("{}/f/demo/bad", server.upload);
    let json = ["accept: application/json"];
    let answer = server
        .request_with(Method::PUT, &url, &json, "(module)")
        .await;
    let error = answer.expect(422).json();
    assert_eq!(error["error"]["code"], "missing_export", "{error}");
}

#[tokio::test]
async fn what_a_later_version_serves_is_accepted_and_ends_the_call_that_needs_it() {
    let server = Server::start().await;
    for (declaration, call, name) in [
        (
            "int pthread_create(void *, void *, void *, void *)",
            "pthread_create(0, 0, 0, 0)",
            "pthread_create",
        ),
        (
            "int omp_get_max_threads(void)",
            "omp_get_max_threads()",
            "omp_get_max_threads",
        ),
        (
            "void *dlopen(const char *, int)",
            "dlopen(\"x\", 0) != 0",
            "dlopen",
        ),
        (
            "void __faasm_migrate_point(void)",
            "(__faasm_migrate_point(), 0)",
            "__faasm_migrate_point",
        ),
    ] {
        let source = format!(
            "#include <stdio.h>\n{declaration};\nint main(int argc, char **argv) {{
                puts(\"before\"); fflush(stdout);
                return argc > 1 ? {call} : 0; }}"
        );
        server.put("demo/f", c(&source)).await;
        let call = json!({"user": "demo", "function": "f"});
        assert_eq!(server.post(call).await.expect(200).text(), "before\n");
        let call = json!({"user": "demo", "function": "f", "cmdline": "now"});
        let text = server.post(call).await.expect(500).text();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!((lines.len(), lines[0]), (2, "before"), "{text}");
        assert!(lines[1].contains(&format!("env::{name}")), "{text}");
    }
}
