//! What starting a process costs instead.

use crate::effort::Effort;
use crate::native;
use crate::processes::{real_python, starts};
use crate::report::{Figure, Report};
use crate::stats::Latencies;
use crate::tools;

/// `ours` is the median of a call in microseconds.
pub fn run(report: &mut Report, effort: Effort, ours: f64) -> anyhow::Result<()> {
    let (dir, seconds) = (tempfile::tempdir()?, effort.seconds / 2.0);
    let source = dir.path().join("noop.c");
    std::fs::write(&source, "int main(void) { return 0; }")?;
    let noop = native::compile(&[&source], &["-static"], &dir.path().join("noop"))?;
    if let Some(noop) = report.found(noop) {
        let mut theirs = Latencies::default();
        starts(seconds, &noop, &[], &mut theirs)?;
        beside(
            report,
            ours,
            ("a process", "posix_spawn of a static C no-op"),
            theirs,
        );
    }
    if let Some(python) = report.found(tools::PYTHON.find()) {
        let mut theirs = Latencies::default();
        starts(
            seconds,
            &real_python(&python)?,
            &["-c", "pass"],
            &mut theirs,
        )?;
        beside(report, ours, ("CPython", "python3 -c pass"), theirs);
    }
    Ok(())
}

fn beside(report: &mut Report, ours: f64, peer: (&str, &str), mut theirs: Latencies) {
    let (kind, command) = peer;
    let figure = Figure::lower(format!("a call, p50, beside {kind}"), ours, "µs");
    report.add(figure.beside(command, theirs.us(0.5)));
}
