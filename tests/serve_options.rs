//! What `faasm serve` can be told, and what it says when it listens.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use faasm_testkit::{Builder, Server, c, wat_noop};
use reqwest::Method;

/// A process that is killed when the test ends.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The first line that a server prints, and the server.
fn listening_line(builder: &Builder, dir: &Path) -> (String, Guard) {
    let mut command = builder.command(dir);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = Guard(command.stderr(Stdio::null()).spawn().unwrap());
    let mut line = String::new();
    let stdout = child.0.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    (line, child)
}

/// What a server says that must not start.
fn refused(mut command: Command, code: i32) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(code), "{stderr}");
    assert!(stdout.is_empty(), "it said that it listens");
    stderr
}

/// The address in a field of the listening line.
fn address<'a>(line: &'a str, field: &str) -> &'a str {
    let (_, rest) = line.split_once(&format!("\"{field}\":\"")).unwrap();
    rest.split('"').next().unwrap()
}

#[test]
fn the_listening_line_names_both_addresses_in_this_order_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let (line, _server) = listening_line(&Server::builder(), dir.path());
    let (upload, invoke) = (address(&line, "upload"), address(&line, "invoke"));
    let expected =
        format!("{{\"event\":\"listening\",\"upload\":\"{upload}\",\"invoke\":\"{invoke}\"}}\n");
    assert_eq!(line, expected);
    for address in [upload, invoke] {
        let port = address.strip_prefix("127.0.0.1:").unwrap();
        assert_ne!(port.parse::<u16>().unwrap(), 0);
        // It accepts by now.
        std::net::TcpStream::connect(address).unwrap();
    }
}

#[test]
fn a_role_that_is_off_is_null() {
    let dir = tempfile::tempdir().unwrap();
    let builder = Server::builder().args(["--role", "upload"]);
    let (line, server) = listening_line(&builder, dir.path());
    let upload = address(&line, "upload");
    let expected = format!("{{\"event\":\"listening\",\"upload\":\"{upload}\",\"invoke\":null}}\n");
    assert_eq!(line, expected);
    drop(server);
    let builder = Server::builder().env("FAASM_ROLE", "worker");
    let (line, _server) = listening_line(&builder, dir.path());
    let invoke = address(&line, "invoke");
    let expected = format!("{{\"event\":\"listening\",\"upload\":null,\"invoke\":\"{invoke}\"}}\n");
    assert_eq!(line, expected);
}

#[tokio::test]
async fn the_command_line_wins_over_the_environment_and_that_over_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("faasm.toml");
    std::fs::write(
        &file,
        "max-time = \"1s\"\nmax-output = \"1MiB\"\nmax-memory = 1048576\n",
    )
    .unwrap();
    let builder = || Server::builder().args(["--config", file.to_str().unwrap()]);
    let starts = [
        (builder(), 1_000),
        (builder().env("FAASM_MAX_TIME", "2s"), 2_000),
        (
            builder()
                .env("FAASM_MAX_TIME", "2s")
                .args(["--max-time", "3s"]),
            3_000,
        ),
    ];
    for (builder, time_ms) in starts {
        let server = builder.start().await;
        server.put("demo/f", wat_noop()).await;
        let url = format!("{}/f/demo/f/info", server.upload);
        let limits = server
            .request(Method::GET, &url, "")
            .await
            .expect(200)
            .json();
        let limits = &limits["effective_limits"];
        assert_eq!(limits["time_ms"], time_ms);
        // Only the file sets these.
        assert_eq!(limits["output_bytes"], 1 << 20);
        assert_eq!(limits["memory_bytes"], 1 << 20);
    }
}

#[tokio::test]
async fn the_file_gives_functions_their_environment_and_flags() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("faasm.toml");
    std::fs::write(&file, "[env]\nREGION = \"eu north\"\n[flags]\nFAST = 7\n").unwrap();
    let config = ["--config", file.to_str().unwrap()];
    let builder = Server::builder().args(config).env("SECRET", "of the host");
    let server = builder.start().await;
    let source = r#"
        #include <stdio.h>
        #include <stdlib.h>
        #include "faasm/host_interface.h"
        int main(void) {
            printf("%s %u %u %d", getenv("REGION"), __faasm_conf_flag("FAST"),
                __faasm_conf_flag("SLOW"), getenv("SECRET") != NULL);
            return 0;
        }"#;
    server.put("demo/f", c(source)).await;
    let answer = server.call("demo/f", "").await.expect(200);
    assert_eq!(answer.text(), "eu north 7 0 0");
}

#[test]
fn a_settings_file_with_a_mistake_is_refused_by_name_and_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("faasm.toml");
    let mistakes = [
        ("max-queued = 1\nmax-memroy = \"1GiB\"\n", "max-memroy"),
        ("\nmax-time = \"soon\"\n", "line 2"),
        ("max-queued = -1\n", "max-queued"),
        ("role = [\"boss\"]\n", "boss"),
        ("max-queued = \n", "line 1"),
    ];
    for (text, word) in mistakes {
        std::fs::write(&file, text).unwrap();
        let builder = Server::builder().args(["--config", file.to_str().unwrap()]);
        let said = refused(builder.command(&dir.path().join("data")), 2);
        assert!(said.contains(word) && said.contains("faasm.toml"), "{said}");
    }
    let missing = Server::builder().args(["--config", "/nowhere/faasm.toml"]);
    let said = refused(missing.command(&dir.path().join("data")), 5);
    assert!(said.contains("/nowhere/faasm.toml"), "{said}");
    assert!(
        !dir.path().join("data").exists(),
        "nothing is begun with wrong settings"
    );
}

#[test]
fn values_that_make_no_sense_are_wrong_usage_that_names_the_option() {
    let dir = tempfile::tempdir().unwrap();
    for (option, value) in [
        ("--max-time", "soon"),
        ("--max-time", "0s"),
        ("--max-memory", "1TiB"),
        ("--memory-budget", "1MiB"),
        ("--max-stack", "1"),
        ("--upload-addr", "nowhere"),
        ("--role", "boss"),
        ("--max-queued", "-1"),
        ("--log", "faasm=loud"),
        ("--log-format", "yaml"),
        ("--cors-origin", "example.com"),
        ("--result-ttl", "never"),
    ] {
        let builder = Server::builder().args([format!("{option}={value}")]);
        let said = refused(builder.command(dir.path()), 2);
        // Limits are named as everywhere in the API.
        let field = option.trim_start_matches("--max-").replace('-', "_");
        assert!(
            said.contains(option) || said.contains(&field),
            "{option}: {said}"
        );
    }
}

#[test]
fn an_address_that_others_can_reach_has_to_be_accepted() {
    let dir = tempfile::tempdir().unwrap();
    for addr in ["0.0.0.0:0", "[::]:0"] {
        for option in ["--upload-addr", "--invoke-addr"] {
            // The last one given counts: the builder's own is loopback.
            let mut command = Command::new(faasm_testkit::binary());
            command
                .args(["serve", option, addr, "--data-dir"])
                .arg(dir.path());
            let said = refused(command, 2);
            assert!(
                said.contains(addr) && said.contains("--insecure-no-auth"),
                "{said}"
            );
        }
    }
    let mut command = Command::new(faasm_testkit::binary());
    command.args([
        "serve",
        "--format",
        "json",
        "--insecure-no-auth",
        "--max-faaslets",
        "16",
    ]);
    command.args([
        "--upload-addr",
        "0.0.0.0:0",
        "--invoke-addr",
        "127.0.0.1:0",
        "--data-dir",
    ]);
    command
        .arg(dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut server = Guard(command.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(address(&line, "upload").starts_with("0.0.0.0:"), "{line}");
}

#[test]
fn the_help_shows_every_setting_with_its_variable_and_default() {
    let help = Command::new(faasm_testkit::binary())
        .args(["serve", "--help"])
        .output()
        .unwrap();
    assert!(help.status.success());
    let help = String::from_utf8(help.stdout).unwrap();
    for option in [
        "config",
        "data-dir",
        "upload-addr",
        "invoke-addr",
        "role",
        "auth",
        "open-metrics",
        "tls-cert",
        "tls-key",
        "insecure-no-auth",
        "shutdown-grace",
        "memory-budget",
        "max-memory",
        "max-time",
        "max-output",
        "max-stack",
        "max-input",
        "max-function",
        "max-faaslets",
        "max-running",
        "max-queued",
        "max-chain-depth",
        "max-chained-calls",
        "max-attempts",
        "result-ttl",
        "cors-origin",
        "log-format",
        "log",
    ] {
        let variable = format!("FAASM_{}", option.replace('-', "_").to_uppercase());
        assert!(help.contains(&format!("--{option}")), "{option}: {help}");
        assert!(help.contains(&variable), "{variable}: {help}");
    }
    for default in [
        "127.0.0.1:8002",
        "127.0.0.1:8080",
        "512MiB",
        "16MiB",
        "60s",
        "24h",
    ] {
        assert!(help.contains(default), "{default}: {help}");
    }
}
