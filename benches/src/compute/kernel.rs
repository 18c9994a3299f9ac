//! The kernels, as programs of this machine and as functions.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use faasm_toolchain::{BuildOptions, Toolchain};
use tempfile::TempDir;

use crate::native;
use crate::report::Missing;

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

/// What a kernel took, and what it returned.
#[derive(Clone, Copy, Debug)]
pub struct Time {
    pub nanos: f64,
    pub result: f64,
}

impl Time {
    /// The best of what the driver printed.
    pub fn of_driver(lines: &str) -> anyhow::Result<Self> {
        let time = |line: &str| -> anyhow::Result<Self> {
            let (nanos, result) = line.split_once(' ').context("no result")?;
            Ok(Self {
                nanos: nanos.parse()?,
                result: result.parse()?,
            })
        };
        let times: Vec<_> = lines.lines().map(time).collect::<anyhow::Result<_>>()?;
        Self::best(times)
    }

    /// The shortest of those of a kernel, which must all have the same result.
    pub fn best(times: impl IntoIterator<Item = Self>) -> anyhow::Result<Self> {
        let mut times = times.into_iter();
        let mut best = times.next().context("nothing was measured")?;
        for time in times {
            let same = time.result.to_bits() == best.result.to_bits();
            ensure!(same, "results differ: {}, {}", time.result, best.result);
            if time.nanos < best.nanos {
                best = time;
            }
        }
        Ok(best)
    }

    pub fn millis(&self) -> f64 {
        self.nanos / 1e6
    }
}
