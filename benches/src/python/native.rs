//! An interpreter of this machine, of the runtime's version and as well optimised.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use crate::report::Missing;
use crate::time::Time;

/// The interpreter.
pub struct Native(PathBuf);

impl Native {
    /// Builds it if that has not been done on this machine; that takes minutes.
    pub fn find() -> anyhow::Result<Result<Self, Missing>> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/bench-python");
        let built = Command::new(script).stderr(Stdio::inherit()).output()?;
        if !built.status.success() {
            return Ok(Err(Missing {
                peer: "a native CPython of the same version".to_owned(),
                install: "scripts/bench-python builds it, and says what it needs".to_owned(),
            }));
        }
        let path = String::from_utf8(built.stdout)?;
        Ok(Ok(Self(path.trim().into())))
    }

    pub fn version(&self) -> anyhow::Result<String> {
        let said = Command::new(&self.0).arg("--version").output()?.stdout;
        let said = String::from_utf8(said)?;
        let version = said.trim().strip_prefix("Python ");
        Ok(version.context("it says no version")?.to_owned())
    }

    /// Runs a function of a file.
    pub fn run(&self, file: &Path) -> anyhow::Result<Time> {
        const RUN: &str = "import runpy, sys; print(runpy.run_path(sys.argv[1])['faasm_main']())";
        let mut command = Command::new(&self.0);
        let output = command.args(["-I", "-c", RUN]).arg(file).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}: {said}", file.display());
        Time::of_driver(&String::from_utf8(output.stdout)?)
    }
}
