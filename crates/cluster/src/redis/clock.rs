//! The server's clock, as it is known here.
//!
//! A worker that gives a change up must be sure that it is not made later: a server that
//! was stopped for a while would make it when it goes on, on top of newer ones. So every
//! script is told when its caller gives up, in the server's time, and does nothing then.

use std::time::Instant;

/// An answer of the server's `TIME`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    micros: u64,
    at: Instant,
}

impl Clock {
    /// The server said `micros`, and that was here at `at`: so its time is that or later.
    pub(super) fn new(micros: u64, at: Instant) -> Self {
        Self { micros, at }
    }

    /// What the server's clock surely shows now, in ms.
    pub(super) fn now_ms(&self) -> u64 {
        self.micros_at(Instant::now()) / 1_000
    }

    /// What the server's clock surely shows at `instant`, in µs.
    pub(super) fn micros_at(&self, instant: Instant) -> u64 {
        let passed = instant.saturating_duration_since(self.at).as_micros();
        self.micros
            .saturating_add(u64::try_from(passed).unwrap_or(u64::MAX))
    }
}
