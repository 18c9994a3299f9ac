//! `flags`: what other flags for clang would bring. `faasm build` uses what measures best.

use super::kernel::{KERNELS, Kernel};
use super::module::{self, Module};
use crate::bare::Epochs;
use crate::effort::Effort;
use crate::report::{Figure, Report};
use crate::stats::geometric_mean;
use crate::time::Time;

/// What is added to the flags of `faasm build`; later ones win.
const VARIANTS: &[&[&str]] = &[
    &["-O2"],
    &["-mno-simd128"],
    &["-fno-unroll-loops"],
    &["-funroll-loops"],
    &["-mbulk-memory", "-mnontrapping-fptoint"],
    &["-flto"],
    &["-mllvm", UNROLL_USUAL],
    &["-mllvm", UNROLL_100],
    &["-mllvm", UNROLL_200],
    &["-mllvm", UNROLL_400],
    &["-mllvm", "-force-vector-interleave=2"],
    &["-mllvm", INTERLEAVE_4],
    &["-mllvm", INTERLEAVE_8],
    &["-mllvm", INTERLEAVE_4, "-mllvm", UNROLL_200],
    &["-mllvm", INTERLEAVE_4, "-mllvm", UNROLL_400],
    &["-mllvm", INTERLEAVE_8, "-mllvm", UNROLL_200],
];

/// What clang does by itself.
const UNROLL_USUAL: &str = "-unroll-partial-threshold=150";
const UNROLL_100: &str = "-unroll-partial-threshold=100";
const UNROLL_200: &str = "-unroll-partial-threshold=200";
const UNROLL_400: &str = "-unroll-partial-threshold=400";
const INTERLEAVE_4: &str = "-force-vector-interleave=4";
const INTERLEAVE_8: &str = "-force-vector-interleave=8";

/// Turns of each variant; its best counts.
const TURNS: u32 = 3;

/// A kernel's module made with a variant's flags, and its times.
struct Candidate {
    module: Module,
    bytes: usize,
    times: Vec<Time>,
}

/// A variant's figures of all kernels, beside those of the usual flags.
#[derive(Default)]
struct Tally {
    ratios: Vec<f64>,
    bytes: usize,
}

pub fn run(report: &mut Report, effort: Effort) -> anyhow::Result<()> {
    let engine = module::engine(Epochs::Checked)?;
    let mut tallies: Vec<Tally> = VARIANTS.iter().map(|_| Tally::default()).collect();
    let mut usual_bytes = 0;
    for name in KERNELS {
        let candidate = |flags: &[&str]| -> anyhow::Result<Candidate> {
            let wasm = Kernel(name).build(flags)?;
            Ok(Candidate {
                module: Module::compile(&engine, &wasm)?,
                bytes: wasm.len(),
                times: Vec::new(),
            })
        };
        let mut usual = candidate(&[])?;
        let others = VARIANTS.iter().map(|flags| candidate(flags));
        let mut others: Vec<_> = others.collect::<anyhow::Result<_>>()?;
        for _ in 0..effort.count(TURNS) {
            for candidate in std::iter::once(&mut usual).chain(&mut others) {
                candidate.times.push(candidate.module.run()?);
            }
        }
        usual_bytes += usual.bytes;
        let usual = Time::best(usual.times)?.millis();
        for ((flags, other), tally) in VARIANTS.iter().zip(others).zip(&mut tallies) {
            tally.bytes += other.bytes;
            let other = Time::best(other.times)?.millis();
            tally.ratios.push(other / usual);
            let name = format!("{name}, {}", flags.join(" "));
            let figure = Figure::lower(name, other, "ms");
            report.add(figure.beside("the usual", usual));
        }
    }
    for (flags, tally) in VARIANTS.iter().zip(&tallies) {
        let flags = flags.join(" ");
        let mean = geometric_mean(&tally.ratios);
        let name = format!("all, {flags}, geometric mean");
        report.add(Figure::lower(name, mean, "× the usual"));
        let bytes = tally.bytes as f64 / usual_bytes as f64;
        let name = format!("all, {flags}, size of modules");
        report.add(Figure::lower(name, bytes, "× the usual"));
    }
    Ok(())
}
