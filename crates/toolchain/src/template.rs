use std::fs;
use std::path::Path;
use std::str::FromStr;

use faasm_model::FunctionName;

use crate::{Error, Project};

/// A kind of project that `faasm new` makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// A function in C.
    C,
    /// A function in C++.
    Cpp,
    /// A function in Python.
    Python,
}

/// There is no template of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no template {0:?}; there are: c, cpp, python")]
pub struct UnknownTemplate(String);

impl FromStr for Template {
    type Err = UnknownTemplate;
    fn from_str(name: &str) -> Result<Self, UnknownTemplate> {
        Self::ALL
            .into_iter()
            .find(|t| t.name() == name)
            .ok_or_else(|| UnknownTemplate(name.into()))
    }
}

/// The name and the text of a file.
type File = (&'static str, &'static str);

const C: &[File] = &[
    ("main.c", include_str!("../templates/c/main.c")),
    (".gitignore", "*.wasm\n"),
];

const CPP: &[File] = &[
    ("main.cpp", include_str!("../templates/cpp/main.cpp")),
    (".gitignore", "*.wasm\n"),
];

const PYTHON: &[File] = &[
    (
        "function.py",
        include_str!("../templates/python/function.py"),
    ),
    (
        "test_function.py",
        include_str!("../templates/python/test_function.py"),
    ),
    (
        "requirements.txt",
        include_str!("../templates/python/requirements.txt"),
    ),
    ("README.md", include_str!("../templates/python/README.md")),
    (".gitignore", "__pycache__/\n"),
];

impl Template {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::C, Self::Cpp, Self::Python];

    /// What a user calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::C => "c",
            Self::Cpp => "cpp",
            Self::Python => "python",
        }
    }

    /// Writes a project for the function `name` to `dir`, which is made if it is not
    /// there; one that holds anything is refused.
    pub fn write(self, dir: &Path, name: &FunctionName) -> Result<(), Error> {
        fs::create_dir_all(dir).map_err(Error::io("make", dir))?;
        let mut entries = fs::read_dir(dir).map_err(Error::io("read", dir))?;
        if entries.next().is_some() {
            return Err(Error::NotEmpty(dir.into()));
        }
        let (files, what) = match self {
            Self::C => (C, "sources = [\"main.c\"]"),
            Self::Cpp => (CPP, "sources = [\"main.cpp\"]"),
            Self::Python => (PYTHON, "language = \"python\""),
        };
        let FunctionName { user, function } = name;
        // Names consist of characters that need no escape in TOML.
        let manifest = format!(
            "# What `faasm up` builds and uploads.\n\
             user = \"{user}\"\nfunction = \"{function}\"\n{what}\n"
        );
        for (file, text) in files.iter().chain([&(Project::FILE, manifest.as_str())]) {
            let path = dir.join(file);
            fs::write(&path, text).map_err(Error::io("write", &path))?;
        }
        Ok(())
    }
}
