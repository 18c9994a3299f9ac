//! The contract of a call log.

use std::ops::Range;

use faasm_model::{CallId, CallSummary, FinishedCall, Name};
use futures::future::BoxFuture;

use crate::{Accepted, LoggedCall, NewCall, PendingCall, Result};

/// A durable log of asynchronous calls.
///
/// What a method changed is durable when it returns. A future that is dropped half way
/// does not take its change back: it may or may not be made, but never by half. Any
/// method answers [`Error::Closed`](crate::Error::Closed) after [`close`](Self::close),
/// and any that writes may answer [`Error::NoSpace`](crate::Error::NoSpace); the log goes
/// on when there is room again.
pub trait CallLog: Send + Sync {
    /// Hands out `count` call ids that no other caller ever gets, restarts included. All
    /// of them are valid [`CallId`]s; the first log begins at 1.
    ///
    /// # Errors
    /// [`Error::IdsExhausted`](crate::Error::IdsExhausted) when fewer than `count` are left.
    fn reserve_ids(&self, count: u64) -> BoxFuture<'_, Result<Range<u64>>>;

    /// Takes a call in. Of several calls of one user under the same idempotency key only
    /// one is [`Accepted::New`]. The key lasts as long as the call's result.
    ///
    /// # Errors
    /// [`Error::IdInUse`](crate::Error::IdInUse) when the log has a call of this id.
    fn accept(&self, call: NewCall) -> BoxFuture<'_, Result<Accepted>>;

    /// Counts one more attempt to run the call and returns its number: 1, 2, …. To be
    /// called before the call runs, so that one which kills the process is counted.
    ///
    /// # Errors
    /// [`Error::UnknownCall`](crate::Error::UnknownCall), or
    /// [`Error::AlreadyFinished`](crate::Error::AlreadyFinished).
    fn begin(&self, id: CallId) -> BoxFuture<'_, Result<u32>>;

    /// Takes an attempt back that was ended for no fault of the call, and returns how many
    /// are left counted.
    ///
    /// # Errors
    /// Those of [`begin`](Self::begin).
    fn give_back(&self, id: CallId) -> BoxFuture<'_, Result<u32>>;

    /// Keeps how a call ended and frees its input. Only the first result of a call
    /// counts: `false` says that there is one already, and nothing was changed.
    ///
    /// # Errors
    /// [`Error::UnknownCall`](crate::Error::UnknownCall).
    fn finish(&self, call: FinishedCall) -> BoxFuture<'_, Result<bool>>;

    /// Looks a call up; `None` when it was never accepted or its result has expired.
    ///
    /// # Errors
    /// [`Error::Corrupted`](crate::Error::Corrupted) when the call's record is damaged.
    fn get(&self, id: CallId) -> BoxFuture<'_, Result<Option<LoggedCall>>>;

    /// The calls that have not ended, in the order of their ids, from the one behind
    /// `after` on: at most `limit`, and fewer when their inputs are large. An empty page
    /// is the end. A call whose summary is damaged is left out and reported.
    fn pending(
        &self,
        after: Option<CallId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<PendingCall>>>;

    /// Calls with the newest first, of one user or of all, with ids below `before`: at
    /// most `limit`, and at most 1,000. Damaged records are left out and reported.
    fn list(
        &self,
        user: Option<&Name>,
        before: Option<CallId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<CallSummary>>>;

    /// Forgets the calls that ended before `finished_before_ms` (milliseconds since 1970),
    /// with their idempotency keys, and returns how many these were.
    fn expire(&self, finished_before_ms: u64) -> BoxFuture<'_, Result<usize>>;

    /// The time in which calls are accepted, end and expire, in milliseconds since 1970:
    /// for a log that several machines share, that of the log, since their clocks differ.
    fn now_ms(&self) -> u64 {
        faasm_model::now_ms()
    }

    /// Finishes what was asked for before and lets go of the storage.
    fn close(&self) -> BoxFuture<'_, ()>;
}
