use std::fs;
use std::path::{Path, PathBuf};

use faasm_model::{FunctionName, Name};
use serde::Deserialize;

use crate::{BuildOptions, Error};

/// A directory with a function's sources and its `function.toml`:
///
/// ```toml
/// user = "demo"
/// function = "hello"
/// sources = ["main.c"]
///
/// # All optional:
/// include_dirs = ["include"]
/// defines = ["LIMIT=10"]
/// cflags = ["-Wall"]
/// ldflags = []
/// ```
///
/// Paths are relative to the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Whose function it is, and its name.
    pub name: FunctionName,
    /// How to build it; the output is `<function>.wasm` in the project's directory.
    pub build: BuildOptions,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    user: Name,
    function: Name,
    sources: Vec<PathBuf>,
    #[serde(default)]
    include_dirs: Vec<PathBuf>,
    #[serde(default)]
    defines: Vec<String>,
    #[serde(default)]
    cflags: Vec<String>,
    #[serde(default)]
    ldflags: Vec<String>,
}

impl Project {
    /// The file that makes a directory a project.
    pub const FILE: &'static str = "function.toml";

    /// Reads `dir/function.toml`. Keys it does not know are errors. Whether the sources
    /// are there is checked when they are built.
    pub fn load(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(Self::FILE);
        let text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        let manifest: Manifest = toml::from_str(&text).map_err(|e| Error::BadProject {
            path: path.clone(),
            reason: e.to_string().trim_end().into(),
        })?;
        let below = |paths: Vec<PathBuf>| paths.into_iter().map(|p| dir.join(p));
        let output = dir.join(format!("{}.wasm", manifest.function));
        let mut build = BuildOptions::new(below(manifest.sources), output);
        build.include_dirs = below(manifest.include_dirs).collect();
        build.defines = manifest.defines;
        build.cflags = manifest.cflags;
        build.ldflags = manifest.ldflags;
        let name = FunctionName {
            user: manifest.user,
            function: manifest.function,
        };
        Ok(Self { name, build })
    }
}
