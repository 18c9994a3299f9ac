//! The program under Open MPI.

use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A compiled program, gone when dropped.
pub struct Native {
    dir: tempfile::TempDir,
}

impl Native {
    /// Compiles with Open MPI's compiler.
    pub fn compile(sources: &[PathBuf]) -> Self {
        let native = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        let mut compiler = Command::new("mpicc");
        compiler.args(["-O1", "-o"]).arg(native.program());
        let compiled = compiler.args(sources).arg("-lm").output();
        let compiled = compiled.expect("scripts/install-deps --test installs Open MPI");
        let said = String::from_utf8_lossy(&compiled.stderr);
        assert!(compiled.status.success(), "{said}");
        native
    }

    fn program(&self) -> PathBuf {
        Path::join(self.dir.path(), "native")
    }

    /// What its ranks print, one after the other.
    pub fn run(&self, ranks: usize, input: &str) -> String {
        let mut stdin = tempfile::tempfile().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        stdin.rewind().unwrap();
        // On the terminal, mpirun mixes parts of lines.
        let outputs = tempfile::tempdir_in(self.dir.path()).unwrap();
        let to = format!("{}:nojobid,nocopy", outputs.path().display());
        let mut mpirun = Command::new("timeout");
        mpirun.args(["120", "mpirun", "--oversubscribe"]);
        // With this one, sums of small integers stay at the largest instead of wrapping.
        mpirun.args(["--mca", "op", "^avx"]);
        mpirun.args(["--output-filename", &to, "-n"]);
        mpirun
            .arg(ranks.to_string())
            .arg(self.program())
            .stdin(stdin);
        // It refuses root, who runs tests in containers.
        for name in ["OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] {
            mpirun.env(name, "1");
        }
        let ended = mpirun.output().unwrap();
        let read = |rank: usize, stream: &str| {
            let digits = (ranks - 1).to_string().len();
            let file = format!("rank.{rank:0digits$}/{stream}");
            std::fs::read_to_string(outputs.path().join(file)).unwrap_or_default()
        };
        let all = |stream: &str| {
            (0..ranks)
                .map(|rank| read(rank, stream))
                .collect::<String>()
        };
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(
            ended.status.success(),
            "{}: {said}{}\n{input}",
            ended.status,
            all("stderr")
        );
        all("stdout")
    }
}
