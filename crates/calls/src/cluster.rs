//! Calls that several servers share: what they are told of one another.

use std::sync::Arc;

use faasm_calllog::{CallLog, SharedLog};
use futures::future::BoxFuture;

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
