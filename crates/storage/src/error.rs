//! What can go wrong here.

use std::error::Error as StdError;
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

use faasm_model::{ContentHash, InvalidLimit, SharedPath};

/// Why storage did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk, or the quota on it, is used up. Nothing of the request was kept.
    #[error("there is no space left for stored data; free some and try again")]
    NoSpace {
        /// What the system said.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// More bytes were sent than are accepted. Nothing was kept.
    #[error("the body is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// An earlier write to the same spool file failed or was abandoned.
    #[error("the upload was interrupted; send it again")]
    Interrupted,
    /// Another server uses the data directory.
    #[error("data directory {} is in use by {holder}; stop that server or choose another --data-dir", dir.display())]
    Locked {
        /// The directory.
        dir: PathBuf,
        /// Who holds it: process id and what that process wrote down.
        holder: String,
    },
    /// The stored code of a function is missing or is not what was put.
    #[error("the stored code {hash} is damaged; upload the function again")]
    DamagedCode {
        /// The hash that the code should have.
        hash: ContentHash,
    },
    /// The stored bytes of a shared file are missing or are not what was put.
    #[error("the stored bytes of {path} are damaged; put the file again")]
    DamagedFile {
        /// The file.
        path: SharedPath,
    },
    /// There is no such shared file or directory.
    #[error("there is no shared file or directory {0}")]
    NotFound(SharedPath),
    /// A file was asked for where there is a directory.
    #[error("{0} is a directory")]
    IsADirectory(SharedPath),
    /// A directory was asked for where there is a file.
    #[error("{0} is a file, not a directory")]
    NotADirectory(SharedPath),
    /// Nothing new can be made where something is.
    #[error("there already is a file or directory {0}")]
    Exists(SharedPath),
    /// A directory is not removed while something is in it.
    #[error("{0} is not empty; delete what is in it first")]
    NotEmpty(SharedPath),
    /// A file cannot be put where a directory is, nor below another file.
    #[error("{path} cannot be stored: {obstacle} is a {}; delete that or choose another path",
        if path == obstacle { "directory" } else { "file" })]
    Conflict {
        /// The path of the file that was to be put.
        path: SharedPath,
        /// What is in its way: the directory at that path, or the file above it.
        obstacle: SharedPath,
    },
    /// The shared files would be too many, or too large together. Nothing was kept.
    #[error("the shared files may have at most {limit} {unit} together; delete some and try again")]
    Quota {
        /// The limit, in units.
        limit: u64,
        /// What is counted: `bytes` or `files`.
        unit: &'static str,
    },
    /// Too many shared files are open at the same time.
    #[error("{limit} shared files are open, and no more can be; try again when some are closed")]
    TooManyOpen {
        /// The limit.
        limit: usize,
    },
    /// The storage is elsewhere, and does not do what it is there for.
    #[error("the storage {location} {problem}")]
    Unavailable {
        /// Where it is.
        location: String,
        /// What is wrong: what the storage does or does not do.
        problem: String,
    },
    /// What was asked for was done, but the other servers of the cluster may not know.
    #[error("{name} is stored, but the other servers may not know yet: {problem}; do it again")]
    Unannounced {
        /// What was changed.
        name: String,
        /// Why it could not be announced.
        problem: String,
    },
    /// A stored record cannot be used.
    #[error("the stored record {key} cannot be used: {problem}; upload again what it is of")]
    UnusableRecord {
        /// Its key.
        key: String,
        /// What is wrong.
        problem: String,
    },
    /// What another server sent is not what belongs under its key.
    #[error("{key} cannot be stored: {problem}")]
    InvalidObject {
        /// The key.
        key: String,
        /// What is wrong.
        problem: String,
    },
    /// A function cannot be given these limits.
    #[error(transparent)]
    InvalidLimit(#[from] InvalidLimit),
    /// The text does not name an engine version; see [`Compat`](crate::Compat).
    #[error("an engine version is named by 1 to 128 characters of A-Z a-z 0-9 . _ -, not by {0:?}")]
    InvalidCompat(String),
    /// A file could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The object store failed.
    #[error("cannot {action} stored data: {source}")]
    Store {
        /// What was tried, as a verb.
        action: &'static str,
        /// What the store said.
        source: object_store::Error,
    },
    /// The task that did the work ended early: the process is shutting down.
    #[error("storage work was cut short: {source}")]
    CutShort {
        /// How the task ended.
        source: tokio::task::JoinError,
    },
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// For `map_err` on file operations.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| match is_no_space(&source) {
            true => Self::NoSpace {
                source: source.into(),
            },
            false => Self::Io {
                action,
                path: path.to_owned(),
                source,
            },
        }
    }

    /// For `map_err` on object store operations.
    pub(crate) fn store(action: &'static str) -> impl Fn(object_store::Error) -> Self {
        move |source| match is_no_space(&source) {
            true => Self::NoSpace {
                source: source.into(),
            },
            false => Self::Store { action, source },
        }
    }
}

impl Error {
    /// Of a stored record.
    pub(crate) fn unusable(key: &impl Display, problem: &impl Display) -> Self {
        Self::UnusableRecord {
            key: key.to_string(),
            problem: problem.to_string(),
        }
    }
}

impl From<tokio::task::JoinError> for Error {
    fn from(source: tokio::task::JoinError) -> Self {
        Self::CutShort { source }
    }
}

/// Whether a full disk or a used-up quota lies at the bottom of `error`.
fn is_no_space(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        if matches!(
            kind,
            Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        ) {
            return true;
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_found_below_other_errors() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let nested = object_store::Error::Generic {
            store: "test",
            source: Box::new(full()),
        };
        assert!(matches!(
            Error::store("write")(nested),
            Error::NoSpace { .. }
        ));
        let quota = io::Error::from(io::ErrorKind::QuotaExceeded);
        assert!(matches!(
            Error::io("write", Path::new("x"))(quota),
            Error::NoSpace { .. }
        ));
    }

    #[test]
    fn other_failures_name_the_file_and_the_action() {
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let error = Error::io("read", Path::new("/data/x"))(denied);
        assert_eq!(error.to_string(), "cannot read /data/x: permission denied");
    }
}
