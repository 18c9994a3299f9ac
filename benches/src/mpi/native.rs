//! A program under Open MPI.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::ensure;
use tempfile::TempDir;

use crate::report::Missing;
use crate::tools;

/// A compiled program, gone when dropped.
pub struct Program {
    program: PathBuf,
    mpirun: PathBuf,
    _dir: TempDir,
}

impl Program {
    /// Compiles with Open MPI's compiler, as well as it can.
    pub fn compile(source: &Path) -> anyhow::Result<Result<Self, Missing>> {
        let (mpicc, mpirun) = match (tools::MPICC.find(), tools::MPIRUN.find()) {
            (Ok(mpicc), Ok(mpirun)) => (mpicc, mpirun),
            (Err(missing), _) | (_, Err(missing)) => return Ok(Err(missing)),
        };
        let dir = tempfile::tempdir()?;
        let program = dir.path().join("program");
        let mut compiler = Command::new(mpicc);
        compiler.args(["-O3", "-ffp-contract=off"]).arg(source);
        let compiled = compiler.arg("-lm").arg("-o").arg(&program).output()?;
        let said = String::from_utf8_lossy(&compiled.stderr);
        ensure!(compiled.status.success(), "{said}");
        Ok(Ok(Self {
            program,
            mpirun,
            _dir: dir,
        }))
    }

    /// What it prints with so many ranks.
    pub fn run(&self, ranks: u32) -> anyhow::Result<String> {
        let mut mpirun = Command::new(&self.mpirun);
        mpirun.args(["--oversubscribe", "-n", &ranks.to_string()]);
        self.run_by(mpirun, &[])
    }

    /// The command of Open MPI that starts programs.
    pub fn mpirun(&self) -> &Path {
        &self.mpirun
    }

    /// What it prints with these arguments, started by that command.
    pub fn run_by(&self, mut mpirun: Command, args: &[&str]) -> anyhow::Result<String> {
        // It refuses root, who measures in containers.
        for name in ["OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] {
            mpirun.env(name, "1");
        }
        mpirun.arg(&self.program).args(args).stdin(Stdio::null());
        let ended = mpirun.output()?;
        let said = String::from_utf8_lossy(&ended.stderr);
        ensure!(ended.status.success(), "{}: {said}", ended.status);
        Ok(String::from_utf8(ended.stdout)?)
    }
}
