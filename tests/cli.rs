//! The command line, against a real server: what goes where, and the exit codes.

use std::process::Command;

use faasm_testkit::binary;
use serde_json::Value;

use shell::{Shell, end};

mod compiler;
mod file;
mod file_trees;
mod local;
mod py;
mod python;
mod shell;
mod state;

#[tokio::test]
async fn functions_are_put_fetched_listed_inspected_and_removed() {
    let shell = Shell::new().await;
    shell.run(&["build", "echo.c", "-o", "echo.wasm"]).ok();
    let put = shell
        .run(&["func", "put", "demo", "echo", "echo.wasm", "--time", "5s"])
        .code(0);
    let stdout = String::from_utf8(put.stdout).unwrap();
    assert!(
        stdout.starts_with("demo/echo: ") && stdout.lines().count() == 1,
        "{stdout}"
    );
    assert!(
        put.stderr.contains("next: faasm invoke demo echo"),
        "{}",
        put.stderr
    );
    let code = std::fs::read(shell.path().join("echo.wasm")).unwrap();
    assert_eq!(
        shell.run(&["func", "get", "demo", "echo"]).code(0).stdout,
        code
    );
    shell
        .run(&["func", "get", "demo", "echo", "-o", "copy.wasm"])
        .ok();
    assert_eq!(std::fs::read(shell.path().join("copy.wasm")).unwrap(), code);
    for args in [&["func", "ls"][..], &["func", "ls", "demo"]] {
        let list = shell.run(args).ok();
        assert!(
            list.starts_with("demo/echo ") && list.lines().count() == 1,
            "{list}"
        );
    }
    assert_eq!(shell.run(&["func", "ls", "nobody"]).ok(), "");
    let info = shell
        .run(&["func", "inspect", "demo", "echo", "--format", "json"])
        .code(0)
        .json();
    assert_eq!(info["size"], code.len());
    assert_eq!(info["effective_limits"]["time_ms"], 5_000);
    let limits = ["func", "limits", "demo", "echo"];
    assert!(shell.run(&limits).ok().contains("5s  (the function's own)"));
    let set = shell
        .run(&[&limits[..], &["--memory", "64MiB"]].concat())
        .ok();
    assert!(
        set.contains("64.0 MiB  (the function's own)") && set.contains("5s"),
        "{set}"
    );
    let reset = shell.run(&[&limits[..], &["--reset"]].concat()).ok();
    assert!(!reset.contains("own"), "{reset}");
    let absurd = shell
        .run(&[&limits[..], &["--memory", "1TiB"]].concat())
        .code(2);
    assert!(absurd.stderr.contains("memory"), "{}", absurd.stderr);
    assert_eq!(
        shell.run(&["func", "rm", "demo", "echo"]).ok(),
        "removed demo/echo\n"
    );
    for verb in ["rm", "get", "inspect", "limits"] {
        let gone = shell.run(&["func", verb, "demo", "echo"]).code(4);
        assert!(
            gone.stdout.is_empty() && gone.stderr.contains("demo/echo"),
            "{}",
            gone.stderr
        );
    }
    // A file that is no function is refused by the server, one that is not there is not sent.
    let refused = shell
        .run(&["func", "put", "demo", "echo", "echo.c"])
        .code(4);
    assert!(refused.stderr.starts_with("error: "), "{}", refused.stderr);
    let missing = shell
        .run(&["func", "put", "demo", "echo", "nowhere.wasm"])
        .code(5);
    assert!(
        missing.stderr.contains("nowhere.wasm"),
        "{}",
        missing.stderr
    );
}

#[tokio::test]
async fn a_call_takes_input_from_anywhere_and_gives_its_bytes_to_stdout() {
    let shell = Shell::with_functions().await;
    let invoke = ["invoke", "demo", "echo"];
    let text = shell
        .run(&[&invoke[..], &["-i", "some text"]].concat())
        .code(0);
    assert_eq!(text.stdout, b"some text");
    assert_eq!(text.stderr, "to stderr\n");
    let binary = b"\xff\0\xfe\n\n".repeat(1_000);
    std::fs::write(shell.path().join("input"), &binary).unwrap();
    assert_eq!(
        shell
            .run(&[&invoke[..], &["-f", "input"]].concat())
            .code(0)
            .stdout,
        binary
    );
    let piped = shell.run_with(&[&invoke[..], &["-f", "-"]].concat(), &binary);
    assert_eq!(piped.code(0).stdout, binary);
    let args = shell
        .run(&[&invoke[..], &["--", "-v", "a b"]].concat())
        .ok();
    assert_eq!(args, "[-v][a b]");
    let line = shell
        .run(&[&invoke[..], &["--cmdline", "-v 'a b'"]].concat())
        .ok();
    assert_eq!(line, "[-v][a b]");
    let json = shell
        .run(&[&invoke[..], &["-i", "x", "--format", "json"]].concat())
        .code(0)
        .json();
    assert_eq!(
        (&json["status"], &json["output_data"]),
        (&"SUCCESS".into(), &"x".into())
    );
    assert_eq!(json["stderr"], "to stderr\n");
    let waited = shell
        .run(&[&invoke[..], &["-i", "y", "--async", "--wait"]].concat())
        .ok();
    assert_eq!(waited, "y");
    assert_eq!(
        shell.run(&[&invoke[..], &["-q", "-i", "-5"]].concat()).ok(),
        "-5"
    );
}

#[tokio::test]
async fn exit_codes_tell_whose_fault_it_was() {
    let shell = Shell::with_functions().await;
    let failed = shell.run(&["invoke", "demo", "fail"]).code(1);
    assert!(failed.stderr.contains("returned 3"), "{}", failed.stderr);
    let failed = shell
        .run(&["invoke", "demo", "fail", "--format", "json"])
        .code(1);
    let error: Value = serde_json::from_str(&failed.stderr).unwrap();
    assert_eq!(error["error"]["code"], "nonzero_return");
    assert_eq!(failed.json()["return_value"], 3);
    for usage in [
        &["invoke", "demo"][..],
        &["invoke", "demo", "a/b"],
        &["nonsense"],
        &["invoke", "demo", "echo", "--wait"],
        &["invoke", "demo", "echo", "-i", "x", "-f", "y"],
        &["invoke", "demo", "echo", "--cmdline", "'"],
        &["status", "abc"],
        &["status", "-1"],
        &["calls", "--before", "0"],
    ] {
        let wrong = shell.run(usage).code(2);
        assert!(
            wrong.stdout.is_empty() && !wrong.stderr.is_empty(),
            "{usage:?}"
        );
    }
    let mut unreachable = Command::new(binary());
    unreachable.args([
        "invoke",
        "demo",
        "echo",
        "--invoke-url",
        "http://127.0.0.1:1",
    ]);
    let unreachable = end(unreachable, b"").code(3);
    assert!(unreachable.stdout.is_empty());
    assert!(
        unreachable.stderr.contains("127.0.0.1:1"),
        "{}",
        unreachable.stderr
    );
    assert!(
        unreachable
            .stderr
            .contains("hint: start a server with `faasm serve`")
    );
    // The wrong one of the two listeners.
    let swapped = shell.run(&[
        "invoke",
        "demo",
        "echo",
        "--invoke-url",
        &shell.server.upload,
    ]);
    assert!(swapped.code == 4 || swapped.code == 3, "{}", swapped.stderr);
    let refused = shell.run(&["invoke", "demo", "missing"]).code(4);
    assert!(
        refused.stderr.contains("demo/missing"),
        "{}",
        refused.stderr
    );
    shell.run(&["status", "4711471147114"]).code(4);
    shell.run(&["cancel", "4711471147114"]).code(4);
    shell.run(&["graph", "4711471147114"]).code(4);
    shell
        .run(&["invoke", "demo", "echo", "-f", "nowhere"])
        .code(5);
    let help = shell.run(&["--help"]).ok();
    for line in [
        "1  the call failed",
        "3  no faasm server was reached",
        "5  a problem on this",
    ] {
        assert!(help.contains(line), "{help}");
    }
}

#[tokio::test]
async fn asynchronous_calls_are_followed_listed_and_cancelled() {
    let shell = Shell::with_functions().await;
    let submitted = shell
        .run(&["invoke", "demo", "echo", "-i", "x", "--async"])
        .code(0);
    assert!(
        submitted.stderr.contains("next: faasm status "),
        "{}",
        submitted.stderr
    );
    let id = String::from_utf8(submitted.stdout)
        .unwrap()
        .trim()
        .to_owned();
    let status = shell.run(&["status", &id, "--wait"]).code(0);
    assert_eq!(status.stdout, b"SUCCESS: x");
    let again = shell
        .run(&["status", &id, "--format", "json"])
        .code(0)
        .json();
    assert_eq!(again["status"], "SUCCESS");
    assert_eq!(shell.run(&["cancel", &id]).ok(), "already finished\n");
    let failed = shell
        .run(&["invoke", "demo", "fail", "--async", "--format", "json"])
        .code(0)
        .json();
    let failed = failed["id"].to_string();
    let status = shell.run(&["status", &failed, "--wait"]).code(1);
    assert!(status.stdout.starts_with(b"FAILED: "));

    let sleeping = shell
        .run(&["invoke", "demo", "sleep", "--async", "-q"])
        .ok();
    let sleeping = sleeping.trim();
    assert_eq!(shell.run(&["status", sleeping]).ok(), "RUNNING\n");
    assert_eq!(shell.run(&["cancel", sleeping]).ok(), "cancelled\n");
    let cancelled = shell.run(&["status", sleeping, "--wait"]).code(1);
    assert!(
        cancelled.stderr.contains("cancelled"),
        "{}",
        cancelled.stderr
    );

    let list = shell.run(&["calls", "demo"]).ok();
    let ids: Vec<&str> = list
        .lines()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(ids, [sleeping, &failed, &id]);
    assert_eq!(
        shell.run(&["calls", "--limit", "1"]).ok().lines().count(),
        1
    );
    let older = shell
        .run(&["calls", "--before", &failed, "--format", "json"])
        .code(0)
        .json();
    assert_eq!(older["calls"][0]["id"].to_string(), id);
    let graph = shell.run(&["graph", &id]).ok();
    assert!(
        graph.contains(&id) && graph.contains("demo/echo SUCCESS"),
        "{graph}"
    );
    assert_eq!(shell.run(&["flush"]).ok(), "flushed\n");
    assert_eq!(
        shell.run(&["invoke", "demo", "echo", "-i", "after"]).ok(),
        "after"
    );
}
