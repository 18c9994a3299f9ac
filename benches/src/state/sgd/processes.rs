//! Training by processes: each fetches its examples and keeps a copy of the weights, as
//! containers do.
//!
//! They train as the example program's workers do, in the same order and with the same
//! arithmetic. Several times an epoch each adds what it has learnt to the weights in Redis
//! and takes what the others did. One at a time: Redis cannot add to an array of numbers, and whoever
//! writes over another's changes undoes the work of thousands of examples. If they exchange
//! seldom, what frequent features learn adds up from all processes before any of them
//! notices, and the loss is higher.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;

use super::memory::Sampler;
use super::{Cost, EPOCHS, EXAMPLES, FEATURES, Measure, WORKERS, processor};
use crate::state::redis::{Client, Redis};

/// As in the example program.
const ENTRIES_EACH: usize = 32;
const FIRST_RATE: f32 = 0.02;

/// Bytes fetched at a time, so that Redis need not hold a second copy for each process.
const PIECE: usize = 1 << 20;

/// All examples, as the example program keeps them.
#[derive(Clone)]
pub struct Examples {
    pub entries: Bytes,
    pub labels: Bytes,
}

struct Entry {
    feature: u32,
    value: f32,
}

/// What training cost, and the weights it ended with.
pub fn train(
    examples: &Examples,
    exchanges: u32,
    measure: Measure,
) -> anyhow::Result<(Cost, Vec<u8>)> {
    let redis = Redis::start()?;
    let mut client = redis.client()?;
    client.command(&[b"SET", b"entries", &examples.entries])?;
    client.command(&[b"SET", b"labels", &examples.labels])?;
    client.command(&[b"SET", b"weights", &vec![0; FEATURES as usize * 4]])?;
    client.command(&[b"RPUSH", b"turn", b"yours"])?;

    let loading = processor::time(redis.pid())?;
    let begun = Instant::now();
    let workers: Vec<Child> = (0..WORKERS)
        .map(|index| start(redis.port, index, exchanges))
        .collect::<anyhow::Result<_>>()?;
    let pids = workers.iter().map(Child::id).chain([redis.pid()]);
    let memory = Sampler::start_for(measure, pids);
    let (mut moved, mut processor) = (0, Duration::ZERO);
    for worker in workers {
        let output = worker.wait_with_output()?;
        ensure!(output.status.success(), "a worker failed");
        let text = String::from_utf8(output.stdout)?;
        let (bytes, millis) = text
            .trim()
            .split_once(' ')
            .context("a worker said little")?;
        moved += bytes.parse::<u64>()?;
        processor += Duration::from_millis(millis.parse()?);
    }
    let cost = Cost {
        time: begun.elapsed(),
        processor: processor + processor::time(redis.pid())? - loading,
        moved,
        peak_memory: memory.map(Sampler::peak),
    };
    Ok((cost, client.command(&[b"GET", b"weights"])?))
}

fn start(port: u16, index: u32, exchanges: u32) -> anyhow::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("sgd-worker").arg(port.to_string());
    command.args([index, exchanges].map(|number| number.to_string()));
    command.stdout(Stdio::piped());
    command.spawn().context("cannot start a worker")
}

/// One of the processes: trains its part, and prints how many bytes it moved and how many
/// milliseconds of a processor it took.
pub fn worker(port: u16, index: u32, exchanges: u32) -> anyhow::Result<()> {
    let mut redis = Client::connect(port)?;
    let trained = EXAMPLES - EXAMPLES / 10;
    let share = |index| (trained * index / WORKERS) as usize;
    let (first, end) = (share(index), share(index + 1));
    let entries: Vec<Entry> = fetch(
        &mut redis,
        b"entries",
        first * ENTRIES_EACH,
        end * ENTRIES_EACH,
        entry,
    )?;
    let labels: Vec<f32> = fetch(&mut redis, b"labels", first, end, f32::from_le_bytes)?;
    let (entries, _) = entries.as_chunks::<ENTRIES_EACH>();

    let (count, exchanges) = (labels.len(), exchanges as usize);
    let mut weights = Weights::fetch(&mut redis)?;
    for epoch in 0..EPOCHS {
        let rate = FIRST_RATE / (1 + epoch) as f32;
        for turn in 0..exchanges {
            let batch = count * turn / exchanges..count * (turn + 1) / exchanges;
            learn(
                &mut weights.mine,
                &entries[batch.clone()],
                &labels[batch],
                rate,
            );
            weights.exchange(&mut redis)?;
        }
    }
    let processor = processor::time(std::process::id())?;
    println!("{} {}", redis.moved, processor.as_millis());
    Ok(())
}

/// The elements of an array from `first` on, before `end`.
fn fetch<const SIZE: usize, T>(
    redis: &mut Client,
    key: &[u8],
    first: usize,
    end: usize,
    decode: fn([u8; SIZE]) -> T,
) -> anyhow::Result<Vec<T>> {
    let mut elements = Vec::with_capacity(end - first);
    let end = end * SIZE;
    for start in (first * SIZE..end).step_by(PIECE) {
        let last = end.min(start + PIECE) - 1;
        let range = [start.to_string(), last.to_string()];
        let bytes = redis.command(&[b"GETRANGE", key, range[0].as_bytes(), range[1].as_bytes()])?;
        elements.extend(bytes.as_chunks().0.iter().copied().map(decode));
    }
    Ok(elements)
}

fn entry([a, b, c, d, rest @ ..]: [u8; 8]) -> Entry {
    Entry {
        feature: u32::from_le_bytes([a, b, c, d]),
        value: f32::from_le_bytes(rest),
    }
}

fn learn(weights: &mut [f32], examples: &[[Entry; ENTRIES_EACH]], labels: &[f32], rate: f32) {
    for (entries, label) in examples.iter().zip(labels) {
        let mut margin = 0.0;
        for entry in entries {
            margin += weights[entry.feature as usize] * entry.value;
        }
        let error = 1.0 / (1.0 + (label * margin).exp());
        let step = rate * label * error;
        for entry in entries {
            weights[entry.feature as usize] += step * entry.value;
        }
    }
}

/// A process's copy.
struct Weights {
    mine: Vec<f32>,
    /// What they were when they were last exchanged.
    exchanged: Vec<f32>,
}

impl Weights {
    fn fetch(redis: &mut Client) -> anyhow::Result<Self> {
        let mine = fetch(redis, b"weights", 0, FEATURES as usize, f32::from_le_bytes)?;
        let exchanged = mine.clone();
        Ok(Self { mine, exchanged })
    }

    /// Adds what was learnt here to the weights in Redis, and takes the sum.
    fn exchange(&mut self, redis: &mut Client) -> anyhow::Result<()> {
        redis.command(&[b"BLMOVE", b"turn", b"taken", b"LEFT", b"LEFT", b"0"])?;
        let mut bytes = redis.command(&[b"GET", b"weights"])?;
        let theirs = bytes.as_chunks_mut().0.iter_mut();
        let ours = self.mine.iter_mut().zip(&mut self.exchanged);
        for (theirs, (mine, exchanged)) in theirs.zip(ours) {
            let sum = f32::from_le_bytes(*theirs) + (*mine - *exchanged);
            (*mine, *exchanged, *theirs) = (sum, sum, sum.to_le_bytes());
        }
        redis.command(&[b"SET", b"weights", &bytes])?;
        redis.command(&[b"LMOVE", b"taken", b"turn", b"LEFT", b"LEFT"])?;
        Ok(())
    }
}
