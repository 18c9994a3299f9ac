//! `faasm token`, and how the other verbs get theirs.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use faasm_testkit::{Server, binary};
use serde_json::Value;

use super::Guarded;

struct Shell<'a> {
    guarded: &'a Guarded,
    dir: tempfile::TempDir,
}

impl<'a> Shell<'a> {
    fn new(guarded: &'a Guarded) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { guarded, dir }
    }

    /// Runs a verb that has `token` in its environment.
    fn run(&self, token: &str, args: &[&str]) -> Output {
        let server = &self.guarded.server;
        let mut command = Command::new(binary());
        command
            .args(args)
            .current_dir(&self.dir)
            .env("FAASM_UPLOAD_URL", &server.upload)
            .env("FAASM_INVOKE_URL", &server.invoke)
            .env("FAASM_TOKEN", token);
        command.output().unwrap()
    }

    /// The same with the first token; it must succeed.
    fn ok(&self, args: &[&str]) -> String {
        let output = self.run(&self.guarded.admin, args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_made_listed_and_revoked() {
    let guarded = Guarded::start().await;
    let shell = Shell::new(&guarded);
    let args = [
        "token",
        "create",
        "the shop",
        "--user",
        "shop",
        "--scope",
        "invoke,read",
    ];
    let token = shell.ok(&args);
    let token = token.trim_end();
    assert!(token.starts_with("faasm_") && !token.contains(char::is_whitespace));
    let list = shell.ok(&["token", "ls"]);
    let line = list.lines().find(|line| line.contains("the shop")).unwrap();
    assert!(
        line.contains("invoke,read") && line.contains("does not expire"),
        "{line}"
    );
    assert!(!list.contains(token.rsplit('_').next().unwrap()));
    let id = line.split(' ').next().unwrap();
    assert!(token.contains(id));

    assert!(shell.run(token, &["func", "ls", "shop"]).status.success());
    let refused = shell.run(token, &["func", "ls", "other"]);
    assert_eq!(refused.status.code(), Some(4));
    assert!(stderr(&refused).contains("not for the user other"));
    let refused = shell.run(token, &["token", "ls"]);
    assert!(stderr(&refused).contains("admin"), "{}", stderr(&refused));

    assert_eq!(
        shell.ok(&["token", "revoke", id]),
        format!("revoked {id}\n")
    );
    let gone = shell.run(token, &["func", "ls", "shop"]);
    assert_eq!(gone.status.code(), Some(4));
    let again = shell.run(&guarded.admin, &["token", "revoke", id]);
    assert!(
        stderr(&again).contains("`faasm token ls`"),
        "{}",
        stderr(&again)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_token_goes_to_a_file_that_only_its_owner_reads() {
    let guarded = Guarded::start().await;
    let shell = Shell::new(&guarded);
    let args = [
        "token",
        "create",
        "CI",
        "--user",
        "a,b",
        "--scope",
        "read",
        "--expires",
        "90d",
        "-o",
        "ci.token",
        "--format",
        "json",
    ];
    let info: Value = serde_json::from_str(&shell.ok(&args)).unwrap();
    assert_eq!(info["users"], serde_json::json!(["a", "b"]));
    assert!(
        info["expires_at_ms"].is_u64() && info["token"].is_null(),
        "{info}"
    );
    let path = shell.dir.path().join("ci.token");
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // It is not overwritten, and no token is made for nothing.
    assert_eq!(shell.run(&guarded.admin, &args).status.code(), Some(5));
    assert_eq!(shell.ok(&["token", "ls"]).matches(" CI").count(), 1);

    // The file that is named counts more than the variable, and that more than its file.
    let with_file = ["func", "ls", "a", "--token-file", "ci.token"];
    assert!(shell.run("nonsense", &with_file).status.success());
    let mut command = Command::new(binary());
    command
        .args(["func", "ls", "a", "--upload-url", &guarded.server.upload])
        .env_remove("FAASM_TOKEN")
        .env("FAASM_TOKEN_FILE", &path);
    assert!(command.output().unwrap().status.success());
    command.env("FAASM_TOKEN", "nonsense");
    assert_eq!(command.output().unwrap().status.code(), Some(4));
    command
        .env_remove("FAASM_TOKEN")
        .env_remove("FAASM_TOKEN_FILE");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert!(
        stderr(&output).contains("FAASM_TOKEN"),
        "{}",
        stderr(&output)
    );
    let missing = shell.run("", &["func", "ls", "a", "--token-file", "nowhere"]);
    assert_eq!(missing.status.code(), Some(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_told_before_anything_is_sent() {
    let guarded = Guarded::start().await;
    let shell = Shell::new(&guarded);
    for args in [
        &["--user", "a", "--scope", "write"][..],
        &["--user", "a", "--scope", "admin"],
        &["--user", "a b", "--scope", "read"],
        &["--user", "a,*", "--scope", "read"],
        &["--user", "a"],
        &["--scope", "read"],
        &["--user", "a", "--scope", "read", "--expires", "soon"],
    ] {
        let args = [&["token", "create", "x"], args].concat();
        assert_eq!(
            shell.run(&guarded.admin, &args).status.code(),
            Some(2),
            "{args:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lost_every_token_makes_one_in_the_data_directory() {
    let dir = tempfile::tempdir().unwrap();
    let create = |dir: &Path| {
        let mut command = Command::new(binary());
        command.args([
            "token",
            "create",
            "lost",
            "--user",
            "*",
            "--scope",
            "admin",
            "--data-dir",
        ]);
        command.arg(dir).output().unwrap()
    };
    let mut guarded = Guarded::with(Server::builder().data_dir(dir.path())).await;
    let in_use = create(dir.path());
    assert_eq!(in_use.status.code(), Some(5), "{in_use:?}");
    guarded.server.kill();
    let created = create(dir.path());
    assert!(created.status.success(), "{created:?}");
    let token = String::from_utf8(created.stdout).unwrap();
    let guarded = Guarded::with(Server::builder().data_dir(dir.path())).await;
    let shell = Shell::new(&guarded);
    let list = shell.run(token.trim_end(), &["token", "ls"]);
    assert!(list.status.success(), "{list:?}");
    assert_eq!(String::from_utf8(list.stdout).unwrap().lines().count(), 2);
}
