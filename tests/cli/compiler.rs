//! `faasm-cc` and `faasm-c++`, which are the same program under other names.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use faasm_testkit::{Server, binary};

use super::shell::{Ended, end};

const MAKEFILE: &str = "CFLAGS = -O2 -g -Wall\n\
    CXXFLAGS = -O2\n\
    program: main.o count.o\n\
    \t$(CXX) $(LDFLAGS) -o $@ main.o count.o $(LDLIBS)\n";

const MAIN: &str = "#include <stdio.h>\nint count(const char *text);\n\
    int main(void) { printf(\"%d\\n\", count(\"a b c\")); return 0; }";

const COUNT: &str = "#include <sstream>\n#include <string>\n\
    extern \"C\" int count(const char *text) {\n\
        std::istringstream words(text);\n\
        std::string word;\n\
        int found = 0;\n\
        while (words >> word) found++;\n\
        return found;\n\
    }";

/// Runs a command in a directory where the compilers are on the path.
fn run(dir: &Path, program: &str, arguments: &[&str]) -> Ended {
    let mut path = dir.as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut command = Command::new(program);
    command.args(arguments).current_dir(dir).env("PATH", path);
    end(command, b"")
}

fn with_compilers() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in ["faasm-cc", "faasm-c++"] {
        symlink(binary(), dir.path().join(name)).unwrap();
    }
    dir
}

#[tokio::test]
async fn makefiles_build_functions() {
    let dir = with_compilers();
    for (name, text) in [
        ("Makefile", MAKEFILE),
        ("main.c", MAIN),
        ("count.cpp", COUNT),
    ] {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    run(dir.path(), "make", &["CC=faasm-cc", "CXX=faasm-c++"]).ok();
    let server = Server::start().await;
    let program = std::fs::read(dir.path().join("program")).unwrap();
    server.put("demo/program", program).await;
    let answer = server.call("demo/program", "").await.expect(200);
    assert_eq!(answer.text(), "3\n");
}

#[test]
fn compilers_say_what_they_are_and_fail_as_compilers_do() {
    let dir = with_compilers();
    let run = |arguments: &[&str]| run(dir.path(), "faasm-cc", arguments);
    assert!(run(&["--version"]).ok().contains("wasm32"));
    assert!(run(&["-dumpmachine"]).ok().starts_with("wasm32"));
    std::fs::write(dir.path().join("bad.c"), "int main(void) { return x; }").unwrap();
    let failed = run(&["bad.c"]).code(1);
    assert!(
        failed.stderr.contains("bad.c:1:25: error"),
        "{}",
        failed.stderr
    );
    let failed = run(&["none.c"]).code(1);
    assert!(
        failed
            .stderr
            .starts_with("faasm-cc: error: there is no source file"),
        "{}",
        failed.stderr
    );
    assert!(!dir.path().join("a.out").exists());
}
