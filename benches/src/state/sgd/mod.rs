//! SGD by Faaslets that share mapped weights, against native processes that each keep a
//! copy and exchange through Redis.
//!
//! Both sides begin with the same examples, and with weights of zero, in the global tier or
//! in Redis, and with nothing in the workers. Measured is from there to the last worker's end.
//! Redis writes nothing to a disk; what the Faaslets learn is durable after every epoch.

mod faaslets;
mod memory;
mod processes;
mod processor;

use std::time::Duration;

use crate::effort::Effort;
use crate::report::{Figure, Report, number};
use crate::tools;
use faaslets::Trainer;

pub use processes::worker;

/// Processes or Faaslets that train.
const WORKERS: u32 = 8;
/// Of 32 entries each, 77 MB in all.
const EXAMPLES: u32 = 300_000;
/// Each with a weight of 4 bytes. With many more, so few examples would teach little, and
/// any two losses would look alike.
const FEATURES: u32 = 65_536;
const EPOCHS: u32 = 20;

/// Times an epoch that a process exchanges weights.
const EXCHANGES: [u32; 3] = [4, 8, 16];
/// Looking at the memory of processes takes their time: that has a round of its own.
const ROUNDS: [Measure; 4] = [Measure::Memory, Measure::Time, Measure::Time, Measure::Time];

/// The loss of weights that are zero, which call every example even.
const UNTRAINED: f64 = std::f64::consts::LN_2;
/// How much of what the Faaslets learn the processes must learn, to be compared with them.
const ENOUGH: f64 = 0.9;
/// What Faasm's paper had of what containers took: of time, bytes moved and memory.
const GOALS: [f64; 3] = [0.4, 0.3, 0.1];

#[derive(Clone, Copy, PartialEq)]
enum Measure {
    Time,
    Memory,
}

/// What training took.
struct Cost {
    time: Duration,
    processor: Duration,
    /// Between the tiers, or between the processes and Redis.
    moved: u64,
    /// The most that all processes of a side had at a time, if that was measured, and not
    /// the time.
    peak_memory: Option<u64>,
}

/// The trainings of one kind, and the loss of each on examples that it has not seen.
#[derive(Default)]
struct Trained(Vec<(Cost, f64)>);

pub async fn run(report: &mut Report, effort: Effort) -> anyhow::Result<()> {
    // Found to be missing before.
    if tools::REDIS.find().is_err() {
        return Ok(());
    }
    let mut trainer = Trainer::prepare().await?;
    let examples = trainer.examples().await?;
    let mut ours = Trained::default();
    let mut theirs = EXCHANGES.map(|_| Trained::default());
    // In turn, and the fastest of each: the machine is shared.
    let rounds = if effort.quick { 2 } else { ROUNDS.len() };
    for &measure in &ROUNDS[..rounds] {
        trainer.begin_anew().await?;
        let cost = trainer.train(measure).await?;
        ours.0.push((cost, trainer.loss().await?));
        for (trained, exchanges) in theirs.iter_mut().zip(EXCHANGES) {
            let examples = examples.clone();
            let train = move || processes::train(&examples, exchanges, measure);
            let (cost, weights) = tokio::task::spawn_blocking(train).await??;
            // Judged by the same program.
            trainer.set_weights(weights).await?;
            trained.0.push((cost, trainer.loss().await?));
        }
    }
    add(report, &ours, &theirs);
    Ok(())
}

impl Trained {
    /// Seconds, seconds of a processor, MiB moved and MiB of memory.
    fn figures(&self) -> [f64; 4] {
        let costs = || self.0.iter().map(|(cost, _)| cost);
        let timed = || costs().filter(|cost| cost.peak_memory.is_none());
        let seconds = |times: Option<Duration>| times.unwrap_or_default().as_secs_f64();
        let mib = |bytes: Option<u64>| bytes.unwrap_or_default() as f64 / f64::from(1 << 20);
        [
            seconds(timed().map(|cost| cost.time).min()),
            seconds(timed().map(|cost| cost.processor).min()),
            mib(costs().map(|cost| cost.moved).max()),
            mib(costs().filter_map(|cost| cost.peak_memory).max()),
        ]
    }

    fn mean_loss(&self) -> f64 {
        self.0.iter().map(|(_, loss)| loss).sum::<f64>() / self.0.len() as f64
    }

    /// In a line, for who is not compared with.
    fn summary(&self) -> String {
        let [time, processor, moved, memory] = self.figures().map(number);
        let loss = self.mean_loss();
        format!(
            "{time} s, {processor} s of a processor, {moved} MiB moved, {memory} MiB of memory, \
             loss {loss:.3}"
        )
    }
}

fn add(report: &mut Report, ours: &Trained, theirs: &[Trained]) {
    report.note(format!(
        "SGD: {WORKERS} workers, {EXAMPLES} examples, {FEATURES} weights, {EPOCHS} epochs; \
         loss on new examples, {UNTRAINED:.3} untrained"
    ));
    report.note("moved: between the tiers; to and from Redis");
    report.note("memory: of the server; of the processes and Redis (Pss and memory files)");
    report.note(format!("Faaslets: {}", ours.summary()));
    for (trained, exchanges) in theirs.iter().zip(EXCHANGES) {
        report.note(format!(
            "processes, {exchanges} exchanges an epoch: {}",
            trained.summary()
        ));
    }
    // Of the fall, not of the loss: nobody gets far below the loss of no training at all.
    let learnt = |trained: &Trained| UNTRAINED - trained.mean_loss();
    let enough = |trained: &&Trained| learnt(trained) >= ENOUGH * learnt(ours);
    let Some(peer) = theirs.iter().find(enough) else {
        report.note(format!(
            "SGD is VOID: the processes learnt less than {ENOUGH} of what Faaslets did"
        ));
        return;
    };
    report.note(format!(
        "compared with the fewest exchanges an epoch that learn {ENOUGH} as much"
    ));
    let (ours, theirs) = (ours.figures(), peer.figures());
    let [time, moved, memory] = GOALS.map(Some);
    let names = ["time", "processor time", "bytes moved", "peak memory"];
    let units = ["s", "s", "MiB", "MiB"];
    let goals = [time, None, moved, memory];
    for (index, goal) in goals.into_iter().enumerate() {
        let figure = Figure::lower(format!("SGD, {}", names[index]), ours[index], units[index]);
        let figure = figure.beside("processes and Redis", theirs[index]);
        report.add(figure.ratio_goal(goal));
    }
}
