//! Starting processes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::ensure;

use crate::stats::{Latencies, repeat};

/// Starts a program over and over; each latency is from before its start until it has been
/// waited for. Rust's library starts processes with `posix_spawn` where nothing is asked that
/// needs more.
pub fn starts(
    seconds: f64,
    program: &Path,
    args: &[&str],
    latencies: &mut Latencies,
) -> anyhow::Result<()> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null());
    repeat(seconds, || {
        let status = latencies.time(|| command.status())?;
        ensure!(
            status.success(),
            "{} ended with {status}",
            program.display()
        );
        Ok(())
    })
}

/// The interpreter itself: what is on the path may be a script that looks for it.
pub fn real_python(python: &Path) -> anyhow::Result<PathBuf> {
    let mut ask = Command::new(python);
    let answer = ask
        .args(["-c", "import sys; print(sys.executable)"])
        .output()?;
    ensure!(answer.status.success(), "python3 does not run");
    Ok(String::from_utf8(answer.stdout)?.trim().into())
}
