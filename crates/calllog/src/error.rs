//! What can go wrong with a call log.

use std::fmt;
use std::path::PathBuf;

use faasm_database::Fault;
use faasm_model::CallId;

/// What a [`CallLog`](crate::CallLog) answers.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a [`CallLog`](crate::CallLog) did not do what it was asked.
///
/// A write that failed may still be found in the log later; it is never half there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing more can be written for now.
    #[error("the disk of the call log is full; free some space and try again")]
    NoSpace,
    /// One record cannot be read. The others are not affected.
    #[error("the {part} of call {id} in the call log is damaged; this call's record is lost")]
    Corrupted {
        /// Whose record it is.
        id: CallId,
        /// Which of the call's records it is.
        part: RecordPart,
    },
    /// The log never accepted this call, or its result has expired.
    #[error("call {0} is not in the call log; it was never accepted, or its result has expired")]
    UnknownCall(CallId),
    /// The call has ended: it cannot be tried once more.
    #[error("call {0} has already ended")]
    AlreadyFinished(CallId),
    /// The log has accepted another call under this id.
    #[error("call id {0} is already in use; take ids from `reserve_ids` and each only once")]
    IdInUse(CallId),
    /// Another worker may have the call by now: this one must neither run it nor say how
    /// it ended.
    #[error("this server has lost call {0}: it did not renew its claim in time")]
    Lost(CallId),
    /// Too many calls of the user wait, on all workers together.
    #[error("{limit} calls of this user wait already, which is the limit; try again later")]
    QueueFull {
        /// How many may wait.
        limit: u64,
    },
    /// No ids are left.
    #[error("the call log has no call ids left below 2^53; start with a new data directory")]
    IdsExhausted,
    /// Another process has the log open.
    #[error(
        "the call log {0} is in use by another process; stop that one or use another data directory"
    )]
    InUse(PathBuf),
    /// The log was closed; nothing reaches it any more.
    #[error("the call log is closed because the server is shutting down; try again later")]
    Closed,
    /// The server that keeps the log does not do its work.
    #[error("the call log is not at hand: {0}")]
    Unavailable(String),
    /// The storage under the log failed.
    #[error("the storage of the call log failed ({0}); check the disk, then try again")]
    Storage(String),
}

impl From<faasm_database::Error> for Error {
    fn from(error: faasm_database::Error) -> Self {
        use faasm_database::Error as Database;
        match error {
            Database::NoSpace => Self::NoSpace,
            Database::InUse(path) => Self::InUse(path),
            Database::Closed => Self::Closed,
            Database::Storage(what) => Self::Storage(what),
        }
    }
}

impl From<Error> for Fault<Error> {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

/// One of the records that a call has in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordPart {
    /// The line that lists show.
    Summary,
    /// What was asked for.
    Invocation,
    /// How the call ended.
    Result,
}

impl fmt::Display for RecordPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Summary => "summary",
            Self::Invocation => "invocation",
            Self::Result => "result",
        })
    }
}
