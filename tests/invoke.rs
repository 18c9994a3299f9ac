//! Synchronous calls: what goes in, and what comes out byte for byte.

use faasm_testkit::{Server, c, cpp, wat_noop};
use futures::future::join_all;
use reqwest::Method;
use serde_json::json;

/// Echoes its input to the output data, after a line on stdout and one on stderr.
const ECHO: &str = r#"#include <faasm/faasm.h>
    #include <stdio.h>
    #include <stdlib.h>
    int main(void) {
        long size = faasmGetInputSize();
        char *input = malloc(size + 1);
        faasmGetInput(input, size);
        printf("%ld bytes\n", size);
        fprintf(stderr, "seen");
        faasmSetOutput(input, size);
        return 0;
    }"#;

/// Prints its arguments, a line each.
const ARGS: &str = r#"#include <stdio.h>
    int main(int argc, char **argv) {
        for (int i = 0; i < argc; i++) printf("<%s>\n", argv[i]);
        return 0;
    }"#;

/// Every byte there is.
fn all_bytes() -> Vec<u8> {
    (0..=255).collect()
}

#[tokio::test]
async fn the_body_is_stdout_and_then_the_output_and_headers_tell_them_apart() {
    let server = Server::start().await;
    server.put("demo/echo", c(ECHO)).await;
    let call = json!({"user": "demo", "function": "echo", "input_data": "in\u{e9}put"});
    for answer in [
        server.post(call).await.expect(200),
        server.call("demo/echo", "in\u{e9}put").await.expect(200),
    ] {
        assert_eq!(answer.text(), "7 bytes\nin\u{e9}put");
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(answer.header("content-length"), "15");
        assert_eq!(answer.header("faasm-return-value"), "0");
        assert_eq!(answer.header("faasm-stdout-length"), "8");
        let id: u64 = answer.header("faasm-call-id").parse().unwrap();
        let status = server.get(&format!("/calls/{id}")).await.expect(200).text();
        assert_eq!(status, format!("SUCCESS: {}", answer.text()));
    }
}

#[tokio::test]
async fn binary_input_and_output_stay_byte_for_byte() {
    let server = Server::start().await;
    server.put("demo/echo", c(ECHO)).await;
    let expected = [b"256 bytes\n", &all_bytes()[..]].concat();
    let url = format!("{}/invoke/demo/echo", server.invoke);
    // curl sends this type with -d.
    let form = ["content-type: application/x-www-form-urlencoded"];
    let raw = server
        .request_with(Method::POST, &url, &form, all_bytes())
        .await;
    let base64 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0BBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWltcXV5fYGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn+AgYKDhIWGh4iJiouMjY6PkJGSk5SVlpeYmZqbnJ2en6ChoqOkpaanqKmqq6ytrq+wsbKztLW2t7i5uru8vb6/wMHCw8TFxsfIycrLzM3Oz9DR0tPU1dbX2Nna29zd3t/g4eLj5OXm5+jp6uvs7e7v8PHy8/T19vf4+fr7/P3+/w==";
    let call = json!({"user": "demo", "function": "echo", "input_data_base64": base64});
    for answer in [raw, server.post(call.clone()).await] {
        let answer = answer.expect(200);
        assert_eq!(answer.body, expected);
        assert_eq!(answer.header("content-type"), "application/octet-stream");
    }
    let json = ["accept: application/json"];
    let answer = server.request_with(Method::POST, &server.invoke, &json, call.to_string());
    let answer = answer.await.expect(200).json();
    assert_eq!(answer["output_data_base64"], base64);
    let lossy = String::from_utf8_lossy(&all_bytes()).into_owned();
    assert_eq!(answer["output_data"], lossy);
    assert_eq!(answer.get("stdout_base64"), None);

    // As much as there may be: the default limits of input and of output.
    let large = vec![0xa5; (16 << 20) - 20];
    let answer = server.call("demo/echo", large.clone()).await.expect(200);
    assert!(answer.body.ends_with(&large) && answer.body.len() == large.len() + 15);
}

#[tokio::test]
async fn json_is_for_who_asks_for_it() {
    let server = Server::start().await;
    server.put("demo/echo", c(ECHO)).await;
    server
        .put("demo/trap", c("int main(void) { __builtin_trap(); }"))
        .await;
    let mut answer = server.call_json("demo/echo", "x").await;
    let times = ["accepted_at_ms", "finished_at_ms"].map(|field| answer[field].take().as_u64());
    assert!(times[0] > Some(1_700_000_000_000) && times[1] >= times[0]);
    for field in ["queued_us", "start_us", "run_us"] {
        assert!(answer["timings"][field].take().is_u64(), "{field}");
    }
    assert!(answer["id"].take().as_u64() > Some(0));
    let expected = json!({"id": null, "user": "demo", "function": "echo", "status": "SUCCESS",
        "return_value": 0, "output_data": "x", "stdout": "1 bytes\n", "stderr": "seen",
        "accepted_at_ms": null, "finished_at_ms": null,
        "timings": {"queued_us": null, "start_us": null, "run_us": null}});
    assert_eq!(answer, expected);

    let url = format!("{}/invoke/demo/trap", server.invoke);
    let json = ["accept: text/html, application/json;q=0.9"];
    let failed = server
        .request_with(Method::POST, &url, &json, "")
        .await
        .expect(500);
    assert_eq!(failed.header("faasm-return-value"), "-1");
    let failed = failed.json();
    assert_eq!(
        (&failed["status"], &failed["return_value"]),
        (&json!("FAILED"), &json!(-1))
    );
    assert_eq!(failed["reason"]["code"], "trap");
    let message = failed["reason"]["message"].as_str().unwrap();
    assert!(
        message.contains("unreachable") && message.contains("main"),
        "{message}"
    );
}

#[tokio::test]
async fn a_command_line_is_split_as_a_shell_does() {
    let server = Server::start().await;
    server.put("demo/args", c(ARGS)).await;
    let cmdline = r#"a 'b c' "d \"e\"" f\ g '' é"#;
    let expected = "<function.wasm>\n<a>\n<b c>\n<d \"e\">\n<f g>\n<>\n<é>\n";
    let call = json!({"user": "demo", "function": "args", "cmdline": cmdline});
    assert_eq!(server.post(call).await.expect(200).text(), expected);
    let url = format!("{}/invoke/demo/args", server.invoke);
    let url = reqwest::Url::parse_with_params(&url, [("cmdline", cmdline)]).unwrap();
    let answer = server.request(Method::POST, url.as_str(), "").await;
    assert_eq!(answer.expect(200).text(), expected);
    for none in [json!(""), json!(null)] {
        let call = json!({"user": "demo", "function": "args", "cmdline": none});
        assert_eq!(
            server.post(call).await.expect(200).text(),
            "<function.wasm>\n"
        );
    }
    for bad in ["it's", "\"", "a\\", "nul\0"] {
        let call = json!({"user": "demo", "function": "args", "cmdline": bad});
        let text = server.post(call).await.expect(400).text();
        assert!(text.contains("`cmdline`"), "{text}");
    }
}

#[tokio::test]
async fn the_environment_tells_who_is_called_and_nothing_of_the_host() {
    let config = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(config.path(), "[env]\nGREETING = \"good day\"\n").unwrap();
    let config = ["--config".to_owned(), config.path().display().to_string()];
    let server = Server::builder().args(config).start().await;
    let source = r#"#include <stdio.h>
        extern char **environ;
        int main(void) { for (char **e = environ; *e; e++) puts(*e); return 0; }"#;
    server.put("demo/env", c(source)).await;
    let answer = server.call("demo/env", "").await.expect(200);
    let text = answer.text();
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    let id = format!("FAASM_CALL_ID={}", answer.header("faasm-call-id"));
    let expected = [
        id.as_str(),
        "FAASM_FUNCTION=env",
        "FAASM_USER=demo",
        "GREETING=good day",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn the_input_is_standard_input_too() {
    let server = Server::start().await;
    let source = r#"#include <stdio.h>
        int main(void) { for (int c; (c = getchar()) != EOF;) putchar(c); return 0; }"#;
    server.put("demo/cat", c(source)).await;
    let answer = server.call("demo/cat", all_bytes()).await.expect(200);
    assert_eq!(answer.body, all_bytes());
    assert_eq!(server.call("demo/cat", "").await.expect(200).body, "");
}

#[tokio::test]
async fn what_a_failed_call_printed_is_kept_before_the_line_that_says_why() {
    let server = Server::start().await;
    for (body, status, value, lines) in [
        (
            r#"printf("out"); return 7;"#,
            500,
            "7",
            ["out", "nonzero_return: "],
        ),
        (
            r#"puts("out"); exit(3);"#,
            500,
            "3",
            ["out", "nonzero_return: "],
        ),
        (
            r#"printf("out"); _Exit(4);"#,
            500,
            "4",
            ["", "nonzero_return: "],
        ),
        (
            r#"puts("out"); fflush(stdout); abort();"#,
            500,
            "-1",
            ["out", "trap: "],
        ),
        (
            r#"puts("out"); fflush(stdout); for (;;) {}"#,
            504,
            "-1",
            ["out", "time_limit: "],
        ),
        (
            r#"faasmSetOutput("data", 4); return -1;"#,
            500,
            "-1",
            ["data", "nonzero_return: "],
        ),
    ] {
        let source = format!(
            "#include <faasm/faasm.h>\n#include <stdio.h>\n#include <stdlib.h>\n
            int main(void) {{ {body} }}"
        );
        server.put("demo/f", c(&source)).await;
        let _ = server
            .set_limits("demo/f", json!({"time_ms": 300}))
            .await
            .expect(200);
        let answer = server.call("demo/f", "").await.expect(status);
        assert_eq!(answer.header("faasm-return-value"), value, "{body}");
        let id = answer.header("faasm-call-id");
        let text = answer.text();
        let [printed, code] = lines;
        let printed = if printed.is_empty() {
            String::new()
        } else {
            format!("{printed}\n")
        };
        let start = format!("{printed}call {id} of demo/f failed: {code}");
        assert!(
            text.starts_with(&start) && text.ends_with('\n'),
            "{body}: {text}"
        );
        assert_eq!(text.lines().count(), start.lines().count(), "{text}");
        let told = server.get(&format!("/calls/{id}")).await.expect(200).text();
        assert_eq!(told, format!("FAILED: {text}"));
    }
}

#[tokio::test]
async fn a_trap_says_which_functions_it_was_in() {
    let server = Server::start().await;
    let source = r#"
        __attribute__((noinline)) int divide(volatile int *by) { return 1000 / *by; }
        __attribute__((noinline)) int outer(volatile int *by) { return divide(by) + 1; }
        int main(void) { volatile int zero = 0; return outer(&zero); }"#;
    server.put("demo/trap", c(source)).await;
    let text = server.call("demo/trap", "").await.expect(500).text();
    assert!(
        text.contains("divide by zero") && text.contains("(in divide < outer <"),
        "{text}"
    );

    let source = r#"#include <stdexcept>
        struct Shape { [[gnu::noinline]] void draw(int sides); };
        void Shape::draw(int sides) { if (sides) __builtin_trap(); }
        int main(int argc, char **) { Shape().draw(argc); }"#;
    server.put("demo/trap", cpp(source)).await;
    let text = server.call("demo/trap", "").await.expect(500).text();
    assert!(text.contains("Shape::draw(int)"), "{text}");
}

#[tokio::test]
async fn a_cpp_exception_is_named() {
    let server = Server::start().await;
    let source = "#include <vector>\nint main() { return std::vector<int>{1}.at(3); }";
    server.put("demo/throws", cpp(source)).await;
    let text = server.call("demo/throws", "").await.expect(500).text();
    assert!(
        text.contains("out_of_range") || text.contains("vector"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[tokio::test]
async fn everything_that_runs_at_the_end_of_a_program_runs() {
    let server = Server::start().await;
    let ends = [
        ("return 0;", 200),
        ("exit(0);", 200),
        ("return 5;", 500),
        ("exit(5);", 500),
    ];
    for (end, status) in ends {
        let source = format!(
            r#"#include <stdio.h>
            #include <stdlib.h>
            static void bye(void) {{ printf("bye "); }}
            __attribute__((destructor)) static void last(void) {{ printf("last "); }}
            int main(void) {{ atexit(bye); printf("main "); {end} }}"#
        );
        server.put("demo/ends", c(&source)).await;
        let text = server.call("demo/ends", "").await.expect(status).text();
        assert!(text.starts_with("main bye last "), "{end} {text}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_404_that_says_so() {
    let server = Server::start().await;
    let call = json!({"user": "demo", "function": "none"});
    for is_async in [false, true] {
        let mut call = call.clone();
        call["async"] = json!(is_async);
        let text = server.post(call).await.expect(404).text();
        assert!(
            text.contains("no function demo/none") && text.ends_with('\n'),
            "{text}"
        );
    }
    let _ = server.call("demo/none", "").await.expect(404);
    let url = format!("{}/invoke/demo/none?async=true", server.invoke);
    let _ = server.request(Method::POST, &url, "").await.expect(404);
}

#[tokio::test]
async fn many_calls_at_once_each_get_their_own_answer() {
    let server = Server::start().await;
    server.put("demo/echo", c(ECHO)).await;
    server.put("demo/noop", wat_noop()).await;
    let count = if crate::is_long() { 5_000 } else { 500 };
    let call = async |n: usize| {
        let input = n.to_string();
        let answer = server.call("demo/echo", input.clone()).await.expect(200);
        assert_eq!(answer.text(), format!("{} bytes\n{input}", input.len()));
        let answer = server.call("demo/noop", input).await.expect(200);
        assert_eq!(answer.text(), "");
    };
    join_all((0..count).map(call)).await;
}

#[tokio::test]
async fn fields_that_ask_for_nothing_are_no_obstacle() {
    let server = Server::start().await;
    server.put("demo/echo", c(ECHO)).await;
    let call = json!({"user": "demo", "function": "echo", "input_data": "x", "async": false,
        "python": false, "mpi": false, "mpi_world_size": 0, "py_user": null, "py_func": null,
        "status": false, "flush": false, "type": 0, "id": null, "newer": {"deep": [1, 2]}});
    assert_eq!(server.post(call).await.expect(200).text(), "1 bytes\nx");
    let url = format!("{}/invoke/demo/echo?mpi=true", server.invoke);
    let _ = server.request(Method::POST, &url, "").await.expect(400);
}
