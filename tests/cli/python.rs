//! Installing the runtime of Python functions, of which there is only the outside here:
//! what is in the files matters to a server alone.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use faasm_testkit::binary;
use tempfile::TempDir;

use super::shell::{Ended, end};

const MANIFEST: &str = r#"{"name":"test","version":"1.0","abi":2,"files":{
    "python.wasm":{"sha256":"336154bf67f765f8f75d16a0accee61b5ee5f6a75b2a2905703df913bd550f3e","size":4},
    "lib.zip":{"sha256":"4a70fe9aa6436e02c2dea340fbd1e352e4ef2d8ce6ca52ad25d4b95471fc8bf2","size":3},
    "LICENSE":{"sha256":"51d2361f4faea3bc8f9facdbc7d99abb555596a2e51f7b25fd3b41c93587e616","size":5}}}"#;

/// A user with data of their own, and a runtime that somebody built.
struct User {
    dir: TempDir,
}

impl User {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let built = dir.path().join("built");
        fs::create_dir(&built).unwrap();
        for (name, content) in [
            ("manifest.json", MANIFEST),
            ("python.wasm", "wasm"),
            ("lib.zip", "zip"),
            ("LICENSE", "terms"),
        ] {
            fs::write(built.join(name), content).unwrap();
        }
        Self { dir }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.env("FAASM_DATA_HOME", self.path().join("data"));
        command.current_dir(self.path()).arg("python").args(args);
        command
    }

    fn run(&self, args: &[&str]) -> Ended {
        end(self.command(args), b"")
    }

    /// Packs what was built, and removes it from where it was installed for that.
    fn archive(&self) -> Vec<u8> {
        self.run(&["install", "--from", "built"]).ok();
        self.run(&["pack", "runtime.tar.gz"]).ok();
        self.run(&["remove", "--all"]).ok();
        fs::read(self.path().join("runtime.tar.gz")).unwrap()
    }
}

#[test]
fn a_runtime_is_packed_on_one_machine_and_installed_on_another() {
    let (here, there) = (User::new(), User::new());
    let none = there.run(&["info"]).code(5);
    assert!(none.stdout.is_empty());
    assert!(
        none.stderr.contains("no Python runtime is installed"),
        "{}",
        none.stderr
    );
    assert!(
        none.stderr.contains("faasm python install --from"),
        "{}",
        none.stderr
    );

    let installed = here
        .run(&["install", "--from", "built", "--format", "json"])
        .code(0)
        .json();
    assert_eq!(
        (&installed["outcome"], &installed["version"]),
        (&"added".into(), &"1.0".into())
    );
    let packed = here.run(&["pack", "--format", "json"]).code(0).json();
    let name = packed["path"].as_str().unwrap();
    let id = installed["id"].as_str().unwrap();
    assert_eq!(name, format!("test-1.0-{id}.tar.gz"));
    for suffix in ["", ".sha256"] {
        let file = format!("{name}{suffix}");
        fs::copy(here.path().join(&file), there.path().join(&file)).unwrap();
    }
    let path = there.run(&["install", "--from", name]).ok();
    let info = there.run(&["info", "--format", "json"]).code(0).json();
    assert_eq!(info["path"], path.trim_end());
    assert_eq!(
        (&info["id"], &info["whole"]),
        (&installed["id"], &true.into())
    );
    assert_eq!(info["files"]["LICENSE"], 5);
    let again = there.run(&["install", "--from", name]).code(0);
    assert!(
        again.stderr.contains("installed already"),
        "{}",
        again.stderr
    );

    // Damage is seen by whoever looks, and mended.
    fs::write(Path::new(path.trim_end()).join("lib.zip"), "zap").unwrap();
    let damaged = there.run(&["info"]).code(5);
    assert!(damaged.stderr.contains("lib.zip"), "{}", damaged.stderr);
    there.run(&["pack"]).code(5);
    let mended = there
        .run(&["install", "--from", name, "--format", "json"])
        .code(0)
        .json();
    assert_eq!(mended["outcome"], "repaired");
    assert!(there.run(&["info"]).ok().ends_with("whole        yes\n"));

    there.run(&["remove", id]).ok();
    there.run(&["remove", id]).code(5);
    there.run(&["info"]).code(5);
}

#[test]
fn only_the_archive_that_was_meant_is_installed() {
    let user = User::new();
    let archive = user.archive();
    let checksum = fs::read_to_string(user.path().join("runtime.tar.gz.sha256")).unwrap();
    let right = checksum.split(' ').next().unwrap();
    let wrong = "0".repeat(64);
    let stdin = |sha256: &str, bytes| {
        end(
            user.command(&["install", "--from", "-", "--sha256", sha256]),
            bytes,
        )
    };
    let refused = stdin(&wrong, &archive).code(5);
    assert!(refused.stderr.contains(right), "{}", refused.stderr);
    user.run(&["install", "--from", "runtime.tar.gz", "--sha256", &wrong])
        .code(5);
    let cut = end(
        user.command(&["install", "--from", "-"]),
        &archive[..archive.len() / 2],
    );
    assert!(cut.code(5).stderr.contains("standard input"));
    user.run(&["install", "--from", "nowhere.tar.gz"]).code(5);
    for usage in [
        &["install", "--from", "-", "--sha256", "abc"][..],
        &["install", "--sha256", right],
        &["install", "--force", "--from", "-"],
        &["remove"],
    ] {
        user.run(usage).code(2);
    }
    user.run(&["info"]).code(5);
    stdin(right, &archive).ok();
    user.run(&["info"]).ok();
}

#[test]
fn an_install_that_is_killed_leaves_the_turn_and_the_place_to_the_next() {
    let user = User::new();
    let archive = user.archive();
    let mut killed = user.command(&["install", "--from", "-"]);
    let mut killed = killed.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = killed.stdin.take().unwrap();
    stdin.write_all(&archive[..archive.len() - 1]).unwrap();
    let store = user.path().join("data/python");
    while !store.join(".new").exists() {
        std::thread::yield_now();
    }
    let mut next = user.command(&["install", "--from", "built"]);
    next.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut next = next.spawn().unwrap();
    let mut said = [0; 7];
    next.stderr.as_mut().unwrap().read_exact(&mut said).unwrap();
    assert_eq!(&said, b"waiting");
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(next.wait().unwrap().success());
    user.run(&["info"]).ok();
    let left = fs::read_dir(&store)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left
        .filter(|name| name != ".lock" && name != "current")
        .collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn the_doctor_says_whether_python_functions_can_run() {
    let user = User::new();
    let doctor = || {
        let mut command = Command::new(binary());
        command.env("FAASM_DATA_HOME", user.path().join("data"));
        command.args(["doctor", "python", "--format", "json"]);
        end(command, b"")
    };
    let verdict = |ended: Ended| ended.json()["checks"][0]["verdict"].clone();
    assert_eq!(verdict(doctor().code(0)), "warn");
    let path = user.run(&["install", "--from", "built"]).ok();
    assert_eq!(verdict(doctor().code(0)), "ok");
    fs::write(Path::new(path.trim_end()).join("python.wasm"), "WASM").unwrap();
    assert_eq!(verdict(doctor().code(5)), "fail");
}
