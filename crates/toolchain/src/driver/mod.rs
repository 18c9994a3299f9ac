//! A compiler driver, as makefiles call one: `faasm-cc` and `faasm-c++`.
//!
//! Compiling alone is clang's, with the flags of functions. Linking is [`Toolchain::build`]'s, so
//! that what comes out is a function whose imports are checked: `configure` scripts that look
//! for a C function by linking it get the right answer.

mod arguments;
mod response;

use std::path::PathBuf;
use std::process::Command;

use crate::Error;
use crate::clang::Toolchain;
use crate::options::{BuildOptions, Language, OptLevel};
use crate::sdk::Sdk;

use arguments::{Arguments, Step};

/// A compiler's name, and how it takes sources and links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// `faasm-cc`
    C,
    /// `faasm-c++`
    Cxx,
}

impl Driver {
    /// The driver that a program called `name` is: `faasm-cc`, `faasm-c++`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "faasm-cc" => Some(Self::C),
            "faasm-c++" => Some(Self::Cxx),
            _ => None,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::C => "faasm-cc",
            Self::Cxx => "faasm-c++",
        }
    }

    fn language(self) -> Language {
        match self {
            Self::C => Language::C,
            Self::Cxx => Language::Cxx,
        }
    }
}

/// How a driver ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Driven {
    /// Clang did it all, and ended with this code.
    Clang(i32),
    /// A program was linked, with these warnings; empty if there were none.
    Linked(String),
}

impl Toolchain {
    /// Does what a C compiler does that is given `arguments`, its own name left out: it compiles
    /// with clang, which writes to this process's standard output and error, or links a
    /// function. MPI is there.
    pub fn drive(&self, driver: Driver, arguments: Vec<String>) -> Result<Driven, Error> {
        let arguments = Arguments::read(response::expanded(arguments)?);
        match arguments.step {
            Step::Tell => {
                let mut clang = self.command(driver.language());
                clang.args(&arguments.all);
                end_of(clang)
            }
            Step::Compile => self.compile_only(driver, &arguments),
            Step::Link => self.link_too(driver, arguments).map(Driven::Linked),
        }
    }

    fn compile_only(&self, driver: Driver, arguments: &Arguments) -> Result<Driven, Error> {
        let dir =
            tempfile::tempdir().map_err(Error::io("make a directory in", &std::env::temp_dir()))?;
        let sdk = Sdk::unpack(self.cache.as_deref(), dir.path())?;
        let language = if arguments.has_cxx {
            Language::Cxx
        } else {
            driver.language()
        };
        let options = options(arguments, Vec::new(), PathBuf::new());
        let mut clang = self.command(driver.language());
        self.add_compile_flags(&mut clang, language, &sdk.include_dir(), &options);
        clang.args(&arguments.all);
        end_of(clang)
    }

    fn link_too(&self, driver: Driver, arguments: Arguments) -> Result<String, Error> {
        let output = arguments.output.clone();
        let output = output.unwrap_or_else(|| "a.out".into());
        let mut options = options(&arguments, arguments.sources.clone(), output);
        options.cflags = arguments.compile;
        options.ldflags = arguments.link;
        let mut units = options.units_if_any()?;
        if driver == Driver::Cxx {
            for unit in &mut units {
                unit.language = Language::Cxx;
            }
        }
        // A program, which others may run: makefiles and `configure` look at that.
        let built = self.build_units(&units, driver.language(), &options, 0o777)?;
        Ok(built.warnings)
    }
}

/// What the arguments say beside clang's own flags.
fn options(arguments: &Arguments, sources: Vec<PathBuf>, output: PathBuf) -> BuildOptions {
    let mut options = BuildOptions::new(sources, output);
    options.mpi = true;
    options.debug = arguments.debug;
    options.opt_level = arguments.opt_level.unwrap_or(OptLevel::O3);
    options
}

fn end_of(mut clang: Command) -> Result<Driven, Error> {
    let program = PathBuf::from(clang.get_program());
    let status = clang.status().map_err(Error::io("run", &program))?;
    // A compiler that was killed has failed.
    Ok(Driven::Clang(status.code().unwrap_or(1)))
}
