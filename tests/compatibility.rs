//! Programs in Python's `requests`, as Faasm's users write them, against this server.

use std::path::Path;
use std::process::{Command, Output};

use faasm_testkit::{Server, c};

/// Echoes its input; its arguments make it fail, trap, or chain calls of itself.
const ECHO: &str = r#"#include <faasm/faasm.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    int main(int argc, char **argv) {
        long size = faasmGetInputSize();
        char *input = malloc(size + 1);
        faasmGetInput(input, size);
        printf("echo ");
        faasmSetOutput(input, size);
        if (argc > 1 && strcmp(argv[1], "trap") == 0) abort();
        if (argc > 2 && strcmp(argv[1], "chain") == 0) {
            for (int i = atoi(argv[2]); i > 0; i--) {
                if (faasmAwaitCall(faasmChainNamed("echo", "x", 1)) != 0) return 1;
            }
        }
        return argc > 1 && strcmp(argv[1], "fail") == 0 ? 3 : 0;
    }"#;

fn python(args: &[&str]) -> Output {
    let output = Command::new("python3").args(args).output();
    output.unwrap_or_else(|e| panic!("python3: {e}: run `scripts/install-deps --test`"))
}

/// Runs one of the programs in `tests/compatibility`.
async fn run(program: &str) {
    let requests = python(&["-c", "import requests"]);
    assert!(
        requests.status.success(),
        "python3 has no module `requests`: run `scripts/install-deps --test`"
    );
    let server = Server::start().await;
    let code = server.scratch().join("echo.wasm");
    std::fs::write(&code, c(ECHO)).unwrap();
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compatibility");
    let program = dir.join(program).display().to_string();
    let (upload, invoke) = (server.upload.clone(), server.invoke.clone());
    let run = tokio::task::spawn_blocking(move || {
        python(&[
            "-W",
            "error",
            &program,
            &upload,
            &invoke,
            &code.display().to_string(),
        ])
    });
    let output = run.await.unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
}

#[tokio::test]
async fn a_function_is_uploaded_and_called() {
    run("sync.py").await;
}

#[tokio::test]
async fn an_asynchronous_call_is_polled_until_it_succeeds() {
    run("asynchronous.py").await;
}

#[tokio::test]
async fn failures_are_told_by_status_and_text() {
    run("failure.py").await;
}

#[tokio::test]
async fn the_tree_of_calls_is_read_and_the_server_is_flushed() {
    run("exec_graph.py").await;
}
