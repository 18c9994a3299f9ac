//! `compute`: kernels as functions, beside the same C outside, and beside the same module in
//! bare wasmtime, which shows what is the compiler's and what is faasm's.

mod flags;
mod kernel;
mod module;

use anyhow::ensure;
use faasm_testkit::Server;
use wasmtime::Engine;

use crate::bare::Epochs;
use crate::effort::Effort;
use crate::report::{Figure, Report};
use crate::stats::geometric_mean;
use crate::time::Time;

use kernel::{KERNELS, Kernel, Program};
use module::Module;

pub use flags::run as compare_flags;

/// Turns of each side; its best counts.
const TURNS: u32 = 5;

/// The sides other than the native one, in the order of the figures.
const SIDES: [&str; 3] = ["faasm", "bare, with epoch checks", "bare, without"];

pub async fn run(report: &mut Report, effort: Effort) -> anyhow::Result<()> {
    let measured = Measured {
        server: Server::start().await,
        checked: module::engine(Epochs::Checked)?,
        unchecked: module::engine(Epochs::Off)?,
    };
    let mut ratios = SIDES.map(|_| Vec::new());
    for name in KERNELS {
        let program = report.found(Program::compile(Kernel(name))?);
        let turns = effort.count(TURNS);
        let (times, native) = measured.measure(Kernel(name), program, turns).await?;
        for ((side, time), ratios) in SIDES.iter().zip(times).zip(&mut ratios) {
            ratios.extend(native.map(|native| time / native));
            let figure = Figure::lower(format!("{name}, {side}"), time, "ms");
            report.add(figure.beside("native", native));
        }
    }
    for (side, ratios) in SIDES
        .iter()
        .zip(&ratios)
        .filter(|(_, ratios)| !ratios.is_empty())
    {
        let name = format!("all, {side}, geometric mean");
        report.add(Figure::lower(name, geometric_mean(ratios), "× native"));
    }
    Ok(())
}

/// What runs kernels.
struct Measured {
    server: Server,
    checked: Engine,
    unchecked: Engine,
}

impl Measured {
    /// The milliseconds of each side, and natively, if there is a program.
    async fn measure(
        &self,
        kernel: Kernel,
        program: Option<Program>,
        turns: u32,
    ) -> anyhow::Result<([f64; 3], Option<f64>)> {
        let wasm = kernel.build(&[])?;
        let function = format!("demo/{}", kernel.0);
        self.server.put(&function, wasm.clone()).await;
        let checked = Module::compile(&self.checked, &wasm)?;
        let unchecked = Module::compile(&self.unchecked, &wasm)?;
        let (mut native, mut ours) = (Vec::new(), SIDES.map(|_| Vec::new()));
        for _ in 0..turns {
            native.extend(program.as_ref().map(Program::run).transpose()?);
            ours[0].push(self.call(&function).await?);
            ours[1].push(checked.run()?);
            ours[2].push(unchecked.run()?);
        }
        // One that computes something else is not worth measuring.
        Time::best(native.iter().chain(ours.iter().flatten()).copied())?;
        let best = |times: Vec<Time>| anyhow::Ok(Time::best(times)?.millis());
        let [first, second, third] = ours.map(best);
        let native = program.map(|_| best(native)).transpose()?;
        Ok(([first?, second?, third?], native))
    }

    async fn call(&self, function: &str) -> anyhow::Result<Time> {
        let answer = self.server.call(function, "").await;
        ensure!(answer.status == 200, "{function}: {}", answer.text());
        Time::of_driver(&answer.text())
    }
}
