//! Which of the times that the programs print are figures, and what they should be.

use anyhow::Context;

use super::Times;
use crate::report::{Figure, Report};
use crate::stats::geometric_mean;

const PEER: &str = "Open MPI";

/// A time, with the most that it should be of Open MPI's, with 2 ranks and with 8.
struct Wanted {
    what: &'static str,
    name: &'static str,
    goals: [Option<f64>; 2],
}

const THIRD: Option<f64> = Some(1.0 / 3.0);

const fn wanted(what: &'static str, name: &'static str, goals: [Option<f64>; 2]) -> Wanted {
    Wanted { what, name, goals }
}

const MICRO: [Wanted; 10] = [
    wanted("latency 8", "a message of 8 B", [Some(3.0), THIRD]),
    wanted("latency 65536", "a message of 64 KiB", [None, None]),
    wanted(
        "pairs 8",
        "a message of 8 B, all in pairs",
        [Some(3.0), THIRD],
    ),
    wanted("barrier 0", "barrier", [None, None]),
    wanted("bcast 1024", "broadcast of 1 KiB", [None, None]),
    wanted("bcast 65536", "broadcast of 64 KiB", [None, None]),
    wanted("allreduce 8", "allreduce of 8 B", [None, THIRD]),
    wanted("allreduce 1048576", "allreduce of 1 MiB", [None, None]),
    wanted("alltoall 1024", "alltoall of 1 KiB", [None, THIRD]),
    wanted("alltoall 16384", "alltoall of 16 KiB", [None, None]),
];

/// Of a stream of messages.
const STREAM: &str = "bandwidth 4194304";

/// Of each kernel with 2 ranks.
const KERNEL: f64 = 1.3;

/// Adds the figures of one of the programs. `theirs` is empty if there is no Open MPI.
pub fn add(
    report: &mut Report,
    program: &str,
    ranks: u32,
    ours: &Times,
    theirs: &Times,
) -> anyhow::Result<()> {
    match program {
        "micro" => add_micro(report, ranks, ours, theirs),
        _ => {
            add_kernels(report, ranks, ours, theirs);
            Ok(())
        }
    }
}

fn add_micro(report: &mut Report, ranks: u32, ours: &Times, theirs: &Times) -> anyhow::Result<()> {
    for Wanted { what, name, goals } in &MICRO {
        let time = ours.get(*what).with_context(|| format!("no {what}"))?;
        let theirs = theirs.get(*what).map(|nanos| nanos / 1e3);
        let figure = Figure::lower(format!("{name}, {ranks} ranks"), time / 1e3, "µs");
        let goal = goals[usize::from(ranks > 2)];
        report.add(figure.beside(PEER, theirs).ratio_goal(goal));
    }
    let time = ours.get(STREAM).context("no bandwidth")?;
    let rate = |nanos: &f64| f64::from(4 << 20) / nanos;
    let name = format!("messages of 4 MiB, {ranks} ranks");
    let figure = Figure::higher(name, rate(time), "GB/s");
    let figure = figure.beside(PEER, theirs.get(STREAM).map(rate));
    report.add(figure.ratio_goal((ranks == 2).then_some(1.0)));
    Ok(())
}

fn add_kernels(report: &mut Report, ranks: u32, ours: &Times, theirs: &Times) {
    let mut ratios = Vec::new();
    for (what, time) in ours {
        let name = what.split(' ').next().unwrap_or_default();
        let theirs = theirs.get(what);
        ratios.extend(theirs.map(|theirs| time / theirs));
        let figure = Figure::lower(format!("{name}, {ranks} ranks"), time / 1e6, "ms");
        let figure = figure.beside(PEER, theirs.map(|nanos| nanos / 1e6));
        report.add(figure.ratio_goal((ranks == 2).then_some(KERNEL)));
    }
    if !ratios.is_empty() {
        let name = format!("all kernels, {ranks} ranks, geometric mean");
        report.add(Figure::lower(name, geometric_mean(&ratios), "× Open MPI"));
    }
}
