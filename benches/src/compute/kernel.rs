//! The kernels, as programs of this machine and as functions.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::ensure;
use faasm_toolchain::{BuildOptions, Toolchain};
use tempfile::TempDir;

use crate::native;
use crate::report::Missing;
use crate::time::Time;

pub const KERNELS: [&str; 11] = [
    "gemm",
    "2mm",
    "jacobi-2d",
    "heat-3d",
    "fdtd-2d",
    "lu",
    "nussinov",
    "durbin",
    "crc32",
    "sieve",
    "n-body",
];

/// Named as its file is.
#[derive(Clone, Copy)]
pub struct Kernel(pub &'static str);

impl Kernel {
    /// Its own source and the driver's.
    fn sources(self) -> [PathBuf; 2] {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("kernels");
        [dir.join(format!("{}.c", self.0)), dir.join("driver.c")]
    }

    /// A function, as `faasm build` makes it with further flags.
    pub fn build(self, flags: &[&str]) -> anyhow::Result<Vec<u8>> {
        let dir = tempfile::tempdir()?;
        let output = dir.path().join("kernel.wasm");
        let mut options = BuildOptions::new(self.sources(), &output);
        options.cflags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        Toolchain::find()?.build(&options)?;
        Ok(std::fs::read(output)?)
    }
}

/// A kernel for this machine.
pub struct Program {
    program: PathBuf,
    _dir: TempDir,
}

impl Program {
    pub fn compile(kernel: Kernel) -> anyhow::Result<Result<Self, Missing>> {
        let dir = tempfile::tempdir()?;
        let sources = kernel.sources();
        let sources = sources.each_ref().map(PathBuf::as_path);
        let program = native::compile(&sources, &[], &dir.path().join("kernel"))?;
        Ok(program.map(|program| Self { program, _dir: dir }))
    }

    pub fn run(&self) -> anyhow::Result<Time> {
        let output = Command::new(&self.program).output()?;
        ensure!(output.status.success(), "it ended with {}", output.status);
        Time::of_driver(&String::from_utf8(output.stdout)?)
    }
}
