//! What the command line does on this machine: projects, builds, checks.

use std::process::Command;

use faasm_testkit::binary;

use super::shell::{Shell, end};

#[tokio::test]
async fn a_fresh_project_goes_up_again_and_again() {
    let shell = Shell::new().await;
    for (language, source) in [("c", "main.c"), ("cpp", "main.cpp")] {
        let dir = format!("my-{language}");
        let new = shell.run(&["new", language, &dir]).code(0);
        assert!(
            new.stderr.contains(&format!("next: faasm up {dir}")),
            "{}",
            new.stderr
        );
        assert!(shell.path().join(&dir).join(source).exists());
        let first = shell.run(&["up", &dir]).ok();
        assert!(!first.is_empty());
        assert_eq!(shell.run(&["up", &dir]).ok(), first);
        assert_eq!(shell.run(&["invoke", "demo", &dir]).ok(), first);
        let again = shell.run(&["new", language, &dir]).code(5);
        assert!(again.stderr.contains(&dir), "{}", again.stderr);
        // A mistake in the source ends there, with the compiler's words.
        std::fs::write(shell.path().join(&dir).join(source), "int main( {").unwrap();
        let broken = shell.run(&["up", &dir]).code(5);
        assert!(
            broken.stdout.is_empty() && broken.stderr.contains(source),
            "{}",
            broken.stderr
        );
        assert_eq!(shell.run(&["invoke", "demo", &dir]).ok(), first);
    }
    let nothing = shell.run(&["up", "nowhere"]).code(5);
    assert!(nothing.stderr.contains("nowhere"), "{}", nothing.stderr);
}

#[test]
fn a_build_that_fails_says_why_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let build = |args: &[&str]| {
        let mut command = Command::new(binary());
        command.current_dir(dir.path()).arg("build").args(args);
        end(command, b"")
    };
    std::fs::write(
        dir.path().join("bad.c"),
        "int main(void) { return undeclared; }",
    )
    .unwrap();
    std::fs::write(
        dir.path().join("undefined.c"),
        "int f(void); int main(void) { return f(); }",
    )
    .unwrap();
    std::fs::write(dir.path().join("notes.txt"), "").unwrap();
    for (args, word) in [
        (&["bad.c", "-o", "out.wasm"][..], "undeclared"),
        (&["undefined.c", "-o", "out.wasm"], "f"),
        (&["missing.c", "-o", "out.wasm"], "missing.c"),
        (&["notes.txt", "-o", "out.wasm"], "notes.txt"),
    ] {
        let failed = build(args).code(5);
        assert!(
            failed.stdout.is_empty() && failed.stderr.contains(word),
            "{}",
            failed.stderr
        );
        assert!(!dir.path().join("out.wasm").exists());
    }
    build(&["bad.c"]).code(2);
}

#[tokio::test]
async fn the_doctor_looks_at_the_machine_the_toolchain_and_the_server() {
    let shell = Shell::new().await;
    let healthy = shell.run(&["doctor"]).ok();
    for name in [
        "kernel:",
        "toolchain:",
        "upload server: ready",
        "invoke server: ready",
    ] {
        assert!(healthy.contains(name), "{healthy}");
    }
    let mut alone = Command::new(binary());
    alone.args(["doctor", "server", "--format", "json"]);
    alone.args(["--upload-url", "127.0.0.1:1", "--invoke-url", "127.0.0.1:1"]);
    let alone = end(alone, b"").code(5).json();
    let verdicts: Vec<_> = alone["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["verdict"])
        .collect();
    assert_eq!(verdicts, ["fail", "fail"]);
}

#[test]
fn completions_are_a_script_for_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let mut command = Command::new(binary());
        command.args(["completions", shell]);
        let script = end(command, b"").ok();
        assert!(script.contains("invoke") && script.contains("faasm"));
    }
    let mut command = Command::new("bash");
    let script = format!(
        "source <({} completions bash) && complete -p faasm",
        binary().display()
    );
    command.args(["-c", &script]);
    assert!(end(command, b"").ok().contains("_faasm"));
}
