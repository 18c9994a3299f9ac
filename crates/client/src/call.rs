//! How a call stands or ended, and its form in JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use faasm_model::{CallId, CallStatus, FunctionName, Name, Timings};
use serde::{Deserialize, Serialize};

/// What the server answers when it is asked for a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallState {
    /// Accepted, queued or executing.
    Running(CallId),
    /// Over.
    Ended(Box<CallResult>),
}

/// A call that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "WireCall")]
pub struct CallResult {
    /// The call.
    pub id: CallId,
    /// What it ran, where the server says so.
    pub function: Option<FunctionName>,
    /// What `main` returned or `exit` was given.
    pub return_value: i32,
    /// The output data.
    pub output: Bytes,
    /// Captured standard output.
    pub stdout: Bytes,
    /// Captured standard error.
    pub stderr: Bytes,
    /// Why the call failed; `None` means success.
    pub reason: Option<Reason>,
    /// When it was accepted, in milliseconds since 1970, where the server says so.
    pub accepted_at_ms: Option<u64>,
    /// When it ended, in milliseconds since 1970, where the server says so.
    pub finished_at_ms: Option<u64>,
    /// Where the time went.
    pub timings: Timings,
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The stable code.
    pub code: String,
    /// What happened, with the wasm backtrace where there is one.
    pub message: String,
}

/// A call in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallSummary {
    /// The call.
    pub id: CallId,
    /// The owner of what it runs.
    pub user: Name,
    /// The name of what it runs.
    pub function: Name,
    /// How it stands.
    pub status: CallStatus,
    /// When it was accepted, in milliseconds since 1970.
    pub accepted_at_ms: u64,
    /// When it ended, in milliseconds since 1970.
    pub finished_at_ms: Option<u64>,
    /// What it returned, once it ended.
    pub return_value: Option<i32>,
}

impl CallResult {
    /// Whether the call succeeded.
    pub fn is_success(&self) -> bool {
        self.reason.is_none()
    }

    /// `Success` or `Failed`.
    pub fn status(&self) -> CallStatus {
        match self.is_success() {
            true => CallStatus::Success,
            false => CallStatus::Failed,
        }
    }
}

/// The JSON of a call. Bytes that are not UTF-8 are given twice: as text with
/// replacement characters, and exactly in base64.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct WireCall {
    id: CallId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    function: Option<Name>,
    status: CallStatus,
    #[serde(default)]
    return_value: Option<i32>,
    #[serde(default)]
    output_data: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output_data_base64: Option<String>,
    #[serde(default)]
    stdout: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stdout_base64: Option<String>,
    #[serde(default)]
    stderr: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stderr_base64: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    accepted_at_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    finished_at_ms: Option<u64>,
    #[serde(default)]
    timings: Timings,
}

/// An answer about a call that contradicts itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadCall {
    #[error("`{0}` is not valid base64")]
    Base64(&'static str),
    #[error("a call that ended has no return value")]
    NoReturnValue,
    #[error("a call that succeeded has a reason of failure")]
    ReasonOfSuccess,
}

impl WireCall {
    pub(crate) fn into_state(self) -> Result<CallState, BadCall> {
        let reason = match (self.status, self.reason) {
            (CallStatus::Running, _) => return Ok(CallState::Running(self.id)),
            (CallStatus::Success, None) => None,
            (CallStatus::Success, Some(_)) => return Err(BadCall::ReasonOfSuccess),
            (CallStatus::Failed, Some(reason)) => Some(reason),
            (CallStatus::Failed, None) => Some(Reason {
                code: "unknown".into(),
                message: "the call failed; the server does not say why".into(),
            }),
        };
        let function = match (self.user, self.function) {
            (Some(user), Some(function)) => Some(FunctionName { user, function }),
            _ => None,
        };
        Ok(CallState::Ended(Box::new(CallResult {
            id: self.id,
            function,
            return_value: self.return_value.ok_or(BadCall::NoReturnValue)?,
            output: exact(
                "output_data_base64",
                self.output_data,
                self.output_data_base64,
            )?,
            stdout: exact("stdout_base64", self.stdout, self.stdout_base64)?,
            stderr: exact("stderr_base64", self.stderr, self.stderr_base64)?,
            reason,
            accepted_at_ms: self.accepted_at_ms,
            finished_at_ms: self.finished_at_ms,
            timings: self.timings,
        })))
    }
}

impl From<CallResult> for WireCall {
    fn from(call: CallResult) -> Self {
        let status = call.status();
        let (output_data, output_data_base64) = both(&call.output);
        let (stdout, stdout_base64) = both(&call.stdout);
        let (stderr, stderr_base64) = both(&call.stderr);
        let (user, function) = call.function.map(|name| (name.user, name.function)).unzip();
        Self {
            id: call.id,
            user,
            function,
            status,
            return_value: Some(call.return_value),
            output_data,
            output_data_base64,
            stdout,
            stdout_base64,
            stderr,
            stderr_base64,
            reason: call.reason,
            accepted_at_ms: call.accepted_at_ms,
            finished_at_ms: call.finished_at_ms,
            timings: call.timings,
        }
    }
}

fn exact(field: &'static str, text: String, base64: Option<String>) -> Result<Bytes, BadCall> {
    match base64 {
        None => Ok(text.into()),
        Some(exact) => match STANDARD.decode(exact) {
            Ok(bytes) => Ok(bytes.into()),
            Err(_) => Err(BadCall::Base64(field)),
        },
    }
}

fn both(bytes: &Bytes) -> (String, Option<String>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), None),
        Err(_) => (
            String::from_utf8_lossy(bytes).into_owned(),
            Some(STANDARD.encode(bytes)),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(json: serde_json::Value) -> Result<CallResult, BadCall> {
        match serde_json::from_value::<WireCall>(json)
            .unwrap()
            .into_state()?
        {
            CallState::Ended(call) => Ok(*call),
            CallState::Running(id) => panic!("{id} is running"),
        }
    }

    #[test]
    fn bytes_that_are_not_text_survive_the_json_both_ways() {
        let json = serde_json::json!({
            "id": 7, "status": "SUCCESS", "return_value": 0,
            "output_data": "\u{fffd}\u{0}", "output_data_base64": "/wA=",
            "stdout": "hi\n", "stderr": "",
            "timings": {"queued_us": 1, "start_us": 2, "run_us": 3},
        });
        let call = ended(json.clone()).unwrap();
        assert_eq!(&call.output[..], b"\xff\0");
        assert_eq!(&call.stdout[..], b"hi\n");
        assert_eq!(serde_json::to_value(&call).unwrap(), json);
    }

    #[test]
    fn a_failed_call_always_has_a_reason() {
        let call =
            ended(serde_json::json!({"id": 7, "status": "FAILED", "return_value": -1})).unwrap();
        assert!(!call.is_success());
    }

    #[test]
    fn an_answer_that_contradicts_itself_is_refused() {
        for (field, value) in [
            ("return_value", serde_json::Value::Null),
            ("stdout_base64", "!".into()),
            (
                "reason",
                serde_json::json!({"code": "trap", "message": "m"}),
            ),
        ] {
            let mut json = serde_json::json!({"id": 7, "status": "SUCCESS", "return_value": 0});
            json[field] = value;
            assert!(ended(json).is_err(), "{field}");
        }
    }
}
