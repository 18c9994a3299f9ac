//! What a call writes: standard output, standard error, output data.

use bytes::Bytes;

use crate::stop::Stop;
use faasm_budget::Charge;

/// The captured bytes of a call, bounded together.
pub(crate) struct Captured {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) output: Bytes,
    limit: u64,
    charged: u64,
    charge: Charge,
}

/// The budget is charged in steps of so many bytes.
const STEP: u64 = 64 << 10;

/// A stream that is captured.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

impl Captured {
    pub(crate) fn new(limit: u64, charge: Charge) -> Self {
        Self {
            stdout: Vec::new(),
            stderr: Vec::new(),
            output: Bytes::new(),
            limit,
            charged: 0,
            charge,
        }
    }

    /// Makes sure that `more` bytes beside what is there are within the limits.
    pub(crate) fn admit(&mut self, more: u64) -> Result<(), Stop> {
        let there = self.stdout.len() + self.stderr.len() + self.output.len();
        let total = (there as u64).saturating_add(more);
        if total > self.limit {
            let limit = self.limit;
            return Err(Stop::Output { limit });
        }
        if total > self.charged {
            let step = (total - self.charged).next_multiple_of(STEP);
            if !self.charge.grow(step) {
                return Err(Stop::NoMemoryForOutput(self.charge.used_up(step)));
            }
            self.charged += step;
        }
        Ok(())
    }

    /// Appends to a stream what [`Self::admit`] has admitted.
    pub(crate) fn push(&mut self, stream: Stream, bytes: &[u8]) {
        match stream {
            Stream::Stdout => self.stdout.extend_from_slice(bytes),
            Stream::Stderr => self.stderr.extend_from_slice(bytes),
        }
    }

    /// Replaces the output data: the last write wins.
    pub(crate) fn set_output(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.output = Bytes::new();
        self.admit(bytes.len() as u64)?;
        self.output = Bytes::copy_from_slice(bytes);
        Ok(())
    }

    /// The charge, for whoever keeps the bytes.
    pub(crate) fn take_charge(&mut self) -> Charge {
        self.charge.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use faasm_budget::MemoryBudget;

    #[test]
    fn the_streams_and_the_output_share_one_limit() {
        let budget = MemoryBudget::new(1 << 20);
        let mut captured = Captured::new(10, budget.charge());
        captured.admit(4).unwrap();
        captured.push(Stream::Stdout, b"abcd");
        captured.set_output(b"123456").unwrap();
        assert!(matches!(captured.admit(1), Err(Stop::Output { limit: 10 })));
        captured.set_output(b"1").unwrap();
        captured.admit(5).unwrap();
    }

    #[test]
    fn an_exhausted_budget_ends_the_capture() {
        let budget = MemoryBudget::new(STEP);
        let mut captured = Captured::new(1 << 30, budget.charge());
        captured.admit(STEP).unwrap();
        captured.push(Stream::Stderr, &vec![0; STEP as usize]);
        assert!(matches!(captured.admit(1), Err(Stop::NoMemoryForOutput(_))));
    }
}
