//! `faasm-cc` and `faasm-c++`: this program, called by another name.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use faasm_toolchain::{Driven, Driver, Error, Toolchain};

/// This program, called as a compiler.
#[derive(Debug)]
pub struct Called {
    driver: Driver,
    arguments: Vec<OsString>,
}

impl Called {
    /// Whether the name is a compiler's.
    pub fn as_compiler() -> Option<Self> {
        let mut arguments = env::args_os();
        let program = arguments.next()?;
        let driver = Driver::named(Path::new(&program).file_name()?.to_str()?)?;
        Some(Self {
            driver,
            arguments: arguments.collect(),
        })
    }

    /// Compiles. Messages and exit codes are a compiler's: 0, or what clang ends with, or 1.
    pub fn run(self) -> ExitCode {
        let name = self.driver.name();
        match self.drive() {
            Ok(Driven::Clang(code)) => u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from),
            Ok(Driven::Linked(warnings)) => {
                if !warnings.is_empty() {
                    eprintln!("{warnings}");
                }
                ExitCode::SUCCESS
            }
            // As it is: editors look for the file and line at its beginning.
            Err(Failure::Build(Error::Compile { diagnostics, .. })) => {
                eprintln!("{diagnostics}");
                ExitCode::FAILURE
            }
            Err(failure) => {
                eprintln!("{name}: error: {failure}");
                ExitCode::FAILURE
            }
        }
    }

    fn drive(self) -> Result<Driven, Failure> {
        let arguments = self.arguments.into_iter().map(OsString::into_string);
        let arguments: Result<Vec<String>, OsString> = arguments.collect();
        let arguments = arguments.map_err(Failure::NotText)?;
        Ok(Toolchain::find()?.drive(self.driver, arguments)?)
    }
}

/// Why nothing was compiled.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the argument {0:?} is not UTF-8")]
    NotText(OsString),
    #[error(transparent)]
    Build(#[from] Error),
}
