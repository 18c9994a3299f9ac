//! A data directory belongs to one server; and what a server says that cannot start.

use std::path::Path;
use std::process::Command;

use faasm_testkit::{Server, wat_noop};

/// What a server says that cannot start, for a reason on this machine.
fn cannot_start(mut command: Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(output.stdout.is_empty());
    said
}

fn start_at(dir: &Path) -> Command {
    Server::builder().command(dir)
}

#[tokio::test]
async fn a_second_server_is_told_who_has_the_directory() {
    let first = Server::start().await;
    let said = cannot_start(start_at(first.data_dir()));
    let process = format!("process {}", first.pid());
    for word in [
        first.data_dir().to_str().unwrap(),
        &process,
        &first.upload,
        &first.invoke,
        "--data-dir",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    // The first one has not noticed.
    first.put("demo/f", wat_noop()).await;
    let _ = first.call("demo/f", "").await.expect(200);
}

#[tokio::test]
async fn what_a_killed_server_left_is_no_obstacle() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let mut server = Server::builder().data_dir(dir.path()).start().await;
        server.put("demo/f", wat_noop()).await;
        server.kill();
        assert!(dir.path().join("lock").exists());
    }
    let server = Server::builder().data_dir(dir.path()).start().await;
    let _ = server.call("demo/f", "").await.expect(200);
}

#[test]
fn a_directory_that_cannot_be_used_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    // Nobody can write there, not even root.
    let unwritable = Path::new("/proc/faasm-data");
    for place in [&file, &file.join("below"), unwritable] {
        let said = cannot_start(start_at(place));
        assert!(said.contains(place.to_str().unwrap()), "{said}");
        assert_eq!(said.trim().lines().count(), 1, "{said}");
    }
    assert_eq!(std::fs::read(&file).unwrap(), b"");
}

#[test]
fn a_port_in_use_is_named_with_the_option_that_chooses_another() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    for option in ["--upload-addr", "--invoke-addr"] {
        let mut command = Command::new(faasm_testkit::binary());
        let other = match option {
            "--upload-addr" => "--invoke-addr",
            _ => "--upload-addr",
        };
        command.args(["serve", option, &addr, other, "127.0.0.1:0", "--data-dir"]);
        let said = cannot_start({
            command.arg(dir.path());
            command
        });
        assert!(said.contains(&addr) && said.contains(option), "{said}");
    }
    // Nothing of the failed starts is in the way of the next one.
    let both = Command::new(faasm_testkit::binary())
        .args([
            "serve",
            "--upload-addr",
            "127.0.0.1:0",
            "--invoke-addr",
            &addr,
        ])
        .args(["--format", "json", "--data-dir"])
        .arg(dir.path())
        .output()
        .unwrap();
    let error: serde_json::Value = serde_json::from_slice(&both.stderr).unwrap();
    let message = error["error"]["message"].as_str().unwrap();
    assert!(message.contains(&addr), "{message}");
}
