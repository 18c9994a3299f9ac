//! What the tasks of all connections share.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Service;
use crate::accept::Registry;
use crate::handshake::Identity;
use crate::key::LinkKey;
use crate::options::Options;
use crate::peer::PeerId;
use crate::slot::Slot;
use crate::sync::lock;

/// How long after the last attempt to reach it a peer that is gone is forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(60);

/// How many peers there may be before one looks which are gone.
const MANY: usize = 16;

/// The links of a process.
pub(crate) struct Core {
    pub(crate) me: PeerId,
    pub(crate) key: LinkKey,
    pub(crate) options: Options,
    pub(crate) service: Arc<dyn Service>,
    pub(crate) incoming: Registry,
    /// How often this process has dialed.
    pub(crate) epoch: AtomicU64,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
    pub(crate) peers: Mutex<HashMap<PeerId, Arc<Slot>>>,
}

impl Core {
    pub(crate) fn identity(&self) -> Identity<'_> {
        Identity {
            id: &self.me,
            key: &self.key,
            limits: self.options.limits(),
        }
    }

    /// What there is about a peer.
    pub(crate) fn slot(&self, id: &PeerId) -> Arc<Slot> {
        let mut peers = lock(&self.peers);
        if let Some(slot) = peers.get(id) {
            return Arc::clone(slot);
        }
        if peers.len() >= MANY {
            // Who is about to use one has a clone.
            peers.retain(|_, slot| Arc::strong_count(slot) > 1 || !slot.is_stale(FORGET_AFTER));
        }
        Arc::clone(peers.entry(id.clone()).or_default())
    }
}
