//! What can go wrong.

use std::time::Duration;

use crate::PeerId;

/// Why something was not done at another server, or perhaps not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nobody takes a connection there.
    #[error("{address} cannot be reached: {reason}")]
    Unreachable {
        /// Where it should listen.
        address: String,
        /// What the system says.
        reason: String,
    },
    /// It takes the connection, and then does not say who it is.
    #[error(
        "{address} takes connections, but said nothing for {waited:?}: it hangs, or is no faasm server"
    )]
    Silent {
        /// Where it listens.
        address: String,
        /// For how long it was waited.
        waited: Duration,
    },
    /// What answers there is something else.
    #[error(
        "{address} is no faasm server, or one whose answer makes no sense: correct the address it is known by"
    )]
    NotALink {
        /// Where it listens.
        address: String,
    },
    /// It is of a version with another protocol.
    #[error(
        "{address} speaks version {theirs} of the protocol between servers, and this server version {ours}: run one version everywhere"
    )]
    Version {
        /// Where it listens.
        address: String,
        /// This server's.
        ours: u32,
        /// That server's.
        theirs: u32,
    },
    /// The two have different keys, or each has its TLS with somebody in between.
    #[error(
        "{address} has another cluster key, or what is in between opens their TLS: give all servers of the cluster the same key"
    )]
    WrongKey {
        /// Where it listens.
        address: String,
    },
    /// It has TLS, and this process has not.
    #[error(
        "{address} has TLS for what servers send each other, and this server has not: give all servers of the cluster --cluster-tls, or none of them"
    )]
    OnlyTls {
        /// Where it listens.
        address: String,
    },
    /// It has no TLS, and this process has.
    #[error(
        "{address} has no TLS for what servers send each other, and this server has: give all servers of the cluster --cluster-tls, or none of them"
    )]
    NoTls {
        /// Where it listens.
        address: String,
    },
    /// The address has become another process's.
    #[error("{address} is {found} now and no longer {expected}")]
    OtherPeer {
        /// Where it listens.
        address: String,
        /// Who was looked for.
        expected: PeerId,
        /// Who is there.
        found: PeerId,
    },
    /// The connection broke before anything of the request was sent: it was not done.
    #[error("the connection to {peer} was lost before the request was sent: {reason}")]
    NotSent {
        /// The other side.
        peer: PeerId,
        /// What happened to it.
        reason: String,
    },
    /// The connection broke. What was sent may have been lost, or may have been done.
    #[error("the connection to {peer} was lost: {reason}")]
    Lost {
        /// The other side.
        peer: PeerId,
        /// What happened to it.
        reason: String,
    },
    /// The service at the other side refused the request.
    #[error("{peer} could not do it: {message}")]
    Failed {
        /// Who refused.
        peer: PeerId,
        /// In its words.
        message: String,
    },
    /// The other side does not take bodies of that size. Nothing was sent.
    #[error("{size} bytes are more than the {limit} that {peer} takes at once")]
    TooLarge {
        /// The other side.
        peer: PeerId,
        /// Of the body.
        size: usize,
        /// The largest that is taken.
        limit: usize,
    },
    /// There is no certificate to begin TLS with.
    #[error("TLS between servers cannot be set up: {0}")]
    Tls(String),
    /// The links of this process were closed.
    #[error("this server is stopping")]
    Closed,
}

/// What ended a connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("{0}")]
    Io(String),
    #[error("the other side closed it")]
    Ended,
    #[error("nothing came for {0:?}")]
    Silent(Duration),
    #[error("the other side took nothing for {0:?}")]
    Stuck(Duration),
    #[error("the other side broke the protocol: {0}")]
    Violation(&'static str),
    #[error("the other side connected anew")]
    Replaced,
    #[error("this server is stopping")]
    Closed,
    #[error("a fault of this server")]
    Panicked,
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Self::Ended,
            _ => Self::Io(error.to_string()),
        }
    }
}
