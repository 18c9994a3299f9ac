//! The documents, checked against the program: their commands run and print what they
//! say, their links lead somewhere, and their tables leave nothing out.
//!
//! A block marked `sh` is run, with bash, in one directory and with one server for each
//! document; a `text` block behind it is what it prints, where `…` stands for anything.
//! A block whose mark has a file name (`c hello.c`) is written to that file before. A mark
//! with `ignore` keeps a block from all of this.

mod complete;
mod document;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use faasm_testkit::{Server, binary, wat_noop};

use document::{blocks, matches, read};

/// Runs a block as a reader would who has a server on the usual ports.
fn run(script: &str, server: &Server, dir: &Path) -> Output {
    let script = script
        .replace("http://127.0.0.1:8002", &server.upload)
        .replace("http://127.0.0.1:8080", &server.invoke);
    let bin = binary().parent().unwrap().to_owned();
    let mut path = bin.into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut bash = Command::new("timeout");
    bash.args(["120", "bash", "-euo", "pipefail", "-c", &script])
        .current_dir(dir)
        .env("PATH", path)
        .env("FAASM_UPLOAD_URL", &server.upload)
        .env("FAASM_INVOKE_URL", &server.invoke);
    bash.output().unwrap()
}

/// Runs a document from its beginning to its end.
async fn follow(document: &str) {
    let blocks = blocks(&read(document));
    let server = Server::with_python().await;
    let dir = tempfile::tempdir().unwrap();
    let mut ran = 0;
    for (index, block) in blocks.iter().enumerate() {
        if let Some(name) = block.file() {
            fs::write(dir.path().join(name), &block.text).unwrap();
        }
        if block.mark != "sh" {
            continue;
        }
        let output = run(&block.text, &server, dir.path());
        let place = format!("{document}:{}", block.line);
        let [stdout, stderr] = [&output.stdout, &output.stderr].map(|b| String::from_utf8_lossy(b));
        assert!(
            output.status.success(),
            "{place}: {}\n{stdout}{stderr}",
            output.status
        );
        if let Some(expected) = blocks.get(index + 1).filter(|next| next.mark == "text") {
            // The end of the last line is part of the block's form, not of what is shown.
            let matches = matches(expected.text.trim_end(), stdout.trim_end());
            assert!(
                matches,
                "{place} printed\n{stdout}and not\n{}stderr:\n{stderr}",
                expected.text
            );
        }
        ran += 1;
    }
    assert!(ran > 0, "{document} has nothing to run");
}

#[tokio::test]
async fn the_readme_can_be_followed() {
    follow("README.md").await;
}

#[tokio::test]
async fn getting_started_can_be_followed() {
    follow("docs/getting-started.md").await;
}

#[tokio::test]
async fn the_page_about_functions_can_be_followed() {
    follow("docs/functions-c.md").await;
}

#[tokio::test]
async fn the_page_about_python_can_be_followed() {
    follow("docs/python.md").await;
}

#[tokio::test]
async fn the_page_about_files_can_be_followed() {
    follow("docs/files.md").await;
}

#[tokio::test]
async fn the_page_about_http_can_be_followed() {
    follow("docs/http-api.md").await;
}

#[tokio::test]
async fn the_page_about_the_command_line_can_be_followed() {
    follow("docs/cli.md").await;
}

#[tokio::test]
async fn the_page_about_limits_can_be_followed() {
    follow("docs/limits.md").await;
}

#[tokio::test]
async fn the_page_about_calls_can_be_followed() {
    follow("docs/calls.md").await;
}

#[tokio::test]
async fn a_server_takes_the_example_of_a_settings_file() {
    let blocks = blocks(&read("docs/configuration.md"));
    let example = blocks
        .iter()
        .find(|block| block.file() == Some("faasm.toml"))
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("faasm.toml");
    // The machine that runs this may be smaller than the example's.
    fs::write(&path, example.text.replace("6GiB", "1GiB")).unwrap();
    let args = ["--config".to_owned(), path.display().to_string()];
    let server = Server::builder().args(args).start().await;
    server.put("demo/noop", wat_noop()).await;
    let _ = server.call("demo/noop", "").await.expect(200);
}
