//! What is done once, at the upload, and what anew in every call.

use std::collections::HashSet;
use std::time::{SystemTime, UNIX_EPOCH};

use futures::future::join_all;

use super::{call, failure, output, put, serve, text, try_put};

const STARTUP: &str = include_str!("startup.py");

#[tokio::test]
async fn nothing_random_comes_twice() {
    let server = serve(STARTUP).await;
    let calls = join_all((0..40).map(|_| output(&server, "draw", ""))).await;
    let mut seen = HashSet::new();
    for drawn in &calls {
        assert_eq!(drawn.lines().count(), 17, "{drawn}");
        for value in drawn.lines() {
            assert!(seen.insert(value), "{value} came twice");
        }
    }
    // What the file seeded is the file's affair.
    let first = output(&server, "seeded", "").await;
    assert!(first.starts_with("0.639427 "), "{first}");
    assert_eq!(output(&server, "seeded", "").await, first);
    // Another upload of the same file draws anew at import.
    let before = output(&server, "uploaded", "").await;
    put(&server, "demo/f", STARTUP).await;
    assert_ne!(output(&server, "uploaded", "").await, before);
}

#[tokio::test]
async fn top_level_code_runs_once_at_the_upload() {
    let server = serve(STARTUP).await;
    let first = call(&server, "demo/f", "uploaded", "").await;
    assert_eq!(text(&first, "stdout"), "");
    assert!(text(&first, "output_data").starts_with("1 "), "{first:#}");
    let again = join_all((0..20).map(|_| output(&server, "uploaded", ""))).await;
    for seen in again {
        assert_eq!(seen, text(&first, "output_data"));
    }
    let hash = output(&server, "hashes", "").await;
    assert_eq!(output(&server, "hashes", "").await, hash);
}

#[tokio::test]
async fn without_a_snapshot_top_level_code_runs_in_every_call_and_may_do_all() {
    let server = serve(
        r"#!/usr/bin/env python3
# Counts in state at import.
# faasm: no-snapshot
import os
import pyfaasm

seen = pyfaasm.read_state_size('imports') + 1
pyfaasm.write_state('imports', b'x' * seen)
print('importing for', os.environ['FAASM_CALL_ID'], pyfaasm.read_input().decode())

def faasm_main():
    return str(seen)
",
    )
    .await;
    for n in 1..=3 {
        let call = call(&server, "demo/f", "faasm_main", "Ada").await;
        assert_eq!(text(&call, "output_data"), n.to_string(), "{call:#}");
        let stdout = text(&call, "stdout");
        assert_eq!(stdout, format!("importing for {} Ada\n", call["id"]));
    }
    // Nor does the upload run it: this would not end, and the name is not there.
    let endless = "# faasm: no-snapshot\nmissing\nwhile True: pass\n";
    put(&server, "demo/endless", endless).await;
    // What fails then is the call's affair; what is no Python is refused at once, as ever.
    put(&server, "demo/f", "# faasm: no-snapshot\n1 / 0\n").await;
    let (code, message) = failure(&server, "faasm_main", "").await;
    assert_eq!(code, "python_exception");
    assert_eq!(message, "ZeroDivisionError: division by zero");
    let refused = try_put(&server, "demo/f", "# faasm: no-snapshot\n1 /\n").await;
    assert!(refused.expect(422).text().contains("line 2"));
    // The sixth line is too late.
    let late = format!(
        "{}# faasm: no-snapshot\nprint('once')\ndef faasm_main(): pass\n",
        "\n".repeat(5)
    );
    put(&server, "demo/f", late).await;
    let call = call(&server, "demo/f", "faasm_main", "").await;
    assert_eq!(text(&call, "stdout"), "", "{call:#}");
}

#[tokio::test]
async fn what_belongs_to_a_call_is_refused_at_the_upload_with_what_to_do() {
    let server = serve("").await;
    for attempt in [
        "read_input()",
        "write_output(b'')",
        "read_state('key')",
        "write_state('key', b'')",
        "state_view('key', 4)",
        "append_state('key', b'')",
        "chain('faasm_main')",
        "chain_name('f')",
        "write_lock('key').__enter__()",
        "global_lock('key').__enter__()",
        "push_state('key')",
    ] {
        let source = format!("import pyfaasm\npyfaasm.{attempt}\n");
        let refused = try_put(&server, "demo/f", source).await.expect(422);
        assert!(
            refused.text().contains("no-snapshot"),
            "{attempt}: {}",
            refused.text()
        );
        assert!(
            refused.text().contains("RuntimeError"),
            "{attempt}: {}",
            refused.text()
        );
    }
}

#[tokio::test]
async fn the_environment_and_the_clock_are_the_call_s() {
    let server = serve(STARTUP).await;
    let call = call(&server, "demo/f", "environment", "").await;
    let expected = format!(
        "FAASM_CALL_ID={}\nFAASM_FUNCTION=f\nFAASM_USER=demo",
        call["id"]
    );
    assert_eq!(text(&call, "output_data"), expected);
    let now = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs_f64()
    };
    let before = now();
    let clock = output(&server, "clock", "").await;
    let (time, slept) = clock.split_once(' ').unwrap();
    let time: f64 = time.parse().unwrap();
    // It has three digits behind the point.
    let is_now = before - 0.001 <= time && time <= now() + 0.001;
    assert!(is_now, "{time} is not now");
    assert!(slept.parse::<u64>().unwrap() >= 2_000_000, "{clock}");
    let paths = output(&server, "paths", "").await;
    assert!(
        paths.starts_with("/ /function /usr/lib/python3.13 /tmp wasi 3.13."),
        "{paths}"
    );
}
