//! What can go wrong with a Redis, and what to do about it.

use std::time::Duration;

use faasm_state::tier;
use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Why a Redis did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be read.
    #[error(
        "--redis must be an address such as redis://user:password@host:6379/0, rediss://host or redis+unix:///path ({0})"
    )]
    Url(String),
    /// The prefix has other characters, or too many.
    #[error("--redis-prefix must be 1 to 64 letters, digits and . _ -; this one is {0:?}")]
    Prefix(String),
    /// The system gives no thread.
    #[error("the system gives no thread for Redis ({0})")]
    Thread(String),
    /// The server does not do its work.
    #[error("Redis at {server} {problem}")]
    Server {
        /// Its address, without the password.
        server: String,
        /// What is wrong.
        problem: Problem,
    },
    /// The tier is closed.
    #[error(transparent)]
    Closed(#[from] Closed),
}

/// The tier is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the state is closed because the server is shutting down; try again later")]
pub struct Closed;

/// What is wrong with a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Nobody is there, or the connection broke.
    #[error("cannot be reached ({0}); start it, or correct the address in --redis")]
    Unreachable(String),
    /// What answers there, if anything, is not TLS.
    #[error(
        "cannot be reached with TLS ({0}); check that it runs. If it has no TLS at this port, begin the address in --redis with redis://"
    )]
    NoTls(String),
    /// Nobody vouches for its certificate.
    #[error(
        "has a certificate that this machine does not trust ({0}); correct the name in --redis, or name who vouches for it with SSL_CERT_FILE"
    )]
    Certificate(String),
    /// It is there and says nothing.
    #[error(
        "did not answer within {0:?}; check that it runs and has the time. What was asked may have been done, but will not be done any more"
    )]
    Silent(Duration),
    /// The user or the password is wrong, or missing.
    #[error("refuses the user or the password ({0}); correct them in --redis")]
    Password(String),
    /// The user may not do what is needed.
    #[error(
        "forbids its user what faasm needs ({0}); allow it by an ACL as on the page about clusters"
    )]
    Forbidden(String),
    /// It has just been started.
    #[error("is still loading its data; wait, then try again")]
    Loading,
    /// It takes no writes.
    #[error("is a read-only replica; name the primary in --redis")]
    ReadOnly,
    /// It has no memory left.
    #[error("has no memory left (its maxmemory); raise that, or remove state")]
    NoMemory,
    /// It cannot write its own files.
    #[error(
        "cannot save its data and therefore takes no changes ({0}); free its disk, or mend its directory"
    )]
    NotSaving(String),
    /// It lacks commands.
    #[error("has version {0}, which is too old; 6.2 or newer is needed")]
    TooOld(String),
    /// It has a part of the keys only.
    #[error(
        "is a node of a Redis Cluster, which is not supported; use a server without cluster-enabled"
    )]
    Clustered,
    /// What is below the prefix was written by another version of faasm.
    #[error(
        "holds a cluster under this prefix whose layout is {found}, and this server knows {known} only; run the same version of faasm on all machines, or use another --redis-prefix"
    )]
    Layout {
        /// What is there.
        found: String,
        /// What this version writes.
        known: u64,
    },
    /// It is not the one this worker belongs to.
    #[error(
        "holds the cluster {found}, and this server belongs to {own}: the data was lost or exchanged, or the address is wrong. Correct --redis or --redis-prefix; to join the other cluster, start with another data directory"
    )]
    OtherCluster {
        /// The cluster that was found.
        found: String,
        /// The cluster that was expected.
        own: String,
    },
    /// Its clock was set forward between a question and its answer.
    #[error(
        "has a clock that jumps; have it follow the time smoothly (chrony, or ntpd with slewing)"
    )]
    Clock,
    /// What it holds is not what faasm wrote.
    #[error("holds something else than faasm wrote: {0}")]
    Damaged(String),
    /// Anything else.
    #[error("failed ({0}); see its log")]
    Failed(String),
}

impl Problem {
    /// What an error of the client library means.
    pub(super) fn of(error: &RedisError, timeout: Duration) -> Self {
        let text = error.to_string();
        // Servers before 7 put the place in the script before the code.
        let says = |code: &str| error.code() == Some(code) || text.contains(code);
        match error.kind() {
            ErrorKind::AuthenticationFailed => Self::Password(text),
            ErrorKind::Io if error.is_timeout() => Self::Silent(timeout),
            ErrorKind::Io if text.contains("invalid peer certificate") => Self::Certificate(text),
            ErrorKind::Io if text.contains("corrupt message") || text.contains("handshake") => {
                Self::NoTls(text)
            }
            ErrorKind::Io => Self::Unreachable(text),
            ErrorKind::Server(ServerErrorKind::BusyLoading) => Self::Loading,
            ErrorKind::Server(ServerErrorKind::ReadOnly) => Self::ReadOnly,
            ErrorKind::Server(ServerErrorKind::NoPerm) => Self::Forbidden(text),
            _ if says("WRONGPASS") || says("NOAUTH") || says("invalid password") => {
                Self::Password(text)
            }
            _ if says("NOPERM") || says("No permissions") => Self::Forbidden(text),
            _ if says("LOADING") => Self::Loading,
            _ if says("READONLY") => Self::ReadOnly,
            _ if says("OOM") => Self::NoMemory,
            _ if says("MISCONF") => Self::NotSaving(text),
            _ if says("WRONGTYPE") => Self::Damaged(text),
            _ => Self::Failed(text),
        }
    }

    pub(super) fn at(self, server: &str) -> Error {
        Error::Server {
            server: server.to_owned(),
            problem: self,
        }
    }

    /// Whether all that needs the server fails of it, until the connection is good again.
    pub(super) fn is_away(&self) -> bool {
        self.is_of_connection() || matches!(self, Self::Silent(_))
    }

    /// Whether another connection may help.
    pub(super) fn is_of_connection(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(_) | Self::NoTls(_) | Self::ReadOnly | Self::Loading
        )
    }
}

impl Error {
    /// Whether the server is away, or closed.
    pub(super) fn is_away(&self) -> bool {
        match self {
            Self::Server { problem, .. } => problem.is_away(),
            Self::Closed(_) => true,
            _ => false,
        }
    }
}

impl From<Error> for tier::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Closed(Closed) => Self::Closed,
            Error::Server {
                problem: Problem::NoMemory,
                ..
            } => Self::NoSpace,
            Error::Server {
                problem: Problem::Damaged(what),
                ..
            } => Self::Corrupted(what),
            other => Self::Unavailable(other.to_string()),
        }
    }
}
