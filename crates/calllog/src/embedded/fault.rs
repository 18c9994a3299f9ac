//! The two ways in which an operation on the database ends early.

use std::io;

use crate::Error;

/// Why an operation stopped.
pub(super) enum Fault {
    /// The operation was refused and has written nothing. Others in the same transaction
    /// are not concerned.
    Refused(Error),
    /// The database failed: the transaction is lost.
    Database(redb::Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<redb::StorageError> for Fault {
    fn from(error: redb::StorageError) -> Self {
        Self::Database(error.into())
    }
}

impl From<redb::TableError> for Fault {
    fn from(error: redb::TableError) -> Self {
        Self::Database(error.into())
    }
}

impl From<redb::TransactionError> for Fault {
    fn from(error: redb::TransactionError) -> Self {
        Self::Database(error.into())
    }
}

impl From<redb::Error> for Error {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Io(error) => error.into(),
            redb::Error::DatabaseClosed => Self::Closed,
            other => Self::Storage(other.to_string()),
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace,
            _ => Self::Storage(error.to_string()),
        }
    }
}

/// Whether opening the file once more may help: the database refuses everything after
/// the first failure of the disk, and readers lose their view when it is reopened.
pub(super) fn is_stale(error: &redb::Error) -> bool {
    matches!(error, redb::Error::PreviousIo | redb::Error::DatabaseClosed)
}
