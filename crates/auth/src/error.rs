//! What can go wrong with tokens.

use std::path::PathBuf;

use faasm_database::Fault;

use crate::TokenId;

/// What a [`TokenStore`](crate::TokenStore) answers.
pub type Result<T> = std::result::Result<T, Error>;

/// Why tokens were not changed, or not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing more can be written for now.
    #[error("the disk of the tokens is full; free some space and try again")]
    NoSpace,
    /// There is a token of this id; it stays.
    #[error("there is a token {0} already")]
    Exists(TokenId),
    /// No more tokens can be made.
    #[error("there are {0} tokens, which is the most; revoke those that are not used")]
    TooMany(usize),
    /// Another process has the store open.
    #[error(
        "the tokens {0} are in use by another process; stop that one or use another data directory"
    )]
    InUse(PathBuf),
    /// The store was closed; nothing reaches it any more.
    #[error("the store of tokens is closed because the server is shutting down; try again later")]
    Closed,
    /// The system gives no random numbers.
    #[error("the system gives no random numbers ({0}), and no token is made without")]
    NoRandomness(String),
    /// What keeps the tokens of several servers does not answer.
    #[error("the tokens of the cluster cannot be reached ({0}); try again later")]
    Unavailable(String),
    /// A token was revoked, and others were not told.
    #[error(
        "the token {id} is revoked, but other servers may still let it in ({why}); revoke it again until the answer is that it is revoked, or that there is none"
    )]
    Unannounced {
        /// The token.
        id: TokenId,
        /// Why they were not told.
        why: String,
    },
    /// The storage under the store failed.
    #[error("the storage of the tokens failed ({0}); check it, then try again")]
    Storage(String),
}

/// Why a token does not count. What a client is told about a token that does not exist and about
/// a wrong secret is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// There is no such token, or it was revoked.
    #[error("the token is not known here: it is wrong, or it was revoked")]
    Unknown,
    /// It has expired.
    #[error("the token has expired")]
    Expired,
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
