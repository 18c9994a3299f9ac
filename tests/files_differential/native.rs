//! The program as a process of this machine.

use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A compiled program, gone when dropped.
pub struct Native {
    dir: tempfile::TempDir,
}

impl Native {
    /// Compiles with the compiler that also links Rust's programs.
    pub fn compile(sources: &[PathBuf]) -> Self {
        let native = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        let compiled = Command::new("cc")
            .args(["-O1", "-o"])
            .arg(native.program())
            .args(sources)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&compiled.stderr);
        assert!(compiled.status.success(), "{said}");
        native
    }

    fn program(&self) -> PathBuf {
        Path::join(self.dir.path(), "native")
    }

    /// What it prints, given this input.
    pub fn run(&self, input: &str) -> String {
        let mut stdin = tempfile::tempfile().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        stdin.rewind().unwrap();
        let output = Command::new(self.program()).stdin(stdin).output().unwrap();
        assert!(output.status.success(), "{}: {input}", output.status);
        String::from_utf8(output.stdout).unwrap()
    }
}
