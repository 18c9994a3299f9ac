//! `faasm file … -r`: directories, and servers that list what they should not.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use faasm_testkit::binary;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::shell::{Shell, end};

/// All files below a directory, links followed.
fn contents(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            let below = contents(&path).into_iter();
            found.extend(below.map(|(below, bytes)| (format!("{name}/{below}"), bytes)));
        } else {
            found.insert(name, fs::read(path).unwrap());
        }
    }
    found
}

fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_directory_goes_there_and_comes_back() {
    let shell = Shell::new().await;
    let tree = shell.path().join("tree");
    for number in 0..40_usize {
        let name = format!("many/{}/file {number}", number % 3);
        write(&tree.join(name), vec![number as u8; number * 1_000]);
    }
    write(&tree.join(".hidden/.file"), "");
    write(&tree.join("ünïcode/?#%2f"), "odd");
    write(&shell.path().join("elsewhere/linked"), "linked");
    symlink("../elsewhere", tree.join("link")).unwrap();
    let before = contents(&tree);
    symlink("..", tree.join("many/up")).unwrap();

    let put = shell.run(&["file", "put", "-r", "tree", "a/copy"]).code(0);
    let stdout = String::from_utf8(put.stdout).unwrap();
    assert!(
        stdout.starts_with("43 files, 761.7 KiB in ") && stdout.lines().count() == 1,
        "{stdout}"
    );
    assert!(
        put.stderr.starts_with("left out tree/many/up: "),
        "{}",
        put.stderr
    );
    let list = shell.run(&["file", "ls", "-r", "a"]).ok();
    assert_eq!(list.lines().count(), 43);
    let get = shell.run(&["file", "get", "-r", "a/copy/", "new/place"]);
    assert!(get.ok().starts_with("43 files, "));
    assert_eq!(contents(&shell.path().join("new/place")), before);
    // Once more over what is there, and all of the tree.
    let quiet = ["file", "put", "-rq", "tree", "/a/copy", "--format", "json"];
    let again = shell.run(&quiet).code(0);
    assert_eq!(again.stderr, "");
    assert_eq!(
        again.json(),
        json!({ "files": 43, "bytes": 780_009, "failed": [] })
    );
    shell.run(&["file", "get", "-r", "/", "new/all"]).ok();
    let all = shell.path().join("new/all/a/copy");
    assert_eq!(contents(&all), before);
    assert_eq!(
        shell.run(&["file", "rm", "-r", "a"]).ok(),
        "removed a: 43 files\n"
    );
    let nothing = shell.run(&["file", "get", "-r", "/", "nothing"]).ok();
    assert!(nothing.starts_with("0 files, 0 B in "), "{nothing}");
    shell.run(&["file", "get", "-r", "a", "nothing"]).code(4);
}

#[tokio::test]
async fn names_that_cannot_be_shared_are_told_before_anything_is_sent() {
    let shell = Shell::new().await;
    let tree = shell.path().join("tree");
    write(&tree.join("fine"), "");
    write(&tree.join("line\nbreak"), "");
    write(&tree.join(OsStr::from_bytes(b"not \xff UTF-8")), "");
    let refused = shell.run(&["file", "put", "-r", "tree", "t"]).code(5);
    for word in [
        "nothing is stored",
        "line\\nbreak",
        "not \\xFF UTF-8",
        "rename",
    ] {
        assert!(refused.stderr.contains(word), "{}", refused.stderr);
    }
    assert_eq!(shell.run(&["file", "ls"]).ok(), "");
}

#[tokio::test]
async fn what_cannot_be_read_is_named_and_the_rest_is_stored() {
    let shell = Shell::new().await;
    let tree = shell.path().join("tree");
    write(&tree.join("a"), "a");
    write(&tree.join("z/z"), "z");
    symlink("nowhere", tree.join("dangling")).unwrap();
    symlink("itself", tree.join("z/itself")).unwrap();
    let put = shell.run(&["file", "put", "-r", "tree", "t"]).code(5);
    assert!(put.stdout.starts_with(b"2 files, 2 B in "));
    for line in [
        "error: 2 of 4 files failed:",
        "\n  t/dangling: tree/dangling: ",
        "\n  t/z/itself: tree/z/itself: ",
    ] {
        assert!(put.stderr.contains(line), "{}", put.stderr);
    }
    let list = shell.run(&["file", "ls", "-r", "t"]).ok();
    assert_eq!(list.lines().count(), 2, "{list}");
    // There is nothing else to do than to say so.
    let nothing = shell.run(&["file", "put", "-r", "nowhere", "t"]).code(5);
    assert!(nothing.stderr.starts_with("error: nowhere: "));
}

#[tokio::test]
async fn a_file_that_fails_is_named_and_the_others_are_moved() {
    let shell = Shell::new().await;
    let tree = shell.path().join("tree");
    for name in ["a", "b/x", "c"] {
        write(&tree.join(name), name);
    }
    shell.run(&["file", "put", "echo.c", "t/b"]).ok();
    shell.run(&["file", "put", "echo.c", "t/c/x"]).ok();
    let put = shell.run(&["file", "put", "-r", "tree", "t"]).code(4);
    assert!(put.stdout.starts_with(b"1 file, 1 B in "));
    for line in ["error: 2 of 3 files failed:", "\n  t/b/x: ", "\n  t/c: "] {
        assert!(put.stderr.contains(line), "{}", put.stderr);
    }
    let json = ["file", "put", "-r", "tree", "t", "--format", "json"];
    let json = shell.run(&json).code(4).json();
    assert_eq!(json["failed"].as_array().unwrap().len(), 2);

    write(&shell.path().join("back/b/in/the/way"), "");
    let get = shell.run(&["file", "get", "-r", "t", "back"]).code(5);
    assert!(get.stdout.starts_with(b"2 files, "));
    assert!(
        get.stderr.contains("1 of 3 files failed:\n  t/b: "),
        "{}",
        get.stderr
    );
    assert!(shell.path().join("back/c/x").is_file());

    // A server that is gone is said once.
    let mut gone = Command::new(binary());
    gone.args([
        "file",
        "put",
        "-r",
        "tree",
        "t",
        "--upload-url",
        "127.0.0.1:1",
    ]);
    gone.current_dir(shell.path());
    let gone = end(gone, b"").code(3);
    assert!(
        gone.stderr.contains("after 0 of 3 files"),
        "{}",
        gone.stderr
    );
}

/// A server that lists one file, under whatever name, and has any file that is asked for.
async fn malicious(listed: &str) -> String {
    let hash = "0".repeat(64);
    let file = json!({ "path": listed, "size": 5, "hash": hash, "modified_at_ms": 0 });
    let list = json!({ "files": [file], "next": null }).to_string();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                if connection.read_buf(&mut head).await.unwrap() == 0 {
                    break;
                }
            }
            let (kind, body) = match String::from_utf8_lossy(&head) {
                head if head.contains("recursive=true") => ("application/json", list.as_str()),
                head if head.starts_with("GET /file/t ") => ("application/json", "{}"),
                _ => ("application/octet-stream", "owned"),
            };
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\
                 connection: close\r\n\r\n{body}"
            );
            connection.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_server_makes_a_file_land_outside_of_the_directory() {
    for (listed, code) in [
        ("t/../../outside/precious", 3),
        ("../outside/precious", 3),
        ("/outside/precious", 3),
        ("t//outside", 3),
        ("t/a\0b", 3),
        ("t", 3),
        ("t/link/precious", 5),
        ("t/link", 5),
        ("t/file", 5),
        ("t/file/x", 5),
        ("t/fine/x", 0),
    ] {
        let server = malicious(listed).await;
        let dir = tempfile::tempdir().unwrap();
        let (outside, target) = (dir.path().join("outside"), dir.path().join("in/target"));
        write(&outside.join("precious"), "precious");
        fs::create_dir_all(&target).unwrap();
        symlink(&outside, target.join("link")).unwrap();
        symlink(outside.join("precious"), target.join("file")).unwrap();
        let mut get = Command::new(binary());
        get.args([
            "file",
            "get",
            "-r",
            "t",
            "in/target",
            "--upload-url",
            &server,
        ]);
        get.current_dir(dir.path());
        end(get, b"").code(code);
        let untouched = [("outside/precious".to_owned(), b"precious".to_vec())];
        let mut there = contents(dir.path());
        there.retain(|name, _| !name.starts_with("in/target/"));
        assert_eq!(there, BTreeMap::from(untouched), "{listed}");
        assert_eq!(target.join("fine/x").exists(), code == 0);
    }
}
