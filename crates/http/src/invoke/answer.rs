//! Ended calls as answers.

use axum::body::Bytes;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use faasm_calls::CallState;
use faasm_model::{CallStatus, FailureKind, FinishedCall};

use super::parts::Parts;
use super::view::CallView;
use crate::error::{ApiError, one_line};
use crate::reply;

const CALL_ID: HeaderName = HeaderName::from_static("faasm-call-id");
const RETURN_VALUE: HeaderName = HeaderName::from_static("faasm-return-value");
const STDOUT_LENGTH: HeaderName = HeaderName::from_static("faasm-stdout-length");

/// Longest reason, in characters: a backtrace has its place in it.
const MAX_REASON: usize = 16_000;

/// What a client that waited for the call is answered.
pub(crate) fn sync(call: &FinishedCall, json: bool) -> Result<Response, ApiError> {
    let kind = call.outcome.failure.as_ref().map(|failure| failure.kind);
    let status = kind.map_or(StatusCode::OK, status_of);
    let mut response = match json {
        true => reply::json_with(status, &CallView::ended(call))?,
        false => bytes(status, pieces(call)),
    };
    let headers = response.headers_mut();
    headers.insert(CALL_ID, call.id.get().into());
    headers.insert(RETURN_VALUE, call.outcome.return_value.into());
    headers.insert(STDOUT_LENGTH, call.outcome.stdout.len().into());
    if let Some(FailureKind::Overloaded | FailureKind::StorageUnavailable) = kind {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    Ok(response)
}

/// How a call stands, for who asks.
pub(crate) fn state(state: &CallState, json: bool) -> Result<Response, ApiError> {
    match (state, json) {
        (CallState::Running(summary), true) => reply::json(&CallView::running(summary)),
        (CallState::Running(_), false) => Ok(reply::text(CallStatus::Running.as_str())),
        (CallState::Finished(call), true) => reply::json(&CallView::ended(call)),
        (CallState::Finished(call), false) => {
            let word = match call.outcome.is_success() {
                true => "SUCCESS: ",
                false => "FAILED: ",
            };
            let mut pieces = pieces(call);
            pieces.insert(0, Bytes::from_static(word.as_bytes()));
            Ok(bytes(StatusCode::OK, pieces))
        }
    }
}

/// stdout, output, and the reason of a failure on a line of its own.
fn pieces(call: &FinishedCall) -> Vec<Bytes> {
    let outcome = &call.outcome;
    let mut pieces = Vec::with_capacity(4);
    pieces.extend([outcome.stdout.clone(), outcome.output.clone()]);
    if let Some(failure) = &outcome.failure {
        let last = pieces.iter().rfind(|piece| !piece.is_empty());
        let newline = if last.is_none_or(|last| last.ends_with(b"\n")) {
            ""
        } else {
            "\n"
        };
        let (id, function, code) = (call.id, &call.function, failure.kind.code());
        let message = one_line(&failure.message, MAX_REASON);
        let reason = format!("{newline}call {id} of {function} failed: {code}: {message}\n");
        pieces.push(reason.into());
    }
    pieces
}

fn bytes(status: StatusCode, pieces: Vec<Bytes>) -> Response {
    let kind = match pieces
        .iter()
        .all(|piece| std::str::from_utf8(piece).is_ok())
    {
        true => reply::TEXT,
        false => reply::BYTES,
    };
    reply::with(status, kind, Parts::body(pieces))
}

fn status_of(kind: FailureKind) -> StatusCode {
    match kind {
        FailureKind::TimeLimit => StatusCode::GATEWAY_TIMEOUT,
        FailureKind::FunctionNotFound | FailureKind::PythonEntry => StatusCode::NOT_FOUND,
        FailureKind::Overloaded | FailureKind::StorageUnavailable | FailureKind::PythonMissing => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        FailureKind::NonZeroReturn
        | FailureKind::Trap
        | FailureKind::MemoryLimit
        | FailureKind::StackLimit
        | FailureKind::TableLimit
        | FailureKind::OutputLimit
        | FailureKind::ChainLimit
        | FailureKind::State
        | FailureKind::File
        | FailureKind::Deadlock
        | FailureKind::PythonException
        | FailureKind::Mpi
        | FailureKind::Cancelled
        | FailureKind::AttemptsExhausted
        | FailureKind::WorkerLost
        | FailureKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;
    use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
    use faasm_model::{CallId, ExecGraph, FunctionName, Outcome};
    use std::sync::Arc;

    fn call(outcome: Outcome) -> FinishedCall {
        FinishedCall {
            id: CallId::new(12).unwrap(),
            function: FunctionName::new("demo", "crash").unwrap(),
            accepted_at_ms: 1,
            finished_at_ms: 2,
            outcome,
            graph: ExecGraph::default(),
        }
    }

    fn outcome(
        stdout: &'static str,
        output: &'static [u8],
        failure: Option<FailureKind>,
    ) -> Outcome {
        Outcome {
            stdout: stdout.into(),
            output: output.into(),
            ..failure.map_or_else(Outcome::default, |kind| Outcome::failed(kind, "it\nbroke"))
        }
    }

    async fn body(response: Response) -> Bytes {
        to_bytes(response.into_body(), 1 << 20).await.unwrap()
    }

    #[tokio::test]
    async fn success_is_stdout_and_output_and_nothing_else() {
        let response = sync(&call(outcome("hi ", b"\xff\n", None)), false).unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()[CALL_ID], "12");
        assert_eq!(response.headers()[STDOUT_LENGTH], "3");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/octet-stream");
        assert!(
            !response.headers().contains_key(CONTENT_LENGTH),
            "is the connection's job"
        );
        assert_eq!(body(response).await, &b"hi \xff\n"[..]);
    }

    #[tokio::test]
    async fn a_failure_ends_in_one_line_that_says_why() {
        let reason = "call 12 of demo/crash failed: trap: it broke\n";
        for (stdout, expected) in [("", ""), ("a\n", "a\n"), ("a", "a\n")] {
            let call = call(outcome(stdout, b"", Some(FailureKind::Trap)));
            let response = sync(&call, false).unwrap();
            assert_eq!(response.status(), 500);
            assert_eq!(response.headers()[RETURN_VALUE], "-1");
            assert_eq!(body(response).await, format!("{expected}{reason}"));
        }
    }

    #[tokio::test]
    async fn a_status_is_a_word_and_then_the_very_body_of_a_synchronous_answer() {
        for (failure, word) in [
            (None, "SUCCESS: "),
            (Some(FailureKind::TimeLimit), "FAILED: "),
        ] {
            let call = Arc::new(call(outcome("out", b"put", failure)));
            let answered = body(sync(&call, false).unwrap()).await;
            let told = state(&CallState::Finished(call), false).unwrap();
            assert_eq!(told.status(), 200);
            assert_eq!(body(told).await, [word.as_bytes(), &answered].concat());
        }
    }

    #[test]
    fn the_kind_of_failure_decides_the_status() {
        for (kind, status) in [
            (FailureKind::TimeLimit, 504),
            (FailureKind::FunctionNotFound, 404),
            (FailureKind::Overloaded, 503),
            (FailureKind::StorageUnavailable, 503),
            (FailureKind::NonZeroReturn, 500),
        ] {
            let response = sync(&call(outcome("", b"", Some(kind))), true).unwrap();
            assert_eq!(response.status(), status);
            assert_eq!(response.headers().contains_key(RETRY_AFTER), status == 503);
        }
    }
}
