//! Uploads that cannot be functions: a clear line, nothing stored, no harm.

use std::time::Duration;

use bytes::Bytes;
use faasm_testkit::{Answer, Raw, Server, c, wat_noop};
use futures::StreamExt;
use reqwest::{Body, Method};
use serde_json::json;

/// A refusal is one bounded line with the cause; nothing is stored, and all goes on.
pub(crate) async fn is_refused(server: &Server, answer: Answer, status: u16, cause: &str) {
    let answer = answer.expect(status);
    let text = answer.text();
    assert!(text.contains(cause), "{cause}: {text}");
    assert!(text.ends_with('\n') && text.lines().count() == 1, "{text}");
    assert!(text.len() < 3_000, "{} bytes: {text}", text.len());
    let get = server.stored(Method::GET, "/f/demo/bad", "").await;
    let _ = get.expect(404);
    server.put("demo/good", wat_noop()).await;
    let _ = server.call("demo/good", "").await.expect(200);
}

pub(crate) async fn refused(server: &Server, code: impl Into<Bytes>, cause: &str) {
    let answer = server.try_put("demo/bad", code).await;
    is_refused(server, answer, 422, cause).await;
}

/// A module that has what a function needs, and something more.
pub(crate) fn with(more: &str) -> String {
    format!(r#"(module {more} (memory (export "memory") 1) (func (export "_start")))"#)
}

#[tokio::test]
async fn what_is_no_module_is_refused() {
    let server = Server::start().await;
    for (code, cause) in [
        (&b""[..], "it is empty"),
        (b" \n ", "it is empty"),
        (b"#!/bin/sh\necho hello\n", "does not begin with `\\0asm`"),
        (b"\x7fELF\x02\x01\x01", "does not begin with `\\0asm`"),
        (b"\0asm", "ends within its header"),
        (b"\0asm\x01\0\0", "ends within its header"),
        (b"\0asm\x02\0\0\0", "version"),
        (b"\0asm\x01\0\0\0\xff", "not a valid WebAssembly module"),
        (
            b"\0asm\x0d\0\x01\0",
            "component; functions are core modules",
        ),
        (b"(component)", "component; functions are core modules"),
        (b"(module (func $f)\n  (fun))", "<anon>:2:4"),
        (b"(module", "not valid WebAssembly text"),
        (b"(\xff\xfe)", "not UTF-8"),
        (
            b"(module (func (export \"_start\") i32.const 1))",
            "type mismatch",
        ),
    ] {
        refused(&server, code, cause).await;
    }
    let parentheses = "(".repeat(5 << 20);
    refused(&server, parentheses, "not valid WebAssembly text").await;
    let long_text = format!("(module {})", " ".repeat(16 << 20));
    refused(&server, long_text, "upload the binary instead").await;
}

#[tokio::test]
async fn a_truncated_module_is_refused_wherever_it_ends() {
    let server = Server::start().await;
    let whole = c("#include <stdio.h>\nint main(void) { puts(\"whole\"); return 0; }");
    let step = if crate::is_long() { 61 } else { 997 };
    for end in (9..whole.len()).step_by(step) {
        let answer = server.try_put("demo/bad", whole.slice(..end)).await;
        // A cut between two sections may leave a module, without code or exports.
        is_refused(&server, answer, 422, "").await;
    }
}

#[tokio::test]
async fn a_flood_of_random_bytes_is_refused_and_takes_no_memory() {
    const PIECE: usize = 1 << 20;
    const PIECES: u64 = 100;
    let server = Server::start().await;
    server.put("demo/good", wat_noop()).await;
    let before = server.rss();
    for head in [&b""[..], b"\0asm\x01\0\0\0"] {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        };
        let mut piece = move || {
            let bytes: Vec<u8> = (0..PIECE / 8).flat_map(|_| random()).collect();
            Ok::<_, std::io::Error>(Bytes::from(bytes))
        };
        let pieces = (0..PIECES).map(move |_| piece());
        let first = futures::stream::iter([Ok(Bytes::from_static(head))]);
        let body = Body::wrap_stream(first.chain(futures::stream::iter(pieces)));
        let answer = server.stored(Method::PUT, "/f/demo/bad", body).await;
        is_refused(&server, answer, 422, "not a valid WebAssembly module").await;
        let grown = server.rss().saturating_sub(before);
        assert!(grown < 50 << 20, "{grown} bytes more after {head:?}");
        if head.is_empty() {
            let peak = server.peak_rss().saturating_sub(before);
            assert!(peak < 50 << 20, "{peak} bytes more meanwhile");
        }
    }
}

#[tokio::test]
async fn what_is_too_large_or_not_switched_on_is_refused() {
    let server = Server::start().await;
    for (more, cause) in [
        ("(memory 1)", "multiple memories"),
        ("(table 65537 funcref)", "exceeds the limit of 65536"),
        ("(table 4294967295 funcref)", "exceeds the limit of 65536"),
        ("(tag)", "exceptions"),
        ("(type (struct))", "gc"),
        ("(func (local i32) (return_call 99))", "unknown func"),
    ] {
        refused(&server, with(more), cause).await;
    }
    for (memory, cause) in [
        ("65537", "memory size must be at most"),
        ("i64 1", "memory64"),
        ("i64 0x1000000000000", "not a valid"),
        ("1 1 shared", "threads"),
    ] {
        let code =
            format!(r#"(module (memory (export "memory") {memory}) (func (export "_start")))"#);
        refused(&server, code, cause).await;
    }
    let locals = with(&format!("(func {})", "(local i32)".repeat(50_001)));
    refused(&server, locals, "too many locals").await;
    let functions = with(&"(func)".repeat(1_000_001));
    refused(&server, functions, "functions count exceeds").await;
    let targets = with(&format!(
        "(func (br_table {} (i32.const 0)))",
        "0 ".repeat(70_000)
    ));
    refused(&server, targets, "br_table").await;
}

#[tokio::test]
async fn deep_and_large_modules_that_are_valid_run() {
    let server = Server::start().await;
    let start = |body: String| format!(r#"(module (func (export "_start") {body}))"#);
    let deep = start(format!(
        "{}{}",
        "block ".repeat(2_000),
        "end ".repeat(2_000)
    ));
    let long = start("i32.const 1 drop ".repeat(300_000));
    let many = with(&"(func)".repeat(5_000));
    for code in [deep, long, many] {
        server.put("demo/large", code).await;
        let _ = server.call("demo/large", "").await.expect(200);
    }
}

#[tokio::test]
async fn a_tower_of_loops_that_would_keep_the_compiler_busy_is_refused() {
    let server = Server::start().await;
    let (open, close) = ("loop ".repeat(20_000), "end ".repeat(20_000));
    let code = format!(r#"(module (func (export "_start") {open}{close}))"#);
    let text = server.try_put("demo/f", code).await.expect(422).text();
    assert!(text.contains("nested"), "{text}");
}

#[tokio::test]
async fn four_gibibytes_of_memory_are_refused_when_the_function_is_called() {
    let server = Server::start().await;
    let code = r#"(module (memory (export "memory") 65536) (func (export "_start")))"#;
    server.put("demo/f", code).await;
    let text = server.call("demo/f", "").await.expect(500).text();
    assert!(
        text.contains("memory limit") && text.contains("4294967296"),
        "{text}"
    );
    assert!(text.contains("536870912"), "{text}");
}

#[tokio::test]
async fn a_start_function_runs_in_calls_and_not_in_uploads() {
    let server = Server::start().await;
    let code = r#"(module (start $s) (func $s (loop (br 0))) (func (export "_start")))"#;
    server.put("demo/f", code).await;
    let _ = server
        .set_limits("demo/f", json!({"time_ms": 50}))
        .await
        .expect(200);
    let text = server.call("demo/f", "").await.expect(504).text();
    assert!(text.contains("time limit"), "{text}");

    let code = r#"(module (start $s) (func $s unreachable) (func (export "_start")))"#;
    server.put("demo/f", code).await;
    let text = server.call("demo/f", "").await.expect(500).text();
    assert!(text.contains("unreachable"), "{text}");
}

#[tokio::test]
async fn an_upload_over_the_size_limit_is_refused_by_its_limit() {
    let server = Server::builder()
        .args(["--max-function", "100KiB"])
        .start()
        .await;
    let limit = 100 << 10;
    let cause = format!("limit of {limit} bytes");
    let just = format!("{}{}", wat_noop(), " ".repeat(limit - wat_noop().len()));
    server.put("demo/just", just).await;

    let answer = server.try_put("demo/bad", vec![b' '; limit + 1]).await;
    is_refused(&server, answer, 413, &cause).await;
    let pieces = (0..200).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1000]));
    let chunked = Body::wrap_stream(futures::stream::iter(pieces));
    let answer = server.stored(Method::PUT, "/f/demo/bad", chunked).await;
    is_refused(&server, answer, 413, &cause).await;

    // Who asks before sending, or only announces the size, is told at once.
    for expect in ["expect: 100-continue\r\n", ""] {
        let mut raw = Raw::connect(&server.upload).await;
        let head = "PUT /f/demo/bad HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n";
        raw.send(format!("{head}{expect}\r\n")).await.unwrap();
        let answer = raw.answer().await;
        is_refused(&server, answer, 413, &cause).await;
    }
}

#[tokio::test]
async fn an_uploader_who_leaves_while_it_is_compiled_holds_up_nobody() {
    let server = Server::start().await;
    // Loops within loops take the compiler long.
    let deep = format!(
        r#"(module (func (export "_start") {}{}))"#,
        "loop ".repeat(3_000),
        "end ".repeat(3_000)
    );
    for _ in 0..20 {
        let put = server.try_put("demo/deep", deep.clone());
        let _ = tokio::time::timeout(Duration::from_millis(20), put).await;
    }
    server.put("demo/good", wat_noop()).await;
    let _ = server.call("demo/good", "").await.expect(200);
}

#[tokio::test]
async fn damaged_modules_are_refused_or_run_within_their_limits() {
    let server = Server::builder()
        .args(["--max-time", "300ms"])
        .start()
        .await;
    let whole = c("#include <stdio.h>\nint main(void) { puts(\"whole\"); return 0; }");
    let count = if crate::is_long() { 3_000 } else { 40 };
    for n in 0..count {
        let mut code = whole.to_vec();
        // A large odd stride meets every part of the module.
        let at = (n * 7_919 + 8) % code.len();
        code[at] ^= 1 << (n % 8);
        let put = server.try_put("demo/f", code).await;
        match put.status.as_u16() {
            200 => {
                let status = server.call("demo/f", "").await.status.as_u16();
                assert!([200, 500, 504].contains(&status), "byte {at}: {status}");
            }
            status => assert_eq!(status, 422, "byte {at}: {}", put.text()),
        }
    }
    server.put("demo/good", wat_noop()).await;
    let _ = server.call("demo/good", "").await.expect(200);
}
