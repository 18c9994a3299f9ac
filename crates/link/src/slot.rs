//! What there is about one peer: the connection to it, if there is one.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, Fault};
use crate::outgoing::Outgoing;
use crate::sync::lock;

/// The last attempt to connect.
pub(crate) struct Attempt {
    pub(crate) at: Instant,
    /// What came of it, unless a connection did.
    pub(crate) error: Option<Error>,
}

#[derive(Default)]
struct Link {
    current: Option<Arc<Outgoing>>,
    /// The streams that were broken off, and whose senders were not told yet.
    broken: HashSet<u64>,
}

/// One peer, as this process sends to it.
#[derive(Default)]
pub(crate) struct Slot {
    link: Mutex<Link>,
    /// Held while one caller connects; the others wait for what comes of it.
    pub(crate) dialing: tokio::sync::Mutex<Option<Attempt>>,
}

impl Slot {
    /// The connection, if there is one.
    pub(crate) fn current(&self) -> Option<Arc<Outgoing>> {
        lock(&self.link).current.clone()
    }

    /// There is a connection now.
    pub(crate) fn connected(&self, connection: Arc<Outgoing>) {
        lock(&self.link).current = Some(connection);
    }

    /// The connection broke: it is marked, and there is none any more.
    pub(crate) fn broken(&self, connection: &Outgoing, fault: Fault) {
        // Who is failed by the mark and asks `was_broken` waits for the answer.
        let mut link = lock(&self.link);
        link.current = None;
        link.broken.extend(connection.mark(fault));
    }

    /// Whether the stream was broken off since this was asked last.
    pub(crate) fn was_broken(&self, stream: u64) -> bool {
        let mut link = lock(&self.link);
        !link.broken.is_empty() && link.broken.remove(&stream)
    }

    /// Whether there is nothing to remember: no connection, and no attempt for a while.
    pub(crate) fn is_stale(&self, after: Duration) -> bool {
        let tried = self.dialing.try_lock();
        let old = tried.is_ok_and(|last| last.as_ref().is_none_or(|l| l.at.elapsed() > after));
        old && lock(&self.link).current.is_none()
    }
}
