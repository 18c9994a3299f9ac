//! What programs took that time themselves.

use anyhow::{Context, ensure};

/// What one run of a program took, and what it returned.
#[derive(Clone, Copy, Debug)]
pub struct Time {
    pub nanos: f64,
    pub result: f64,
}

impl Time {
    /// The best of what the driver printed.
    pub fn of_driver(lines: &str) -> anyhow::Result<Self> {
        let time = |line: &str| -> anyhow::Result<Self> {
            let (nanos, result) = line.split_once(' ').context("no result")?;
            Ok(Self {
                nanos: nanos.parse()?,
                result: result.parse()?,
            })
        };
        let times: Vec<_> = lines.lines().map(time).collect::<anyhow::Result<_>>()?;
        Self::best(times)
    }

    /// The shortest of those of a program, which must all have the same result.
    pub fn best(times: impl IntoIterator<Item = Self>) -> anyhow::Result<Self> {
        let mut times = times.into_iter();
        let mut best = times.next().context("nothing was measured")?;
        for time in times {
            let same = time.result.to_bits() == best.result.to_bits();
            ensure!(same, "results differ: {}, {}", time.result, best.result);
            if time.nanos < best.nanos {
                best = time;
            }
        }
        Ok(best)
    }

    pub fn millis(&self) -> f64 {
        self.nanos / 1e6
    }
}
