//! What starting a process costs instead.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::ensure;

use crate::effort::Effort;
use crate::native;
use crate::report::{Figure, Report};
use crate::stats::{Latencies, repeat};
use crate::tools;

/// `ours` is the median of a call in microseconds.
pub fn run(report: &mut Report, effort: Effort, ours: f64) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let source = dir.path().join("noop.c");
    std::fs::write(&source, "int main(void) { return 0; }")?;
    let noop = native::compile(&[&source], &["-static"], &dir.path().join("noop"))?;
    if let Some(noop) = report.found(noop) {
        let theirs = starts(effort, &noop, &[])?;
        beside(
            report,
            ours,
            ("a process", "posix_spawn of a static C no-op"),
            theirs,
        );
    }
    if let Some(python) = report.found(tools::PYTHON.find()) {
        let theirs = starts(effort, &real_python(&python)?, &["-c", "pass"])?;
        beside(report, ours, ("CPython", "python3 -c pass"), theirs);
    }
    Ok(())
}

fn beside(report: &mut Report, ours: f64, peer: (&str, &str), mut theirs: Latencies) {
    let (kind, command) = peer;
    let figure = Figure::lower(format!("a call, p50, beside {kind}"), ours, "µs");
    report.add(figure.beside(command, theirs.us(0.5)));
}

/// From before its start until it has been waited for. Rust's library starts processes with
/// `posix_spawn` where nothing is asked that needs more.
fn starts(effort: Effort, program: &Path, args: &[&str]) -> anyhow::Result<Latencies> {
    let mut latencies = Latencies::default();
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null());
    repeat(effort.seconds / 2.0, || {
        let status = latencies.time(|| command.status())?;
        ensure!(
            status.success(),
            "{} ended with {status}",
            program.display()
        );
        Ok(())
    })?;
    Ok(latencies)
}

/// The interpreter itself: what is on the path may be a script that looks for it.
fn real_python(python: &Path) -> anyhow::Result<std::path::PathBuf> {
    let mut ask = Command::new(python);
    let answer = ask
        .args(["-c", "import sys; print(sys.executable)"])
        .output()?;
    ensure!(answer.status.success(), "python3 does not run");
    Ok(String::from_utf8(answer.stdout)?.trim().into())
}
