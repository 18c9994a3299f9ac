//! What is counted about calls.

use dashmap::DashMap;
use faasm_model::{FailureKind, FunctionName, Outcome};
use metrics::{Counter, Histogram};

/// The metrics of calls. Looked up by name only once: every call passes here.
pub(crate) struct CallMetrics {
    queue_seconds: Histogram,
    run_seconds: Histogram,
    successes: DashMap<FunctionName, Counter>,
}

/// Functions whose counter is kept at hand.
const MAX_FUNCTIONS: usize = 10_000;

impl Default for CallMetrics {
    fn default() -> Self {
        Self {
            queue_seconds: metrics::histogram!("faasm_call_queue_seconds"),
            run_seconds: metrics::histogram!("faasm_call_run_seconds"),
            successes: DashMap::new(),
        }
    }
}

impl CallMetrics {
    /// Counts an ended call.
    pub(crate) fn ended(&self, function: &FunctionName, outcome: &Outcome) {
        match &outcome.failure {
            Some(failure) => failures(function, failure.kind).increment(1),
            None => self.succeeded(function),
        }
        let timings = outcome.timings;
        let seconds = |us: u64| us as f64 / 1e6;
        self.queue_seconds.record(seconds(timings.queued_us));
        self.run_seconds
            .record(seconds(timings.start_us + timings.run_us));
    }

    fn succeeded(&self, function: &FunctionName) {
        if let Some(counter) = self.successes.get(function) {
            return counter.increment(1);
        }
        let counter = counter(function, "success");
        counter.increment(1);
        if self.successes.len() < MAX_FUNCTIONS {
            self.successes.insert(function.clone(), counter);
        }
    }
}

fn failures(function: &FunctionName, kind: FailureKind) -> Counter {
    // A name that nobody uploaded must not become a label: anybody can make such calls.
    match kind {
        FailureKind::FunctionNotFound => metrics::counter!("faasm_calls_not_found_total"),
        kind => counter(function, kind.code()),
    }
}

fn counter(function: &FunctionName, outcome: &'static str) -> Counter {
    metrics::counter!(
        "faasm_calls_total",
        "user" => function.user.to_string(),
        "function" => function.function.to_string(),
        "outcome" => outcome,
    )
}
