//! Latencies and their percentiles.

use std::time::{Duration, Instant};

/// Latencies of one kind of operation.
#[derive(Default)]
pub struct Latencies(Vec<u64>);

impl Latencies {
    pub fn add(&mut self, taken: Duration) {
        self.0
            .push(u64::try_from(taken.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Times one operation.
    pub fn time<T>(&mut self, operation: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let value = operation();
        self.add(begun.elapsed());
        value
    }

    /// The latency, in microseconds, that this share of the operations stays within.
    pub fn us(&mut self, share: f64) -> f64 {
        self.0.sort_unstable();
        let last = self.0.len().saturating_sub(1) as f64;
        let nanos = self.0.get((last * share) as usize).copied().unwrap_or(0);
        nanos as f64 / 1000.0
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }
}

/// Runs `operation` in batches for about `seconds`, or until it fails.
pub fn repeat<E>(seconds: f64, mut operation: impl FnMut() -> Result<(), E>) -> Result<(), E> {
    let begun = Instant::now();
    while begun.elapsed().as_secs_f64() < seconds {
        for _ in 0..16 {
            operation()?;
        }
    }
    Ok(())
}

/// Runs `a` and `b` in turn, so that both see the same moods of the machine.
pub fn alternate(
    seconds: f64,
    mut a: impl FnMut(f64) -> anyhow::Result<()>,
    mut b: impl FnMut(f64) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    const ROUNDS: u32 = 10;
    for _ in 0..ROUNDS {
        a(seconds / f64::from(ROUNDS))?;
        b(seconds / f64::from(ROUNDS))?;
    }
    Ok(())
}

/// Of ratios; no number if there are none.
pub fn geometric_mean(values: &[f64]) -> f64 {
    let logs: f64 = values.iter().map(|value| value.ln()).sum();
    (logs / values.len() as f64).exp()
}
