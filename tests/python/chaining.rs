//! Calls that Python functions make, of entries of their own and of other functions.

use faasm_testkit::{Server, c};
use reqwest::Method;
use serde_json::json;

use super::{call, failure, output, put, serve, text};

const CHAINING: &str = include_str!("chaining.py");

#[tokio::test]
async fn callees_get_their_input_and_callers_their_output() {
    let server = serve(CHAINING).await;
    for (entry, input, expected) in [
        ("fan_out", "200", "39800"),
        ("tree", "6", "64"),
        ("waits_in_any_order", "", "0 2 4 6 8 10 12 14 16 18"),
        ("from_coroutine", "", "90"),
        ("to_coroutine", "", "0 awaited it"),
        ("is_fresh", "", "at upload"),
        ("chains_what_is_not_the_file_s", "", "5"),
    ] {
        assert_eq!(output(&server, entry, input).await, expected, "{entry}");
    }
    let both = call(&server, "demo/f", "callee_prints", "").await;
    assert_eq!(text(&both, "output_data"), "0 output");
    assert_eq!(text(&both, "stdout"), "the caller's own\n");
}

#[tokio::test]
async fn a_callee_that_fails_is_a_status_and_nothing_worse() {
    let server = serve(CHAINING).await;
    let statuses = "raises=1 exits=42 missing=1 two_arguments=1 recurses=1 no function=-1";
    assert_eq!(output(&server, "failures", "").await, statuses);
    let call = call(&server, "demo/f", "endless", "").await;
    assert_eq!(call["return_value"], -1, "{call:#}");
    // The whole tree ends with its root's time.
    let limits = server.stored(Method::PUT, "/p/demo/f/limits", r#"{"time_ms": 500}"#);
    let _ = limits.await.expect(200);
    assert_eq!(
        failure(&server, "waits_for_spinner", "").await.0,
        "time_limit"
    );
    assert_eq!(output(&server, "double", "21").await, "42");
}

#[tokio::test]
async fn functions_of_both_kinds_chain_to_the_user_s_modules_by_name() {
    let server = serve(CHAINING).await;
    let module = c(r#"#include <faasm/faasm.h>
        #include <stdio.h>
        int main(void)
        {
            char input[16] = {0};
            faasmGetInput((uint8_t *)input, sizeof input - 1);
            char output[32];
            faasmSetOutput((uint8_t *)output, sprintf(output, "%s from C", input));
            return 0;
        }"#);
    server.put("demo/module", module.clone()).await;
    server.put("other/theirs", module).await;
    assert_eq!(
        output(&server, "chains_to_name", "module").await,
        "0 hello from C"
    );
    // Another user's is not there.
    assert_eq!(output(&server, "chains_to_name", "theirs").await, "-1 ");
}

#[tokio::test]
async fn calls_that_nobody_waits_for_run_to_their_end() {
    let server = serve(CHAINING).await;
    put(&server, "other/f", CHAINING).await;
    assert_eq!(output(&server, "unawaited", "").await, "gone");
    marks(&server, "xxxxx").await;
    // A callee that is another user's would leave its mark there.
    let theirs = call(&server, "other/f", "is_fresh", "").await;
    assert_eq!(text(&theirs, "output_data"), "at upload");
}

/// Waits until as many marks were left.
async fn marks(server: &Server, expected: &str) {
    let source = format!(
        "import pyfaasm\ndef faasm_main():\n    \
         return pyfaasm.read_appended_state('marks', {0}, {0})\n",
        expected.len()
    );
    put(server, "demo/marks", source).await;
    for _ in 0..500 {
        let seen = call(server, "demo/marks", "faasm_main", "").await;
        if seen["output_data"] == json!(expected) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("no {expected}");
}
