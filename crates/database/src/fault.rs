//! The two ways in which an operation on the database ends early.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::Error;

/// Why an operation stopped. `E` is the error type of whoever keeps the database; it says
/// `impl From<E> for Fault<E>` itself.
#[derive(Debug)]
pub enum Fault<E> {
    /// The operation was refused and has written nothing. Others in the same transaction
    /// are not concerned.
    Refused(E),
    /// The database failed: the transaction is lost.
    Database(redb::Error),
}

impl<E: From<Error>> Fault<E> {
    /// What the caller is told.
    pub(crate) fn into_error(self) -> E {
        match self {
            Self::Refused(error) => error,
            Self::Database(error) => Error::from(error).into(),
        }
    }
}

impl<E> Fault<E> {
    /// Whether opening the file once more may help: the database refuses everything after
    /// the first failure of the disk, and readers lose their view when it is reopened.
    pub(crate) fn is_stale(&self) -> bool {
        let Self::Database(error) = self else {
            return false;
        };
        matches!(error, redb::Error::PreviousIo | redb::Error::DatabaseClosed)
    }
}

impl From<Error> for Fault<Error> {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl<E> From<redb::StorageError> for Fault<E> {
    fn from(error: redb::StorageError) -> Self {
        Self::Database(error.into())
    }
}

impl<E> From<redb::TableError> for Fault<E> {
    fn from(error: redb::TableError) -> Self {
        Self::Database(error.into())
    }
}

impl<E> From<redb::TransactionError> for Fault<E> {
    fn from(error: redb::TransactionError) -> Self {
        Self::Database(error.into())
    }
}

impl<E> From<redb::CommitError> for Fault<E> {
    fn from(error: redb::CommitError) -> Self {
        Self::Database(error.into())
    }
}

/// Runs something in the database, which here and there panics over a file that is
/// damaged. What it was about is to be opened again after that.
pub(crate) fn guarded<T, E>(work: impl FnOnce() -> Result<T, Fault<E>>) -> Result<T, Fault<E>> {
    // Nothing of ours is left half done: the transaction is lost, and the file is reopened.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let what = "the file is damaged".to_owned();
        Err(Fault::Database(redb::Error::Corrupted(what)))
    })
}
