//! What is counted about calls.

use std::time::Duration;

use faasm_model::{FunctionName, Outcome};

/// Counts an ended call.
pub(crate) fn ended(function: &FunctionName, outcome: &Outcome) {
    let code = outcome
        .failure
        .as_ref()
        .map_or("success", |f| f.kind.code());
    metrics::counter!(
        "faasm_calls_total",
        "user" => function.user.to_string(),
        "function" => function.function.to_string(),
        "outcome" => code,
    )
    .increment(1);
    let timings = outcome.timings;
    let seconds = |us: u64| Duration::from_micros(us).as_secs_f64();
    metrics::histogram!("faasm_call_queue_seconds").record(seconds(timings.queued_us));
    metrics::histogram!("faasm_call_run_seconds")
        .record(seconds(timings.start_us + timings.run_us));
}
