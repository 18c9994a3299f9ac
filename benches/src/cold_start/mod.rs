//! `cold-start`: a fresh Faaslet for every call of a C no-op, on the path that HTTP takes.

mod churn;
mod images;
mod many_files;
mod processes;

use crate::bare;
use crate::effort::Effort;
use crate::in_process::{self, InProcess};
use crate::report::{Figure, Report};
use crate::stats::{Latencies, alternate, repeat};

/// "The same", as far as that can be measured.
const SAME: f64 = 1.1;

const BARE: &str = "bare wasmtime";

pub fn run(report: &mut Report, effort: Effort) -> anyhow::Result<()> {
    let noop = faasm_testkit::c("int main(void) { return 0; }");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    in_process::observe(&runtime)?;

    let faasm = runtime.block_on(InProcess::start(noop.clone()))?;
    let pre = bare::engine(1_000, bare::Epochs::Off).and_then(|e| bare::prepare(&e, &noop));
    let pre = pre.map_err(bare::plain)?;
    let (mut ours, mut theirs) = (Latencies::default(), Latencies::default());
    alternate(
        effort.seconds,
        |seconds| runtime.block_on(faasm.call_for(seconds, &mut ours)),
        |seconds| repeat(seconds, || theirs.time(|| bare::call(&pre))).map_err(bare::plain),
    )?;
    let p50 = ours.us(0.5);
    let figure = Figure::lower("a call, p50", p50, "µs").goal(25.0);
    report.add(figure.beside(BARE, theirs.us(0.5)).ratio_goal(2.0));
    let figure = Figure::lower("a call, p99", ours.us(0.99), "µs");
    report.add(figure.beside(BARE, theirs.us(0.99)));
    report.note_latencies("faasm", &mut ours);
    report.note_latencies(BARE, &mut theirs);

    many_files::run(report, effort, &runtime, &faasm, &noop)?;
    images::run(report, effort, &runtime)?;
    drop((faasm, runtime));
    churn::run(report, effort, &noop, &pre)?;
    processes::run(report, effort, p50)
}
