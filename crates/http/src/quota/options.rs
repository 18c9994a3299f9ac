//! What an operator can set about users.

use std::num::NonZeroU32;

/// What a user may have; `None`, as much as there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserQuotas {
    /// Calls from outside in a second, on average; for a moment as many as in a second may come at
    /// once.
    pub calls_per_second: Option<NonZeroU32>,
    /// Synchronous calls from outside that are not answered yet.
    pub concurrent_calls: Option<NonZeroU32>,
    /// Bytes of stored functions, as they were put.
    pub storage_bytes: Option<u64>,
}

impl UserQuotas {
    /// Whether anything about calls is bounded.
    pub(super) fn bound_calls(&self) -> bool {
        self.calls_per_second.is_some() || self.concurrent_calls.is_some()
    }
}
