//! What can go wrong, sorted by whose move is next.

use std::error::Error as StdError;
use std::path::PathBuf;
use std::time::Duration;

use faasm_model::SharedPath;

/// A place in a source file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1, where it is known.
    pub column: Option<u32>,
}

/// Why a request brought no result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No server answered.
    #[error("no answer from {address}: {reason}; is `faasm serve` running there?")]
    Unreachable {
        /// Where the request went.
        address: String,
        /// The innermost cause.
        reason: String,
    },
    /// The server began an answer and did not end it.
    #[error("the answer from {address} ended early: {reason}; the server's log may say why")]
    CutShort {
        /// Where the answer came from.
        address: String,
        /// The innermost cause.
        reason: String,
    },
    /// The server understood the request and said no.
    #[error("{message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The server's stable code, `http_<status>` if it gave none.
        code: String,
        /// What is wrong, in one line.
        message: String,
        /// What to do about it.
        hint: Option<String>,
        /// Where in what was sent, for an error that has a place in a source file.
        position: Option<Position>,
        /// When an overloaded server wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// There is a directory where a shared file was asked for.
    #[error("{0} is a directory")]
    IsADirectory(SharedPath),
    /// Something answered, but not as a faasm server does.
    #[error("{address} does not answer like a faasm server: {what}")]
    Protocol {
        /// Where the request went.
        address: String,
        /// What was odd.
        what: String,
    },
    /// A local file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The request cannot be expressed; nothing was sent.
    #[error("{0}")]
    Invalid(String),
}

impl Error {
    /// Wraps the transport's error.
    pub(crate) fn transport(address: &str, error: &reqwest::Error) -> Self {
        let address = address.to_owned();
        if error.is_builder() {
            return Self::Invalid(format!("the request cannot be sent: {}", innermost(error)));
        }
        let reason = match error.is_timeout() {
            true => "it took longer than the time-out".to_owned(),
            false => innermost(error),
        };
        Self::Unreachable { address, reason }
    }

    /// Wraps the transport's error in the middle of an answer.
    pub(crate) fn in_answer(address: &str, error: &reqwest::Error) -> Self {
        match error.is_timeout() {
            true => Self::transport(address, error),
            false => Self::CutShort {
                address: address.to_owned(),
                reason: innermost(error),
            },
        }
    }

    /// Something in an answer that no faasm server says.
    pub(crate) fn protocol(address: &str, what: impl Into<String>) -> Self {
        Self::Protocol {
            address: address.to_owned(),
            what: what.into(),
        }
    }
}

fn innermost(error: &dyn StdError) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
