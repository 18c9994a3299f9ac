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
/// Percent that Faasm's paper saved against containers: of time, bytes moved and memory.
const GOAL: [i32; 3] = [-60, -70, -90];

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

pub async fn run() -> anyhow::Result<()> {
    let mut trainer = Trainer::prepare().await?;
    let examples = trainer.examples().await?;
    let mut ours = Trained::default();
    let mut theirs = EXCHANGES.map(|_| Trained::default());
    // In turn, and the fastest of each: the machine is shared.
    for measure in ROUNDS {
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
    print(&ours, &theirs);
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

    fn print(&self, who: &str) {
        let ([time, processor, moved, memory], loss) = (self.figures(), self.mean_loss());
        println!(
            "    {who:24} {time:6.2} s {processor:6.2} s {moved:8.0} MiB {memory:8.0} MiB {loss:7.3}"
        );
    }
}

fn print(ours: &Trained, theirs: &[Trained]) {
    println!("  SGD: {WORKERS} workers, {EXAMPLES} examples, {FEATURES} weights, {EPOCHS} epochs");
    println!("                                 time processor        moved  peak memory    loss");
    ours.print("Faaslets sharing weights");
    for (trained, exchanges) in theirs.iter().zip(EXCHANGES) {
        trained.print(&format!("processes, {exchanges} exchanges"));
    }
    // Of the fall, not of the loss: nobody gets far below the loss of no training at all.
    let learnt = |trained: &Trained| UNTRAINED - trained.mean_loss();
    let enough = |(trained, _): &(&Trained, u32)| learnt(trained) >= ENOUGH * learnt(ours);
    match theirs.iter().zip(EXCHANGES).find(enough) {
        None => println!("    VOID: the processes learnt less than {ENOUGH} of what Faaslets did"),
        Some((peer, exchanges)) => {
            let (ours, theirs) = (ours.figures(), peer.figures());
            let change = |figure: usize| (ours[figure] / theirs[figure] - 1.0) * 100.0;
            let [time, processor, moved, memory] = [0, 1, 2, 3].map(change);
            let who = format!("faasm / {exchanges} exchanges");
            println!(
                "    {who:24} {time:+6.0} % {processor:+6.0} % {moved:+10.0} % {memory:+10.0} %"
            );
            let [time, moved, memory] = GOAL;
            println!(
                "    {:24} {time:+6} % {:8} {moved:+10} % {memory:+10} %",
                "goal", ""
            );
        }
    }
    println!("    compared with the fewest exchanges an epoch that learn {ENOUGH} as much");
    println!("    moved: between the tiers; to and from Redis");
    println!("    memory: of the server; of the processes and Redis (Pss and memory files)");
    println!("    loss: on new examples, {UNTRAINED:.3} untrained");
}
