//! What is counted about calls.

use dashmap::DashMap;
use faasm_model::{FailureKind, FunctionName, Invocation, Outcome};
use metrics::{Counter, Histogram};

/// The metrics of calls. Looked up by name only once: every call passes here.
pub(crate) struct CallMetrics {
    queue_seconds: Histogram,
    run_seconds: Histogram,
    successes: Successes,
    python_successes: Successes,
}

/// The counters of the successes of functions of one kind: a module and a Python file can have
/// the same name.
type Successes = DashMap<FunctionName, Counter>;

/// Functions of a kind whose counter is kept at hand.
const MAX_FUNCTIONS: usize = 10_000;

impl Default for CallMetrics {
    fn default() -> Self {
        Self {
            queue_seconds: metrics::histogram!("faasm_call_queue_seconds"),
            run_seconds: metrics::histogram!("faasm_call_run_seconds"),
            successes: Successes::new(),
            python_successes: Successes::new(),
        }
    }
}

impl CallMetrics {
    /// Counts an ended call.
    pub(crate) fn ended(&self, call: &Invocation, outcome: &Outcome) {
        match &outcome.failure {
            Some(failure) => failures(call, failure.kind).increment(1),
            None => self.succeeded(call),
        }
        let timings = outcome.timings;
        let seconds = |us: u64| us as f64 / 1e6;
        self.queue_seconds.record(seconds(timings.queued_us));
        self.run_seconds
            .record(seconds(timings.start_us + timings.run_us));
    }

    fn succeeded(&self, call: &Invocation) {
        let successes = match call.target.is_python() {
            false => &self.successes,
            true => &self.python_successes,
        };
        if let Some(counter) = successes.get(&call.function) {
            return counter.increment(1);
        }
        let counter = counter(call, "success");
        counter.increment(1);
        if successes.len() < MAX_FUNCTIONS {
            successes.insert(call.function.clone(), counter);
        }
    }
}

fn failures(call: &Invocation, kind: FailureKind) -> Counter {
    // A name that nobody uploaded must not become a label: anybody can make such calls.
    match kind {
        FailureKind::FunctionNotFound => metrics::counter!("faasm_calls_not_found_total"),
        kind => counter(call, kind.code()),
    }
}

fn counter(call: &Invocation, outcome: &'static str) -> Counter {
    let kind = match call.target.is_python() {
        false => "wasm",
        true => "python",
    };
    metrics::counter!(
        "faasm_calls_total",
        "kind" => kind,
        "user" => call.function.user.to_string(),
        "function" => call.function.function.to_string(),
        "outcome" => outcome,
    )
}
