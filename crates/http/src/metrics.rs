//! What is counted, and how it is shown.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use faasm_storage::Usage;
use metrics::{
    Counter, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

use crate::api::Api;
use crate::reply;

/// Bounds of histograms, in seconds.
const BUCKETS: [f64; 20] = [
    10e-6, 25e-6, 50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 100e-3,
    250e-3, 500e-3, 1.0, 2.5, 5.0, 10.0, 60.0,
];

/// Between two moments in which recorded values are sorted into buckets: until then they
/// are kept one by one.
const UPKEEP: Duration = Duration::from_secs(1);

const REQUESTS: &str = "faasm_http_requests_total";
/// Where they are shown.
pub(crate) const PATH: &str = "/metrics";

const SECONDS: &str = "faasm_http_request_seconds";

/// Metrics cannot be recorded in this process.
#[derive(Debug, thiserror::Error)]
#[error("cannot record metrics: {0}; `install_metrics` is called once in a process")]
pub struct MetricsError(#[from] BuildError);

/// Makes this process record metrics, from now on; to be called once, within a tokio
/// runtime, before anything that counts is made.
///
/// # Errors
/// [`MetricsError`] if the process records metrics already.
pub fn install_metrics() -> Result<PrometheusHandle, MetricsError> {
    let handle = PrometheusBuilder::new()
        .set_buckets(&BUCKETS)?
        .install_recorder()?;
    describe();
    let upkeep = handle.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            upkeep.run_upkeep();
        }
    });
    Ok(handle)
}

fn describe() {
    describe_counter!(REQUESTS, "Answered HTTP requests by route and status");
    describe_histogram!(
        SECONDS,
        Unit::Seconds,
        "Time from a request's head to its answer's"
    );
    describe_counter!(
        "faasm_calls_total",
        "Calls that ended, by kind of function, user, function and outcome"
    );
    describe_counter!(
        "faasm_calls_not_found_total",
        "Chained calls of functions that do not exist"
    );
    describe_histogram!(
        "faasm_call_queue_seconds",
        Unit::Seconds,
        "Time calls waited for a place"
    );
    describe_histogram!(
        "faasm_call_run_seconds",
        Unit::Seconds,
        "Time calls took to start and run"
    );
    describe_histogram!(
        "faasm_cold_start_seconds",
        Unit::Seconds,
        "Time Faaslets took to be made"
    );
    describe_gauge!("faasm_calls_running", "Calls in motion");
    describe_gauge!("faasm_calls_waiting", "Calls that wait for a place");
    describe_gauge!("faasm_calls_live", "Calls that have not ended");
    describe_gauge!("faasm_faaslets_live", "Faaslets alive");
    describe_gauge!(
        "faasm_memory_budget_bytes",
        Unit::Bytes,
        "The memory budget"
    );
    describe_gauge!(
        "faasm_memory_budget_used_bytes",
        Unit::Bytes,
        "What is taken of the memory budget"
    );
    describe_state();
    crate::quota::describe();
    describe_gauge!(
        "faasm_files",
        "Shared files, and directories of them that were made"
    );
    describe_gauge!(
        "faasm_file_bytes",
        Unit::Bytes,
        "The size of all shared files"
    );
}

fn describe_state() {
    describe_counter!(
        "faasm_state_commits_total",
        "Durable commits of the global tier"
    );
    describe_counter!(
        "faasm_state_pulled_bytes_total",
        Unit::Bytes,
        "State fetched from the global tier"
    );
    describe_counter!(
        "faasm_state_pushed_bytes_total",
        Unit::Bytes,
        "Changes of state brought to the global tier"
    );
    describe_gauge!("faasm_state_local_values", "Keys known to this worker");
    describe_gauge!(
        "faasm_state_local_bytes",
        Unit::Bytes,
        "State in this worker's memory"
    );
}

/// Counts the answers of one route.
pub(crate) struct Meter {
    route: String,
    /// At hand for the one status that matters for speed.
    ok: Counter,
    seconds: Histogram,
}

impl Meter {
    pub(crate) fn new(route: &str) -> Self {
        Self {
            ok: requests(route, StatusCode::OK),
            seconds: histogram!(SECONDS, "route" => route.to_owned()),
            route: route.to_owned(),
        }
    }

    pub(crate) fn route(&self) -> &str {
        &self.route
    }

    pub(crate) fn count(&self, status: StatusCode, took: Duration) {
        match status {
            StatusCode::OK => self.ok.increment(1),
            other => requests(&self.route, other).increment(1),
        }
        self.seconds.record(took);
    }
}

fn requests(route: &str, status: StatusCode) -> Counter {
    counter!(REQUESTS, "route" => route.to_owned(), "status" => status.as_str().to_owned())
}

/// The server's metrics in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "server", responses(
    (status = 200, description = "Prometheus' text format", content_type = "text/plain", body = String),
))]
pub(crate) async fn metrics(State(api): State<Api>) -> Response {
    const KIND: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4");
    api.calls.record_gauges();
    api.state.record_metrics();
    record_files(&api);
    reply::with(StatusCode::OK, KIND, api.metrics.render())
}

fn record_files(api: &Api) {
    let Usage { files, bytes } = api.storage.files().usage();
    gauge!("faasm_files").set(files as f64);
    gauge!("faasm_file_bytes").set(bytes as f64);
}
