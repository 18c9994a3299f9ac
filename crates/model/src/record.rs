//! What is kept of a call.

use serde::{Deserialize, Serialize};

use crate::{CallId, ExecGraph, FunctionName, Outcome};

/// How a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum CallStatus {
    /// Accepted, queued or executing.
    Running,
    /// Ended well.
    Success,
    /// Ended badly.
    Failed,
}

impl CallStatus {
    /// The word that clients see.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Success => "SUCCESS",
            Self::Failed => "FAILED",
        }
    }
}

/// A call in a list: everything but its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallSummary {
    /// The call.
    pub id: CallId,
    /// What it runs.
    pub function: FunctionName,
    /// How it stands.
    pub status: CallStatus,
    /// When it was accepted, in milliseconds since 1970.
    pub accepted_at_ms: u64,
    /// When it ended, in milliseconds since 1970.
    pub finished_at_ms: Option<u64>,
    /// What it returned, once it ended.
    pub return_value: Option<i32>,
}

/// A call that has ended, with all it left behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishedCall {
    /// The call.
    pub id: CallId,
    /// What it ran.
    pub function: FunctionName,
    /// When it was accepted, in milliseconds since 1970.
    pub accepted_at_ms: u64,
    /// When it ended, in milliseconds since 1970.
    pub finished_at_ms: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// The calls it made.
    pub graph: ExecGraph,
}

impl FinishedCall {
    /// The call's line in a list.
    pub fn summary(&self) -> CallSummary {
        CallSummary {
            id: self.id,
            function: self.function.clone(),
            status: match self.outcome.is_success() {
                true => CallStatus::Success,
                false => CallStatus::Failed,
            },
            accepted_at_ms: self.accepted_at_ms,
            finished_at_ms: Some(self.finished_at_ms),
            return_value: Some(self.outcome.return_value),
        }
    }
}
