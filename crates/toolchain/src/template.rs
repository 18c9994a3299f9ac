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
}

/// There is no template of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no template {0:?}; there are: c, cpp")]
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

impl Template {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::C, Self::Cpp];

    /// What a user calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::C => "c",
            Self::Cpp => "cpp",
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
        let (source, text) = match self {
            Self::C => ("main.c", include_str!("../templates/c/main.c")),
            Self::Cpp => ("main.cpp", include_str!("../templates/cpp/main.cpp")),
        };
        let FunctionName { user, function } = name;
        // Names consist of characters that need no escape in TOML.
        let manifest = format!(
            "# What `faasm up` builds and uploads.\n\
             user = \"{user}\"\nfunction = \"{function}\"\nsources = [\"{source}\"]\n"
        );
        for (file, text) in [
            (source, text),
            (Project::FILE, manifest.as_str()),
            (".gitignore", "*.wasm\n"),
        ] {
            let path = dir.join(file);
            fs::write(&path, text).map_err(Error::io("write", &path))?;
        }
        Ok(())
    }
}
