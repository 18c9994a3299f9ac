//! A bucket of tokens, which fills at a steady rate.

use std::num::NonZeroU32;
use std::time::Instant;

/// What may be taken at once, which comes back as time passes.
#[derive(Debug)]
pub(super) struct Bucket {
    left: f64,
    at: Instant,
}

impl Bucket {
    /// A bucket with all that a second brings.
    pub(super) fn full(rate: NonZeroU32, now: Instant) -> Self {
        let left = f64::from(rate.get());
        Self { left, at: now }
    }

    /// Takes one, if there is one.
    pub(super) fn take(&mut self, rate: NonZeroU32, now: Instant) -> bool {
        let rate = f64::from(rate.get());
        let passed = now.saturating_duration_since(self.at);
        self.at = self.at.max(now);
        self.left = (self.left + passed.as_secs_f64() * rate).min(rate);
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_second_brings_as_many_as_the_rate_and_never_more_than_that_wait() {
        let rate = NonZeroU32::new(5).unwrap();
        let begun = Instant::now();
        let mut bucket = Bucket::full(rate, begun);
        let mut taken = |after_ms: u64| {
            let now = begun + Duration::from_millis(after_ms);
            let most = 0..20;
            most.take_while(|_| bucket.take(rate, now)).count()
        };
        assert_eq!(taken(0), 5);
        assert_eq!(taken(0), 0);
        assert_eq!(taken(201), 1);
        assert_eq!(taken(202), 0);
        assert_eq!(taken(100_000), 5);
    }
}
