//! What goes wrong goes wrong by name, and harms nothing else.

use faasm_testkit::Server;
use futures::future::join_all;
use reqwest::Method;

use super::{call, failure, output, serve, text, try_put};

const ERRORS: &str = include_str!("errors.py");
const RECURSION: &str = include_str!("recursion.py");

async fn limit(server: &Server, limits: &str) {
    let limits = server.stored(Method::PUT, "/p/demo/f/limits", limits.to_owned());
    let _ = limits.await.expect(200);
}

#[tokio::test]
async fn recursion_of_every_kind_is_an_exception() {
    let server = serve(RECURSION).await;
    let names = output(&server, "bounded", "").await;
    let recursions = names.lines().map(async |name| {
        let error = output(&server, "recurse", name.to_owned()).await;
        (name, error)
    });
    for (name, error) in join_all(recursions).await {
        // What is read from text has errors of its own for it.
        let known = [
            "RecursionError",
            "MemoryError",
            "ValueError",
            "ParseError",
            "ExceptionGroup",
            "fine",
        ];
        assert!(known.contains(&error.as_str()), "{name}: {error}");
    }
    // Also of those of Python alone, which CPython by itself does not all bound.
    let names = output(&server, "calling_python", "").await;
    let plain = ["json loads", "repr", "deepcopy", "eq of lists"];
    for name in names.lines().chain(plain) {
        let error = output(&server, "recurse", name.to_owned()).await;
        assert_eq!(error, "RecursionError", "{name}");
        let call = call(&server, "demo/f", "uncaught", name.to_owned()).await;
        assert_eq!(call["reason"]["code"], "python_exception", "{call:#}");
        let message = text(&call["reason"], "message");
        assert!(message.starts_with("RecursionError: "), "{name}: {message}");
        let stderr = text(&call, "stderr");
        assert!(stderr.len() < 300_000, "{name}: {} bytes", stderr.len());
    }
}

#[tokio::test]
async fn what_is_said_of_an_exception_has_an_end() {
    let server = serve(RECURSION).await;
    for (entry, message, is_cut) in [
        ("huge_message", "ValueError: xxx", true),
        ("huge_group", "ExceptionGroup: many", false),
        ("huge_cause", "ValueError: outer", true),
        (
            "parses_too_deep",
            "MemoryError: Parser stack overflowed",
            false,
        ),
    ] {
        let call = call(&server, "demo/f", entry, "").await;
        let reason = &call["reason"];
        assert_eq!(reason["code"], "python_exception", "{entry}: {reason:#}");
        let said = text(reason, "message");
        assert!(said.starts_with(message), "{entry}: {said}");
        assert!(said.len() <= 4 << 10, "{entry}: {} bytes", said.len());
        let stderr = text(&call, "stderr");
        assert!(stderr.len() < 300_000, "{entry}: {} bytes", stderr.len());
        assert_eq!(stderr.ends_with("(cut off)\n"), is_cut, "{entry}");
    }
}

#[tokio::test]
async fn a_file_that_is_nested_too_deeply_is_refused_as_no_python() {
    let server = serve("").await;
    for text in [
        format!("x = {}", "(".repeat(100_000)),
        format!("x = {}1", "-".repeat(100_000)),
        format!("x = 1{}", "+1".repeat(100_000)),
        format!("x = a{}", ".b".repeat(100_000)),
        format!("# faasm: no-snapshot\nx = {}1", "not ".repeat(100_000)),
    ] {
        let refused = try_put(&server, "demo/g", text).await.expect(422);
        let said = refused.text();
        assert!(
            said.starts_with("the file is nested too deeply: "),
            "{said}"
        );
    }
}

#[tokio::test]
async fn what_has_no_bound_of_its_own_ends_by_a_named_limit() {
    let server = serve(RECURSION).await;
    limit(&server, r#"{"time_ms": 3000, "memory_bytes": 100000000}"#).await;
    let names = output(&server, "unbounded", "").await;
    let mut inputs: Vec<String> = names.lines().map(str::to_owned).collect();
    // Whoever lifts Python's own limit meets the Faaslet's.
    let lifted = [
        "plain",
        "map",
        "sub",
        "exec",
        "repr",
        "getattr",
        "lru_cache",
        "json python",
    ];
    inputs.extend(lifted.map(|name| format!("{name}@1000000000")));
    let calls = inputs.iter().map(async |input| {
        let call = call(&server, "demo/f", "recurse", input.clone()).await;
        (input, call)
    });
    for (input, call) in join_all(calls).await {
        let code = call["reason"]["code"].as_str().unwrap_or("none");
        let named = ["none", "stack_limit", "memory_limit", "time_limit"];
        assert!(named.contains(&code), "{input}: {call:#}");
    }
    let lifted = call(&server, "demo/f", "uncaught", "1000000000").await;
    assert_eq!(lifted["status"], "FAILED", "{lifted:#}");
    assert_ne!(lifted["reason"]["code"], "trap", "{lifted:#}");
    assert_eq!(output(&server, "recurse", "plain").await, "RecursionError");
}

#[tokio::test]
async fn memory_that_is_not_there_is_a_memory_error() {
    let server = serve(ERRORS).await;
    limit(&server, r#"{"memory_bytes": 100000000}"#).await;
    for entry in ["one_large_block", "growing_list", "growing_text"] {
        let call = call(&server, "demo/f", entry, "").await;
        assert_eq!(call["reason"]["code"], "memory_limit", "{entry}: {call:#}");
        let stderr = text(&call, "stderr");
        assert!(stderr.ends_with("MemoryError\n"), "{entry}: {stderr}");
        assert!(
            stderr.contains(&format!("in {entry}\n")),
            "{entry}: {stderr}"
        );
    }
    assert_eq!(output(&server, "caught_and_gone_on", "").await, "50 1000");
    // More than an address can say is no question of memory.
    let (code, message) = failure(&server, "not_countable", "").await;
    assert_eq!(code, "python_exception");
    assert!(message.starts_with("OverflowError: "), "{message}");
}

#[tokio::test]
async fn the_deadline_ends_whatever_runs() {
    let server = serve(ERRORS).await;
    limit(&server, r#"{"time_ms": 300}"#).await;
    let entries = [
        "spin",
        "sleep",
        "sleep_in_coroutine",
        "backtrack",
        "large_power",
        "never_caught",
    ];
    let calls = entries.map(|entry| failure(&server, entry, ""));
    for (entry, (code, message)) in entries.iter().zip(join_all(calls).await) {
        assert_eq!(code, "time_limit", "{entry}: {message}");
    }
    assert_eq!(
        call(&server, "demo/f", "exit_zero", "").await["status"],
        "SUCCESS"
    );
}

#[tokio::test]
async fn output_without_end_is_ended() {
    let server = serve(ERRORS).await;
    limit(&server, r#"{"output_bytes": 1000000}"#).await;
    for entry in [
        "prints_without_end",
        "writes_stderr_without_end",
        "returns_too_much",
    ] {
        let call = call(&server, "demo/f", entry, "").await;
        assert_eq!(call["reason"]["code"], "output_limit", "{entry}");
        let kept = text(&call, "stdout").len() + text(&call, "stderr").len();
        assert!(kept <= 1_000_000, "{entry}: {kept}");
    }
}

#[tokio::test]
async fn exiting_gives_the_status_that_python_gives() {
    let server = serve(ERRORS).await;
    for (entry, status, stderr) in [
        ("exit_none", 0, ""),
        ("exit_zero", 0, ""),
        ("exit_number", 3, ""),
        ("exit_text", 1, "a last word\n"),
        ("exit_true", 1, ""),
        ("exit_negative", -7, ""),
        ("exit_large", i32::MAX, ""),
        ("exit_list", 1, "['a', 1]\n"),
        ("exit_raised", 4, ""),
        ("exit_builtin", 5, ""),
        ("exit_in_coroutine", 6, ""),
        ("exit_at_once", 9, ""),
    ] {
        let call = call(&server, "demo/f", entry, "").await;
        assert_eq!(call["return_value"], status, "{entry}: {call:#}");
        assert_eq!(text(&call, "stderr"), stderr, "{entry}");
        let succeeded = call["status"] == "SUCCESS";
        assert_eq!(succeeded, status == 0, "{entry}: {call:#}");
        if !succeeded {
            assert_eq!(
                call["reason"]["code"], "nonzero_return",
                "{entry}: {call:#}"
            );
        }
    }
    let (_, message) = failure(&server, "exit_text", "").await;
    assert!(message.contains("a last word"), "{message}");
    let kept = call(&server, "demo/f", "exit_with_output", "").await;
    let left = (text(&kept, "output_data"), text(&kept, "stdout"));
    assert_eq!(left, ("kept".to_owned(), "printed\n".to_owned()));
}

#[tokio::test]
async fn an_abort_is_a_trap_of_its_call_alone() {
    let server = serve(ERRORS).await;
    for entry in ["abort", "raise_signal"] {
        let calls = join_all((0..10).map(|_| failure(&server, entry, ""))).await;
        for (code, message) in calls {
            assert_eq!(code, "trap", "{entry}: {message}");
            assert!(message.contains("abort"), "{message}");
        }
    }
    let (code, message) = failure(&server, "huge_number", "").await;
    assert_eq!(code, "python_exception");
    assert!(message.contains("set_int_max_str_digits"), "{message}");
}
