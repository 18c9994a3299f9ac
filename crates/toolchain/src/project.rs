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
/// Paths are relative to the directory. A function in Python has `language = "python"` instead of
/// all that begins with `sources`: the directory is the function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Whose function it is, and its name.
    pub name: FunctionName,
    /// What it is made of.
    pub code: Code,
}

/// What a project's function is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// C and C++, and how to build it; the output is `<function>.wasm` in the project's directory.
    Sources(BuildOptions),
    /// Python: the project's directory, as it is.
    Python,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    user: Name,
    function: Name,
    #[serde(default)]
    language: Language,
    sources: Option<Vec<PathBuf>>,
    #[serde(default)]
    include_dirs: Vec<PathBuf>,
    #[serde(default)]
    defines: Vec<String>,
    #[serde(default)]
    cflags: Vec<String>,
    #[serde(default)]
    ldflags: Vec<String>,
}

/// What a manifest may say that a function is written in.
#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Language {
    /// Or C++: the names of the sources tell them apart.
    #[default]
    C,
    Python,
}

impl Project {
    /// The file that makes a directory a project.
    pub const FILE: &'static str = "function.toml";

    /// Reads `dir/function.toml`. Keys it does not know are errors. Whether the sources
    /// are there is checked when they are built.
    pub fn load(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(Self::FILE);
        let text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        let bad = |reason: &str| Error::BadProject {
            path: path.clone(),
            reason: reason.trim_end().into(),
        };
        let manifest: Manifest = toml::from_str(&text).map_err(|e| bad(&e.to_string()))?;
        let name = FunctionName {
            user: manifest.user.clone(),
            function: manifest.function.clone(),
        };
        let code = match manifest.language {
            Language::C => manifest.build(dir).map(Code::Sources),
            Language::Python if manifest.has_build() => Err(
                "in Python there is nothing to build: leave out `sources` and what goes with it",
            ),
            Language::Python => Ok(Code::Python),
        };
        let code = code.map_err(bad)?;
        Ok(Self { name, code })
    }
}

impl Manifest {
    fn build(self, dir: &Path) -> Result<BuildOptions, &'static str> {
        let sources = self.sources.ok_or(
            "missing field `sources`: the files to compile; or `language = \"python\"`, for a function in Python",
        )?;
        let below = |paths: Vec<PathBuf>| paths.into_iter().map(|p| dir.join(p));
        let output = dir.join(format!("{}.wasm", self.function));
        let mut build = BuildOptions::new(below(sources), output);
        build.include_dirs = below(self.include_dirs).collect();
        build.defines = self.defines;
        build.cflags = self.cflags;
        build.ldflags = self.ldflags;
        Ok(build)
    }

    /// Whether it says anything about a build.
    fn has_build(&self) -> bool {
        let lists = [&self.defines, &self.cflags, &self.ldflags];
        self.sources.is_some()
            || !self.include_dirs.is_empty()
            || lists.iter().any(|list| !list.is_empty())
    }
}
