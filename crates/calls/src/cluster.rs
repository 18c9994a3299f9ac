//! Calls that several servers share: what they are told of one another.

use std::sync::Arc;

use bytes::Bytes;
use faasm_calllog::{CallLog, SharedLog};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::handover::{Handed, HandedOver};

/// Where asynchronous calls are kept, and with whom they are shared.
pub enum Company {
    /// This server has its log for itself, and runs all calls that are in it.
    Alone(Arc<dyn CallLog>),
    /// It is one of several.
    Cluster(Cluster),
}

/// What a server of a cluster knows of it.
pub struct Cluster {
    /// The log of them all.
    pub log: Arc<dyn SharedLog>,
    /// The others.
    pub peers: Arc<dyn Peers>,
    /// Whether this server runs calls of the log.
    pub runs: bool,
}

/// The other servers of a cluster.
pub trait Peers: Send + Sync {
    /// Whether all that others have changed is in force here. No call begins while it is
    /// not. Cheap: it is asked at every call.
    fn is_current(&self) -> bool;

    /// Has another server run a call, if one has room for it. Dropping the future cancels it.
    fn hand_over(&self, call: Handed) -> BoxFuture<'_, HandedOver>;

    /// Waits until another server may have room.
    fn room(&self) -> BoxFuture<'_, ()>;

    /// Drops what all servers, this one too, have cached, and returns when that is done.
    ///
    /// # Errors
    /// Why some may not have heard of it, for people.
    fn flush(&self) -> BoxFuture<'_, Result<(), String>>;

    /// This server, as the others know it.
    fn me(&self) -> Worker;

    /// The others that run calls and are of this version, those first that seem to be the emptiest.
    fn workers(&self) -> Vec<Worker>;

    /// How many calls those can run at a time altogether.
    fn capacity(&self) -> u32;

    /// Has another server do what [`Calls::answer`](crate::Calls::answer) does there, and gives its
    /// answer. Dropping the future ends that.
    fn request<'a>(
        &'a self,
        to: &'a Worker,
        asked: Bytes,
    ) -> BoxFuture<'a, Result<Bytes, NotAnswered>>;

    /// A way to send messages to [`Calls::hear`](crate::Calls::hear) of another server.
    fn line(&self, to: &Worker, stream: u64) -> Arc<dyn Line>;
}

/// A server that runs calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worker {
    /// Its id, new at every start.
    pub id: String,
    /// Where others reach it: `host:port`.
    pub address: String,
}

/// A stream of messages to another server.
pub trait Line: Send + Sync {
    /// Sends a message, behind those before it, when there is room on the way. A future that is not
    /// ready yet has done nothing, and may be dropped.
    ///
    /// # Errors
    /// Why this message, and perhaps earlier ones, are lost.
    fn send(&self, message: Bytes) -> BoxFuture<'_, Result<(), String>>;
}

/// Why a server gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnswered {
    /// It does not know what was asked: nothing was done.
    #[error("{0}")]
    NotAsked(String),
    /// It was lost: what was asked may have been done.
    #[error("{0}")]
    Lost(String),
    /// It says that it cannot.
    #[error("{0}")]
    Failed(String),
}

impl Company {
    pub(crate) fn log(&self) -> Arc<dyn CallLog> {
        match self {
            Self::Alone(log) => Arc::clone(log),
            Self::Cluster(cluster) => Arc::clone(&cluster.log) as Arc<dyn CallLog>,
        }
    }

    pub(crate) fn cluster(&self) -> Option<&Cluster> {
        match self {
            Self::Alone(_) => None,
            Self::Cluster(cluster) => Some(cluster),
        }
    }

    /// Whether a call may begin here.
    pub(crate) fn is_current(&self) -> bool {
        self.cluster()
            .is_none_or(|cluster| cluster.peers.is_current())
    }
}
