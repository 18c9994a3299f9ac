//! Programs that measure, or are measured beside faasm, and need not be there.

use std::path::PathBuf;
use std::process::Command;

use crate::report::Missing;

/// A program.
pub struct Tool {
    pub name: &'static str,
    /// The command that installs it.
    pub install: &'static str,
}

const fn installed_by_script(name: &'static str) -> Tool {
    Tool {
        name,
        install: "scripts/install-deps --bench installs it",
    }
}

pub const WRK: Tool = installed_by_script("wrk");
pub const REDIS: Tool = installed_by_script("redis-server");
pub const MPICC: Tool = installed_by_script("mpicc");
pub const MPIRUN: Tool = installed_by_script("mpirun");
pub const PYTHON: Tool = installed_by_script("python3");
pub const WASMTIME: Tool = installed_by_script("wasmtime");

impl Tool {
    pub fn find(&self) -> Result<PathBuf, Missing> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        // What cargo installs is not always on the path.
        let cargo = std::env::home_dir().map(|home| home.join(".cargo/bin"));
        let mut dirs = std::env::split_paths(&path).chain(cargo);
        let found = dirs.find_map(|dir| Some(dir.join(self.name)).filter(|file| file.is_file()));
        found.ok_or_else(|| Missing {
            peer: self.name.to_owned(),
            install: self.install.to_owned(),
        })
    }

    /// The first line of what it says of itself.
    pub fn version(&self) -> String {
        let Ok(program) = self.find() else {
            return "not installed".to_owned();
        };
        let Ok(output) = Command::new(program).arg("--version").output() else {
            return "does not start".to_owned();
        };
        let text = String::from_utf8_lossy(&output.stdout);
        text.lines()
            .next()
            .unwrap_or("says nothing")
            .trim()
            .to_owned()
    }
}
