use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why nothing was built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The machine has no toolchain that works.
    #[error("no clang that compiles to WebAssembly works here{}\n\n{install}", listed(.tried))]
    NoToolchain {
        /// What was tried, and why it does not do.
        tried: Vec<String>,
        /// What to install.
        install: String,
    },
    /// `WASI_SDK_PATH` is set, but to something that does not work.
    #[error(
        "WASI_SDK_PATH is {path:?}, which is no working WASI SDK: {reason}\nset it to an unpacked SDK, or unset it to use the system's clang"
    )]
    BrokenWasiSdk {
        /// The value of the variable.
        path: PathBuf,
        /// What is wrong there.
        reason: String,
    },
    /// The toolchain has no C++ standard library.
    #[error("{path:?} is C++, and there is no C++ library for WebAssembly here\n\n{install}")]
    NoCxxLibrary {
        /// The first C++ source.
        path: PathBuf,
        /// What to install.
        install: String,
    },
    /// There is nothing to compile.
    #[error("no source files are given: name at least one .c or .cpp file")]
    NoSources,
    /// A source is not there, or not a file.
    #[error("there is no source file {0:?}")]
    NoSource(PathBuf),
    /// A source's suffix names no language.
    #[error("{0:?} is neither C (.c) nor C++ (.cc, .cpp, .cxx, .C)")]
    UnknownLanguage(PathBuf),
    /// The output cannot be written where it should go.
    #[error("cannot write the output to {path:?}: {reason}")]
    BadOutput {
        /// Where it should go.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The compiler refused a source.
    #[error("{path:?} does not compile:\n{diagnostics}")]
    Compile {
        /// The source.
        path: PathBuf,
        /// The compiler's own words.
        diagnostics: String,
    },
    /// The linker refused the program.
    #[error("the program does not link:\n{0}")]
    Link(String),
    /// The program lacks `main`.
    #[error(
        "the program has no main function: define `int main(void)` or `int main(int argc, char **argv)`"
    )]
    NoMain,
    /// The program uses what neither it nor the server defines.
    #[error("{}", each_undefined(.0))]
    Undefined(Vec<Undefined>),
    /// The program uses this function of MPI, and is built without.
    #[error("the program uses MPI (`{0}`) and is built without: add --mpi")]
    WithoutMpi(String),
    /// A file of arguments, named by `@`, cannot be used.
    #[error("cannot use the arguments in {path:?}: {reason}")]
    BadArguments {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The linker's output is not a module that a server takes.
    #[error("the linker left no usable module: {0}")]
    BadModule(String),
    /// A project's `function.toml` is unusable.
    #[error("{path:?}: {reason}")]
    BadProject {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        reason: String,
    },
    /// A new project's directory already holds something.
    #[error("{0:?} is not empty: choose a directory that is empty or not there yet")]
    NotEmpty(PathBuf),
    /// A file or a program could not be used.
    #[error("cannot {doing} {path:?}: {source}")]
    Io {
        /// What was being done, as a verb.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: what was being done to which path.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            doing,
            path,
            source,
        }
    }
}

/// A symbol that is used but defined nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undefined {
    /// The symbol as a person wrote it: C++ names are demangled.
    pub symbol: String,
    /// The sources that use it; none if it is a library that does.
    pub used_by: Vec<PathBuf>,
}

impl fmt::Display for Undefined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "undefined symbol `{}`: ", self.symbol)?;
        match self.used_by.as_slice() {
            [] => f.write_str("used by a library")?,
            [first, rest @ ..] => {
                write!(f, "used by {}", first.display())?;
                for path in rest {
                    write!(f, ", {}", path.display())?;
                }
            }
        }
        f.write_str("; neither defined in the program nor provided by the server")
    }
}

fn each_undefined(all: &[Undefined]) -> String {
    let lines: Vec<String> = all.iter().map(Undefined::to_string).collect();
    lines.join("\n")
}

fn listed(tried: &[String]) -> String {
    if tried.is_empty() {
        return ": there is no clang on the PATH".into();
    }
    format!("; tried:\n  {}", tried.join("\n  "))
}
