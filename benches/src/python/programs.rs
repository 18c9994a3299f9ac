//! Programs as functions and in an interpreter of this machine, timed from inside.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use faasm_testkit::Server;
use tempfile::TempDir;

use super::native::Native;
use super::put;
use crate::effort::Effort;
use crate::report::{Figure, Report};
use crate::stats::geometric_mean;
use crate::time::Time;

/// Named as their files are.
const PROGRAMS: [&str; 18] = [
    "compression",
    "containers",
    "decimals",
    "deltablue",
    "fannkuch",
    "floats",
    "generators",
    "hashing",
    "json_dumps",
    "json_loads",
    "nbody",
    "pickling",
    "pidigits",
    "regex",
    "richards",
    "spectral_norm",
    "sqlite",
    "strings",
];

/// Turns of each side; its best counts.
const TURNS: u32 = 3;

const NATIVE: &str = "native";

/// `version` is the runtime's.
pub async fn run(report: &mut Report, effort: Effort, version: &str) -> anyhow::Result<()> {
    let native = report.found(Native::find()?);
    if let Some(native) = &native {
        let other = native.version()?;
        ensure!(other == version, "{other} is no peer of CPython {version}");
    }
    let both = Both {
        server: Server::with_python().await,
        native,
        dir: tempfile::tempdir()?,
    };
    let mut ratios = Vec::new();
    for name in PROGRAMS {
        let (ours, theirs) = both.measure(name, effort.count(TURNS)).await?;
        ratios.extend(theirs.map(|theirs| ours / theirs));
        report.add(Figure::lower(name, ours, "ms").beside(NATIVE, theirs));
    }
    if !ratios.is_empty() {
        let name = "all programs, geometric mean";
        let mean = Figure::lower(name, geometric_mean(&ratios), "× native");
        report.add(mean.goal(1.6));
    }
    Ok(())
}

struct Both {
    server: Server,
    native: Option<Native>,
    dir: TempDir,
}

impl Both {
    /// The milliseconds of both sides.
    async fn measure(&self, name: &str, turns: u32) -> anyhow::Result<(f64, Option<f64>)> {
        let source = source(name)?;
        let dir = self.dir.path();
        std::fs::write(dir.join(format!("{name}.py")), &source)?;
        let function = format!("demo/{name}");
        put(&self.server, &function, source).await;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..turns {
            ours.push(self.call(&function).await?);
            let native = self.native.as_ref();
            theirs.extend(native.map(|n| n.run(dir, name)).transpose()?);
        }
        // One that computes something else is not worth measuring.
        Time::best(ours.iter().chain(&theirs).copied())?;
        let theirs = match self.native {
            Some(_) => Some(Time::best(theirs)?.millis()),
            None => None,
        };
        Ok((Time::best(ours)?.millis(), theirs))
    }

    async fn call(&self, function: &str) -> anyhow::Result<Time> {
        let path = format!("{function}?python=true");
        let answer = self.server.call(&path, "").await;
        ensure!(answer.status == 200, "{function}: {}", answer.text());
        Time::of_driver(&answer.text())
    }
}

/// A program, with what times it behind it.
fn source(name: &str) -> std::io::Result<String> {
    let dir: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/python");
    let read = |name: &str| std::fs::read_to_string(dir.join(format!("{name}.py")));
    Ok(read(name)? + "\n\n" + &read("driver")?)
}
