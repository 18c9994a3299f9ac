//! Running the command line.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use faasm_testkit::{Server, binary};
use serde_json::Value;

const ECHO: &str = r#"
    #include <stdio.h>
    #include "faasm/faasm.h"
    int main(int argc, char **argv) {
        static char input[1 << 16];
        long size = faasmGetInputSize();
        faasmGetInput(input, size);
        for (int i = 1; i < argc; i++) printf("[%s]", argv[i]);
        fputs("to stderr\n", stderr);
        faasmSetOutput(input, size);
        return 0;
    }"#;

/// Sleeps long, and prints nothing.
const SLEEP: &str = "#include <unistd.h>\nint main(void) { sleep(1000); return 0; }";

/// A user's terminal, without the terminal: everything is piped.
pub(super) struct Shell {
    pub(super) server: Server,
    dir: tempfile::TempDir,
}

/// How a command ended.
pub(super) struct Ended {
    pub(super) code: i32,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: String,
}

impl Shell {
    pub(super) async fn new() -> Self {
        let server = Server::with_python().await;
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("echo.c"), ECHO).unwrap();
        std::fs::write(dir.path().join("sleep.c"), SLEEP).unwrap();
        std::fs::write(dir.path().join("fail.c"), "int main(void) { return 3; }").unwrap();
        Self { server, dir }
    }

    /// With the functions of the tests uploaded.
    pub(super) async fn with_functions() -> Self {
        let shell = Self::new().await;
        for name in ["echo", "sleep", "fail"] {
            let (source, module) = (format!("{name}.c"), format!("{name}.wasm"));
            shell.run(&["build", &source, "-o", &module]).ok();
            shell.run(&["func", "put", "demo", name, &module]).ok();
        }
        shell
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn run(&self, args: &[&str]) -> Ended {
        self.run_with(args, b"")
    }

    pub(super) fn run_with(&self, args: &[&str], stdin: &[u8]) -> Ended {
        let mut command = Command::new(binary());
        command.env("FAASM_UPLOAD_URL", &self.server.upload);
        command.env("FAASM_INVOKE_URL", &self.server.invoke);
        command.current_dir(self.path()).args(args);
        end(command, stdin)
    }
}

/// Runs a command to its end, everything piped.
pub(super) fn end(mut command: Command, stdin: &[u8]) -> Ended {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // One that does not read its input has ended already.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    // Neither colours nor progress bars go into a pipe.
    assert!(!stderr.contains(['\u{1b}', '\r']), "{stderr:?}");
    Ended {
        code: output.status.code().unwrap(),
        stdout: output.stdout,
        stderr,
    }
}

impl Ended {
    /// The same, if it ended with this code.
    #[track_caller]
    pub(super) fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.stderr);
        self
    }

    /// What it printed, if all went well.
    #[track_caller]
    pub(super) fn ok(self) -> String {
        let stdout = String::from_utf8(self.code(0).stdout).unwrap();
        assert!(!stdout.contains('\u{1b}'), "{stdout:?}");
        stdout
    }

    #[track_caller]
    pub(super) fn json(self) -> Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}", self.stderr))
    }
}
