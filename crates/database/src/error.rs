//! What can go wrong with a database file.

use std::io;
use std::path::{Path, PathBuf};

/// Why a [`Store`](crate::Store) did not do what it was asked.
///
/// A write that failed may still be found later; it is never half there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing more can be written for now.
    #[error("the disk of the database is full; free some space and try again")]
    NoSpace,
    /// Another process, or another store of this one, has the file open.
    #[error(
        "the database {0} is in use by another process; stop that one or use another directory"
    )]
    InUse(PathBuf),
    /// The store was closed; nothing reaches it any more.
    #[error("the database is closed; open it again")]
    Closed,
    /// The file or the disk under it failed.
    #[error("the storage of the database failed ({0}); check the disk, then try again")]
    Storage(String),
}

impl Error {
    /// The same, naming the file.
    pub(crate) fn at(self, path: &Path) -> Self {
        match self {
            Self::Storage(what) => Self::Storage(format!("{}: {what}", path.display())),
            other => other,
        }
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
