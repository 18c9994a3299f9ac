//! What several workers need that run the calls of one log.

use std::time::Duration;

use faasm_model::{CallId, FinishedCall, Name};
use futures::future::BoxFuture;

use crate::{CallLog, LoggedCall, PendingCall, Result};

/// A log whose calls are run by several workers, of which this is one.
///
/// Accepted calls wait in the log until a worker claims them. A claim lasts a few seconds
/// and has to be renewed; that of a worker which died runs out, and the call can be
/// claimed again. A worker whose claim another one has taken over gets
/// [`Error::Lost`](crate::Error::Lost) from [`begin`](CallLog::begin),
/// [`give_back`](CallLog::give_back) and [`finish`](CallLog::finish): a call may be run
/// more than once, but it has one result.
///
/// A worker does two things in loops: it claims, whenever it has room and
/// [`work`](Self::work) returns; and it renews, every [`renewal`](Self::renewal) and
/// whenever [`recall`](Self::recall) returns.
pub trait SharedLog: CallLog {
    /// Hands this worker some calls to run, at most `room`: first those whose claims have
    /// run out, then waiting ones of other users than `except`, users in turn. There may be
    /// more if there are any. How often a call was begun is told with it; whoever has it
    /// decides whether that is enough.
    ///
    /// # Errors
    /// When the log cannot be asked. What it may have handed out goes to others when the
    /// claims run out.
    fn claim<'a>(
        &'a self,
        room: usize,
        except: &'a [Name],
    ) -> BoxFuture<'a, Result<Vec<ClaimedCall>>>;

    /// Extends this worker's claims to these calls, and tells which it has lost and which
    /// are to be cancelled. To be called without any, too, for the log's own upkeep.
    fn renew<'a>(&'a self, ids: &'a [CallId]) -> BoxFuture<'a, Result<Renewed>>;

    /// Gives claims up: others can have these calls at once. Those that this worker does
    /// not have are left alone.
    fn release<'a>(&'a self, ids: &'a [CallId]) -> BoxFuture<'a, Result<()>>;

    /// How often claims are to be renewed.
    fn renewal(&self) -> Duration;

    /// Waits until there may be something to claim: for the word that there is, and at
    /// most a second in case that was lost. For one caller at a time.
    fn work(&self) -> BoxFuture<'_, ()>;

    /// Waits for the word that claims should be renewed now, because a call is to be
    /// cancelled. For one caller at a time.
    fn recall(&self) -> BoxFuture<'_, ()>;

    /// As [`get`](CallLog::get), once the call has ended or `wait` has passed. Wherever
    /// the call ends, this hears of it.
    fn ended(&self, id: CallId, wait: Duration) -> BoxFuture<'_, Result<Option<LoggedCall>>>;

    /// Ends a call for its client. If no worker has it, `end` is kept as its result, and
    /// it never runs; else its worker is told, and so is any other that gets it later.
    ///
    /// # Errors
    /// [`Error::UnknownCall`](crate::Error::UnknownCall).
    fn cancel(&self, end: FinishedCall) -> BoxFuture<'_, Result<Cancelling>>;
}

/// A call that a worker may run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedCall {
    /// The call.
    pub call: PendingCall,
    /// It is to be finished as cancelled, and not to be run.
    pub cancelled: bool,
}

/// What a worker hears when it renews its claims.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Renewed {
    /// Calls that it has no more: they are to be stopped, and what they give is nothing.
    pub lost: Vec<CallId>,
    /// Calls that it still has and is to cancel, as often as it asks.
    pub cancelled: Vec<CallId>,
}

/// What [`SharedLog::cancel`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelling {
    /// The call has ended, with the result that was given.
    Ended,
    /// The worker that has the call was told.
    Requested,
    /// The call had ended before.
    AlreadyEnded,
}
