//! What an operator can set about calls.

use std::time::Duration;

/// Settings of [`crate::Calls`].
#[derive(Clone, Debug)]
pub struct Options {
    /// Most calls in motion at a time, that is, started and not waiting for callees.
    pub max_running: u32,
    /// Most Faaslets alive at a time, running or waiting for callees.
    pub max_faaslets: u32,
    /// Most calls of one user that wait for a place; synchronous and asynchronous ones
    /// are counted apart.
    pub max_queued: usize,
    /// Deepest nesting of chained calls below a root call.
    pub max_chain_depth: u32,
    /// Most chained calls below one root call.
    pub max_chained_calls: u64,
    /// How often an asynchronous call is begun before it counts as failed.
    pub max_attempts: u32,
    /// How long results of asynchronous calls are kept.
    pub result_ttl: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_running: 2_048,
            max_faaslets: 8_192,
            max_queued: 10_000,
            max_chain_depth: 64,
            max_chained_calls: 100_000,
            max_attempts: 3,
            result_ttl: Duration::from_secs(24 * 3600),
        }
    }
}
