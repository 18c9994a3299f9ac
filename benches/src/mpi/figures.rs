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

/// Of two ranks, each on a machine of its own.
const APART_PAIR: [Time<'_>; 3] = [
    ("latency 8", "a message of 8 B", Some(2.0)),
    ("latency 65536", "a message of 64 KiB", None),
    ("latency 4194304", "a message of 4 MiB", None),
];

/// Of half of the ranks on each of two machines.
const APART_ALL: [Time<'_>; 3] = [
    ("allreduce 8", "allreduce of 8 B", Some(1.5)),
    ("allreduce 65536", "allreduce of 64 KiB", None),
    ("allreduce 1048576", "allreduce of 1 MiB", Some(1.5)),
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
        let goal = goals[usize::from(ranks > 2)];
        add_time(report, ranks, (what, name, goal), ours, theirs)?;
    }
    add_stream(report, ranks, (ranks == 2).then_some(1.0), ours, theirs)
}

/// Adds the figures of ranks on two machines.
pub fn add_apart(
    report: &mut Report,
    ranks: u32,
    ours: &Times,
    theirs: &Times,
) -> anyhow::Result<()> {
    let wanted = if ranks == 2 { &APART_PAIR } else { &APART_ALL };
    for time in wanted {
        add_time(report, ranks, *time, ours, theirs)?;
    }
    match ranks {
        2 => add_stream(report, ranks, Some(0.7), ours, theirs),
        _ => Ok(()),
    }
}

/// What is measured, its name, and the most that it should be of Open MPI's.
type Time<'a> = (&'a str, &'a str, Option<f64>);

fn add_time(
    report: &mut Report,
    ranks: u32,
    (what, name, goal): Time<'_>,
    ours: &Times,
    theirs: &Times,
) -> anyhow::Result<()> {
    let time = ours.get(what).with_context(|| format!("no {what}"))?;
    let theirs = theirs.get(what).map(|nanos| nanos / 1e3);
    let figure = Figure::lower(format!("{name}, {ranks} ranks"), time / 1e3, "µs");
    report.add(figure.beside(PEER, theirs).ratio_goal(goal));
    Ok(())
}

fn add_stream(
    report: &mut Report,
    ranks: u32,
    goal: Option<f64>,
    ours: &Times,
    theirs: &Times,
) -> anyhow::Result<()> {
    let time = ours.get(STREAM).context("no bandwidth")?;
    let rate = |nanos: &f64| f64::from(4 << 20) / nanos;
    let name = format!("messages of 4 MiB, {ranks} ranks");
    let figure = Figure::higher(name, rate(time), "GB/s");
    let figure = figure.beside(PEER, theirs.get(STREAM).map(rate));
    report.add(figure.ratio_goal(goal));
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
