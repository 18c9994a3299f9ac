//! What can go wrong in the global tier.

use std::path::PathBuf;

use faasm_database::Fault;
use faasm_model::Name;

use super::{Fence, Version};

/// What a [`GlobalTier`](super::GlobalTier) answers.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a [`GlobalTier`](super::GlobalTier) did not do what it was asked.
///
/// A write that failed with [`NoSpace`](Self::NoSpace), [`Unavailable`](Self::Unavailable)
/// or [`Storage`](Self::Storage) may have been made all the same; it is never half there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The value was set again, or deleted, since it was opened.
    #[error("the value was replaced or deleted meanwhile; open it again")]
    Superseded,
    /// The value is not what the caller expected.
    #[error("the value is not as expected: {}", match .0 { Some(v) => format!("it has version {}", v.0), None => "there is none".into() })]
    Conflict(Option<Version>),
    /// The writer's global lock ran out, and somebody else has taken it since.
    #[error("the lease of the global lock ran out and the lock was taken again (fence {}); nothing was written", .latest.0)]
    Fenced {
        /// The fence of the latest holder.
        latest: Fence,
    },
    /// The user would have more than is allowed.
    #[error(
        "user {user} would have {what}, the limit is {limit} ({option}); remove state that is not needed"
    )]
    Quota {
        /// Whose state it is.
        user: Name,
        /// What there would be, with its unit.
        what: String,
        /// The limit in the same unit.
        limit: u64,
        /// The option that sets the limit.
        option: &'static str,
    },
    /// A value, an element or a set of patches is too large, or a patch lies outside.
    #[error("{what}: {size} bytes are too many, the limit is {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// Two patches of one operation write the same byte.
    #[error("two patches overlap at byte {0}; patches of one operation must not")]
    Overlap(u64),
    /// Nothing more can be written for now.
    #[error(
        "the disk of the state is full, or the memory that its Redis may take; free some space and try again"
    )]
    NoSpace,
    /// Another process has the tier open.
    #[error(
        "the state in {0} is in use by another process; stop that one or use another data directory"
    )]
    InUse(PathBuf),
    /// The tier is closed; nothing reaches it any more.
    #[error("the state is closed because the server is shutting down; try again later")]
    Closed,
    /// A record cannot be read.
    #[error("a record of the state is damaged ({0}); set the value again")]
    Corrupted(String),
    /// The server that keeps the state cannot be reached, or does not do its work. The text
    /// says which, why, and what to do.
    #[error("{0}")]
    Unavailable(String),
    /// The storage under the tier failed.
    #[error("the storage of the state failed ({0}); check the disk, then try again")]
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
