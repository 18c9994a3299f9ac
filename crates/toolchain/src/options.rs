use std::path::{Path, PathBuf};

use crate::Error;

/// What to build, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildOptions {
    /// C (`.c`) and C++ (`.cc`, `.cpp`, `.cxx`, `.C`) files.
    pub sources: Vec<PathBuf>,
    /// Where the module goes. It is replaced in one step, and only by a good one.
    pub output: PathBuf,
    /// Directories to look for headers in, before the SDK's and the system's.
    pub include_dirs: Vec<PathBuf>,
    /// Macros to define, each `NAME` or `NAME=VALUE`.
    pub defines: Vec<String>,
    /// Further arguments for clang when it compiles; they can undo what is set here.
    pub cflags: Vec<String>,
    /// Further arguments for clang when it links, such as `-lz` or `-Wl,…`.
    pub ldflags: Vec<String>,
    /// How much to optimise.
    pub opt_level: OptLevel,
    /// Bytes of stack; rounded up to the 16 that the ABI asks for.
    pub stack_size: u32,
    /// Keeps DWARF debug information. Function names are kept in any case.
    pub debug: bool,
    /// Lets the program use MPI.
    pub mpi: bool,
}

impl BuildOptions {
    /// Bytes of stack where nothing else is asked for: 4 MiB.
    pub const DEFAULT_STACK_SIZE: u32 = 4 << 20;

    /// The usual options: optimised, without debug information.
    pub fn new<P: Into<PathBuf>>(
        sources: impl IntoIterator<Item = P>,
        output: impl Into<PathBuf>,
    ) -> Self {
        Self {
            sources: sources.into_iter().map(Into::into).collect(),
            output: output.into(),
            include_dirs: Vec::new(),
            defines: Vec::new(),
            cflags: Vec::new(),
            ldflags: Vec::new(),
            opt_level: OptLevel::default(),
            stack_size: Self::DEFAULT_STACK_SIZE,
            debug: false,
            mpi: false,
        }
    }

    /// The sources with their languages; an error if one cannot be compiled.
    pub(crate) fn units(&self) -> Result<Vec<Unit<'_>>, Error> {
        if self.sources.is_empty() {
            return Err(Error::NoSources);
        }
        self.units_if_any()
    }

    /// As `units`, for what may be made of objects alone.
    pub(crate) fn units_if_any(&self) -> Result<Vec<Unit<'_>>, Error> {
        self.sources.iter().map(|path| Unit::new(path)).collect()
    }
}

/// How much clang optimises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OptLevel {
    /// Not at all: the fastest to compile.
    O0,
    /// A little.
    O1,
    /// What most programs use.
    O2,
    /// For speed above all.
    #[default]
    O3,
    /// For size.
    Os,
    /// For size above all.
    Oz,
}

impl OptLevel {
    pub(crate) fn flag(self) -> &'static str {
        match self {
            Self::O0 => "-O0",
            Self::O1 => "-O1",
            Self::O2 => "-O2",
            Self::O3 => "-O3",
            Self::Os => "-Os",
            Self::Oz => "-Oz",
        }
    }

    /// The level behind a compiler's `-O`.
    pub(crate) fn named(level: &str) -> Option<Self> {
        match level {
            "0" => Some(Self::O0),
            "" | "1" | "g" => Some(Self::O1),
            "2" => Some(Self::O2),
            "3" => Some(Self::O3),
            "s" => Some(Self::Os),
            "z" => Some(Self::Oz),
            _ => None,
        }
    }

    /// Whether size counts less than speed.
    pub(crate) fn is_for_speed(self) -> bool {
        matches!(self, Self::O2 | Self::O3)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    C,
    Cxx,
}

impl Language {
    /// That of a source file, by its suffix.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "c" => Some(Self::C),
            "cc" | "cpp" | "cxx" | "C" => Some(Self::Cxx),
            _ => None,
        }
    }
}

/// A source file that exists, and what it is written in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unit<'a> {
    pub path: &'a Path,
    pub language: Language,
}

impl<'a> Unit<'a> {
    fn new(path: &'a Path) -> Result<Self, Error> {
        let language = Language::of(path).ok_or_else(|| Error::UnknownLanguage(path.into()))?;
        if !path.is_file() {
            return Err(Error::NoSource(path.into()));
        }
        Ok(Self { path, language })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_told_by_the_suffix() {
        for (name, language) in [
            ("a.c", Some(Language::C)),
            ("a.C", Some(Language::Cxx)),
            ("a.b.cpp", Some(Language::Cxx)),
            ("a.cc", Some(Language::Cxx)),
            ("a.cxx", Some(Language::Cxx)),
            ("a.rs", None),
            ("c", None),
        ] {
            assert_eq!(Language::of(Path::new(name)), language, "{name}");
        }
    }

    #[test]
    fn without_sources_there_is_nothing_to_build() {
        let none: [&str; 0] = [];
        assert!(matches!(
            BuildOptions::new(none, "x").units(),
            Err(Error::NoSources)
        ));
    }
}
