//! `faasm state`.

use std::process::{Command, Stdio};

use faasm_testkit::binary;

use super::shell::Shell;

#[tokio::test]
async fn values_are_set_fetched_listed_and_removed() {
    let shell = Shell::new().await;
    let value = b"\0\xff binary \n\n".repeat(100_000);
    std::fs::write(shell.path().join("value.bin"), &value).unwrap();
    let put = shell
        .run(&["state", "put", "demo", "weights", "value.bin"])
        .ok();
    assert!(
        put.starts_with(&format!("demo/weights: {} bytes, version ", value.len())),
        "{put}"
    );
    assert_eq!(put.lines().count(), 1);
    assert_eq!(
        shell
            .run(&["state", "get", "demo", "weights"])
            .code(0)
            .stdout,
        value
    );
    let saved = [
        "state", "get", "demo", "weights", "-o", "copy", "--format", "json",
    ];
    let saved = shell.run(&saved).code(0).json();
    assert_eq!(saved["size"], value.len());
    assert!(saved["version"].is_u64(), "{saved}");
    assert_eq!(std::fs::read(shell.path().join("copy")).unwrap(), value);
    for (range, part) in [("1-3", &value[1..=3]), ("-4", &value[value.len() - 4..])] {
        let get = shell.run(&["state", "get", "demo", "weights", "--range", range]);
        assert_eq!(get.code(0).stdout, part);
    }
    let from = format!("{}-", value.len());
    let beyond = shell
        .run(&["state", "get", "demo", "weights", "--range", &from])
        .code(4);
    assert!(beyond.stderr.contains("range"), "{}", beyond.stderr);

    let empty = shell
        .run(&["state", "put", "demo", "an odd/key", "-"])
        .code(2);
    assert!(empty.stderr.contains('/'), "{}", empty.stderr);
    let key = "an odd key? 100% #1 ä";
    let piped = shell.run_with(&["state", "put", "demo", key, "-"], b"piped");
    assert!(piped.ok().contains("5 bytes"));
    assert_eq!(shell.run(&["state", "get", "demo", key]).ok(), "piped");
    let dots = shell.run(&["state", "get", "demo", ".."]).code(2);
    assert!(dots.stderr.contains("URL"), "{}", dots.stderr);

    let list = shell.run(&["state", "ls"]).ok();
    assert_eq!(list.lines().count(), 2);
    assert!(list.starts_with(&format!("demo/{key}")), "{list}");
    let listed = shell.run(&["state", "ls", "demo", "--prefix", "wei", "--format", "json"]);
    let listed = listed.code(0).json();
    assert_eq!(listed["keys"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&listed["keys"][0]["user"], &listed["keys"][0]["key"]),
        (&"demo".into(), &"weights".into())
    );
    assert_eq!(shell.run(&["state", "ls", "nobody"]).ok(), "");
    assert_eq!(
        shell.run(&["state", "rm", "demo", "weights"]).ok(),
        "removed demo/weights\n"
    );
    for verb in ["rm", "get"] {
        let gone = shell.run(&["state", verb, "demo", "weights"]).code(4);
        assert!(
            gone.stdout.is_empty() && gone.stderr.contains("demo/weights"),
            "{}",
            gone.stderr
        );
    }
    let missing = shell.run(&["state", "put", "demo", "v", "nowhere"]).code(5);
    assert!(missing.stderr.contains("nowhere"), "{}", missing.stderr);
    let json = shell
        .run(&["state", "get", "demo", key, "--format", "json"])
        .code(2);
    assert!(json.stderr.contains("-o FILE"), "{}", json.stderr);
}

#[tokio::test]
async fn a_value_is_set_only_under_its_condition() {
    let shell = Shell::new().await;
    let put = ["state", "put", "demo", "counter", "-"];
    let absent = [&put[..], &["--if-absent", "--format", "json"]].concat();
    let first = shell.run_with(&absent, b"1").code(0).json();
    let refused = shell.run_with(&absent, b"2").code(4);
    assert!(
        refused.stderr.contains("state_conflict"),
        "{}",
        refused.stderr
    );
    let version = first["version"].to_string();
    let known = [&put[..], &["--if-version", &version]].concat();
    shell.run_with(&known, b"2").ok();
    shell.run_with(&known, b"3").code(4);
    assert_eq!(shell.run(&["state", "get", "demo", "counter"]).ok(), "2");
    let both = [&put[..], &["--if-absent", "--if-version", "1"]].concat();
    shell.run(&both).code(2);
}

#[tokio::test]
async fn elements_are_appended_printed_and_removed() {
    let shell = Shell::new().await;
    let append = ["state", "append", "demo", "log", "-"];
    assert_eq!(
        shell.run_with(&append, b"one\n").ok(),
        "demo/log: 1 element\n"
    );
    let json = [&append[..], &["--format", "json"]].concat();
    let second = shell.run_with(&json, b"\xff").code(0).json();
    assert_eq!(second["elements"], 2);
    let get = ["state", "get", "demo", "log", "--elements"];
    assert_eq!(shell.run(&get).code(0).stdout, b"one\n\xff");
    let lines = shell.run(&[&get[..], &["--format", "json"]].concat()).ok();
    assert_eq!(
        lines,
        "{\"base64\":\"b25lCg==\",\"index\":0}\n{\"base64\":\"/w==\",\"index\":1}\n"
    );
    let list = shell.run(&["state", "ls", "demo"]).ok();
    assert!(
        list.contains("demo/log") && list.contains("2 elements"),
        "{list}"
    );
    // There is no value of that key.
    shell.run(&["state", "get", "demo", "log"]).code(4);
    let removed = shell
        .run(&["state", "rm", "demo", "log", "--elements"])
        .ok();
    assert_eq!(removed, "removed the elements of demo/log\n");
    assert_eq!(shell.run(&get).ok(), "");
    shell
        .run(&["state", "rm", "demo", "log", "--elements"])
        .code(4);
}

#[tokio::test]
async fn a_refusal_does_not_wait_for_the_end_of_standard_input() {
    let shell = Shell::new().await;
    let mut put = Command::new(binary());
    put.args(["state", "put", "demo", "v", "-", "--if-version", "1"]);
    put.env("FAASM_UPLOAD_URL", &shell.server.upload);
    put.stdin(Stdio::piped()).stderr(Stdio::null());
    let mut child = put.spawn().unwrap();
    let open = child.stdin.take();
    assert_eq!(child.wait().unwrap().code(), Some(4));
    drop(open);
}
