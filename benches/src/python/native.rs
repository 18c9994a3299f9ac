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

    /// Imports a module from a directory, and calls it as a function is called.
    pub fn run(&self, dir: &Path, module: &str) -> anyhow::Result<Time> {
        const RUN: &str = "import importlib, sys; sys.path.insert(0, sys.argv[1]); \
            print(importlib.import_module(sys.argv[2]).faasm_main())";
        let mut command = Command::new(&self.0);
        command.args(["-I", "-c", RUN]).arg(dir).arg(module);
        let output = command.output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{module}: {said}");
        Time::of_driver(&String::from_utf8(output.stdout)?)
    }
}
