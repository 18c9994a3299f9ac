//! The call log in one database file of this machine.

mod ops;
mod read;
mod tables;

use std::num::NonZeroU64;
use std::ops::Range;
use std::path::Path;

use faasm_database::Store;
use faasm_model::{CallId, CallSummary, FinishedCall, Name};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::codec;
use crate::{Accepted, CallLog, Error, LoggedCall, NewCall, PendingCall, Result};
use read::View;
use tables::Calls;

type Fault = faasm_database::Fault<Error>;

/// A [`CallLog`] in the file `calls.redb` of a directory.
///
/// One thread writes. It commits together what was asked for while the last commit was
/// under way, so that many calls share one flush of the disk. Readers never wait for it.
/// Dropping the log finishes what is queued and closes the file, which blocks shortly;
/// [`CallLog::close`] does the same without blocking.
pub struct EmbeddedLog {
    store: Store<Calls>,
}

impl EmbeddedLog {
    /// Opens the log in the directory `dir`; makes both where they do not exist.
    ///
    /// After a crash this checks the whole file, which takes as long as reading it.
    ///
    /// # Errors
    /// [`Error::InUse`](crate::Error::InUse) when another log has the file open;
    /// [`Error::NoSpace`](crate::Error::NoSpace);
    /// [`Error::Storage`](crate::Error::Storage).
    pub fn open(dir: &Path) -> Result<Self> {
        let store = Store::open(dir, Calls)?;
        Ok(Self { store })
    }

    /// How many durable commits this log has made since it was opened. Not a number of
    /// calls: many share a commit.
    pub fn commits(&self) -> u64 {
        self.store.commits()
    }
}

impl CallLog for EmbeddedLog {
    fn reserve_ids(&self, count: u64) -> BoxFuture<'_, Result<Range<u64>>> {
        let Some(count) = NonZeroU64::new(count) else {
            return async { Ok(1..1) }.boxed();
        };
        self.store
            .write(0, move |tables| ops::reserve_ids(tables, count))
            .boxed()
    }

    fn accept(&self, call: NewCall) -> BoxFuture<'_, Result<Accepted>> {
        let bytes = codec::invocation_bytes(&call.invocation);
        if !self.store.has_room_for(bytes) {
            return async { Err(Error::NoSpace) }.boxed();
        }
        self.store
            .write(bytes, move |tables| ops::accept(tables, &call))
            .boxed()
    }

    fn begin(&self, id: CallId) -> BoxFuture<'_, Result<u32>> {
        self.store
            .write(0, move |tables| ops::begin(tables, id))
            .boxed()
    }

    fn give_back(&self, id: CallId) -> BoxFuture<'_, Result<u32>> {
        self.store
            .write(0, move |tables| ops::give_back(tables, id))
            .boxed()
    }

    fn finish(&self, call: FinishedCall) -> BoxFuture<'_, Result<bool>> {
        let bytes = call.outcome.bytes();
        self.store
            .write(bytes, move |tables| ops::finish(tables, &call))
            .boxed()
    }

    fn get(&self, id: CallId) -> BoxFuture<'_, Result<Option<LoggedCall>>> {
        self.store.read(move |txn| View(txn).get(id)).boxed()
    }

    fn pending(
        &self,
        after: Option<CallId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<PendingCall>>> {
        self.store
            .read(move |txn| View(txn).pending(after, limit))
            .boxed()
    }

    fn list(
        &self,
        user: Option<&Name>,
        before: Option<CallId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<CallSummary>>> {
        let user = user.cloned();
        self.store
            .read(move |txn| View(txn).list(user.as_ref(), before, limit))
            .boxed()
    }

    fn expire(&self, finished_before_ms: u64) -> BoxFuture<'_, Result<usize>> {
        let all = async move {
            let mut forgotten = 0;
            // In steps, so that other writes get their turn in between.
            loop {
                let step = self
                    .store
                    .write(0, move |t| ops::expire_some(t, finished_before_ms));
                match step.await? {
                    0 => return Ok(forgotten),
                    some => forgotten += some,
                }
            }
        };
        all.boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.store.close().boxed()
    }
}
