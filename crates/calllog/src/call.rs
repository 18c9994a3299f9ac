//! What goes into a call log and what comes out.

use std::fmt;
use std::sync::Arc;

use faasm_model::{CallId, CallStatus, CallSummary, FinishedCall, Invocation};

use crate::Error;

/// A call to accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCall {
    /// An id from [`CallLog::reserve_ids`](crate::CallLog::reserve_ids).
    pub id: CallId,
    /// What to run.
    pub invocation: Arc<Invocation>,
    /// When the call came, in milliseconds since 1970.
    pub accepted_at_ms: u64,
    /// The client's promise that calls under the same key are one call.
    pub idempotency: Option<Idempotency>,
}

impl NewCall {
    /// The call's line in a list, before it has ended.
    #[must_use]
    pub fn summary(&self) -> CallSummary {
        CallSummary {
            id: self.id,
            function: self.invocation.function.clone(),
            status: CallStatus::Running,
            accepted_at_ms: self.accepted_at_ms,
            finished_at_ms: None,
            return_value: None,
        }
    }
}

/// What makes a repeated request recognisable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The client's key; it counts within the user who owns the function.
    pub key: IdempotencyKey,
    /// Hash of all that the request asks for.
    pub body_hash: [u8; 32],
}

/// A client's key for a request: 1 to 255 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// The text is not an [`IdempotencyKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key is 1 to 255 visible ASCII characters")]
pub struct InvalidIdempotencyKey;

impl IdempotencyKey {
    /// Longest key, in bytes.
    pub const MAX_LEN: usize = 255;

    /// Checks `text` against the rule of keys.
    pub fn new(text: &str) -> Result<Self, InvalidIdempotencyKey> {
        let length_fits = (1..=Self::MAX_LEN).contains(&text.len());
        if length_fits && text.bytes().all(|b| b.is_ascii_graphic()) {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidIdempotencyKey)
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How [`CallLog::accept`](crate::CallLog::accept) took a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// The call is in the log and has to be run.
    New,
    /// This is a repetition of the call given here; nothing was added.
    Existing(CallId),
    /// The key belongs to the call given here, which asked for something else; nothing
    /// was added.
    Conflict(CallId),
}

/// What the log knows of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoggedCall {
    /// It has not ended.
    Pending {
        /// The call's line in a list.
        summary: CallSummary,
        /// How often it was begun.
        attempts: u32,
    },
    /// It has ended.
    Finished(FinishedCall),
}

/// A call that was accepted and has not ended, with what is needed to run it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingCall {
    /// The call's line in a list.
    pub summary: CallSummary,
    /// How often it was begun.
    pub attempts: u32,
    /// What to run. When it is damaged, the call can only be finished as failed.
    pub invocation: Result<Invocation, Error>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idempotency_key_is_short_and_visible() {
        assert!(IdempotencyKey::new("5c6b/retry-1").is_ok());
        assert!(IdempotencyKey::new(&"k".repeat(255)).is_ok());
        for bad in ["", " ", "a\nb", "ä", "a\0", &"k".repeat(256)] {
            assert!(IdempotencyKey::new(bad).is_err(), "{bad:?}");
        }
    }
}
