//! Calls in JSON.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use faasm_model::{
    CallId, CallStatus, CallSummary, Failure, FinishedCall, FunctionName, Name, Outcome, Timings,
};
use serde::Serialize;
use utoipa::ToSchema;

/// A call with what it left behind. Bytes that are not UTF-8 are given twice: as text with
/// replacement characters, and exactly in base64.
#[derive(Serialize, ToSchema)]
#[schema(as = Call)]
pub(crate) struct CallView<'a> {
    /// The call.
    #[schema(value_type = u64)]
    id: CallId,
    /// The owner of what it runs.
    #[schema(value_type = String)]
    user: &'a Name,
    /// The name of what it runs.
    #[schema(value_type = String)]
    function: &'a Name,
    /// RUNNING, SUCCESS or FAILED.
    #[schema(value_type = String)]
    status: CallStatus,
    /// When it was accepted, in milliseconds since 1970.
    accepted_at_ms: u64,
    /// When it ended, in milliseconds since 1970.
    finished_at_ms: Option<u64>,
    /// What `main` returned or `exit` was given; -1 when it did not get there.
    return_value: Option<i32>,
    #[serde(flatten)]
    #[schema(inline)]
    end: Option<EndView<'a>>,
}

/// What only an ended call has.
#[derive(Serialize, ToSchema)]
struct EndView<'a> {
    /// The output data.
    #[schema(value_type = String)]
    output_data: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_data_base64: Option<String>,
    /// Captured standard output.
    #[schema(value_type = String)]
    stdout: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stdout_base64: Option<String>,
    /// Captured standard error.
    #[schema(value_type = String)]
    stderr: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stderr_base64: Option<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<ReasonView<'a>>,
    /// Where its time went.
    #[schema(value_type = TimingsView)]
    timings: Timings,
}

/// Why a call failed.
#[derive(Serialize, ToSchema)]
#[schema(as = Reason)]
struct ReasonView<'a> {
    /// The class of failure, as a stable code.
    #[schema(value_type = String)]
    code: &'static str,
    /// What happened, with the backtrace where there is one.
    #[schema(value_type = String)]
    message: &'a str,
}

/// Where a call's time went, in microseconds.
#[derive(ToSchema)]
#[schema(as = Timings)]
#[expect(
    dead_code,
    reason = "documents Timings, which knows nothing of OpenAPI"
)]
struct TimingsView {
    /// Waiting for a place to run.
    queued_us: u64,
    /// Making the Faaslet.
    start_us: u64,
    /// Running the function.
    run_us: u64,
}

impl<'a> CallView<'a> {
    pub(crate) fn running(call: &'a CallSummary) -> Self {
        let FunctionName { user, function } = &call.function;
        Self {
            id: call.id,
            user,
            function,
            status: call.status,
            accepted_at_ms: call.accepted_at_ms,
            finished_at_ms: call.finished_at_ms,
            return_value: call.return_value,
            end: None,
        }
    }

    pub(crate) fn ended(call: &'a FinishedCall) -> Self {
        let FunctionName { user, function } = &call.function;
        Self {
            id: call.id,
            user,
            function,
            status: match call.outcome.is_success() {
                true => CallStatus::Success,
                false => CallStatus::Failed,
            },
            accepted_at_ms: call.accepted_at_ms,
            finished_at_ms: Some(call.finished_at_ms),
            return_value: Some(call.outcome.return_value),
            end: Some(EndView::new(&call.outcome)),
        }
    }
}

impl<'a> EndView<'a> {
    fn new(outcome: &'a Outcome) -> Self {
        let (output_data, output_data_base64) = text(&outcome.output);
        let (stdout, stdout_base64) = text(&outcome.stdout);
        let (stderr, stderr_base64) = text(&outcome.stderr);
        let reason = |failure: &'a Failure| ReasonView {
            code: failure.kind.code(),
            message: &failure.message,
        };
        Self {
            output_data,
            output_data_base64,
            stdout,
            stdout_base64,
            stderr,
            stderr_base64,
            reason: outcome.failure.as_ref().map(reason),
            timings: outcome.timings,
        }
    }
}

/// A line of a list of calls.
#[derive(Serialize, ToSchema)]
#[schema(as = CallSummary)]
pub(crate) struct CallLine<'a>(#[schema(inline)] CallView<'a>);

impl<'a> From<&'a CallSummary> for CallLine<'a> {
    fn from(call: &'a CallSummary) -> Self {
        Self(CallView::running(call))
    }
}

fn text(bytes: &[u8]) -> (Cow<'_, str>, Option<String>) {
    let text = String::from_utf8_lossy(bytes);
    let exact = matches!(text, Cow::Owned(_)).then(|| STANDARD.encode(bytes));
    (text, exact)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_text_are_given_exactly_as_well() {
        assert_eq!(text(b"plain"), ("plain".into(), None));
        assert_eq!(text(b"\xff\0"), ("\u{fffd}\0".into(), Some("/wA=".into())));
    }
}
