//! The links of this process to all others.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::Service;
use crate::accept::Registry;
use crate::core::Core;
use crate::error::Error;
use crate::key::LinkKey;
use crate::options::Options;
use crate::peer::{Peer, PeerId};

/// This process's links to all others. Cheap to clone; dropping the last one closes them.
#[derive(Clone)]
pub struct Links {
    core: Arc<Core>,
    _closes: Arc<DropGuard>,
}

impl Links {
    /// Takes the connections that come to `listener`, and lets `service` answer them. Must be
    /// called in a Tokio runtime.
    ///
    /// `me` must be chosen anew at every start of the process: it is how others notice that
    /// whom they talked to has gone.
    #[must_use]
    pub fn open(
        listener: TcpListener,
        key: LinkKey,
        me: PeerId,
        service: Arc<dyn Service>,
        options: Options,
    ) -> Self {
        let stop = CancellationToken::new();
        let core = Arc::new(Core {
            me,
            key,
            options,
            service,
            incoming: Registry::default(),
            epoch: AtomicU64::new(0),
            stop: stop.clone(),
            tasks: TaskTracker::new(),
            peers: Mutex::new(HashMap::new()),
        });
        core.tasks.spawn(Arc::clone(&core).accept(listener));
        Self {
            core,
            _closes: Arc::new(stop.drop_guard()),
        }
    }

    /// Sends a request and waits for its answer, connecting if need be. It waits while the
    /// peer has too much of this process's to do. Dropping the future cancels the request at
    /// the other side.
    ///
    /// # Errors
    ///
    /// Those of connecting, [`Error::Failed`] with what the other side says,
    /// [`Error::NotSent`] when the connection breaks while the request waits for its turn, and
    /// [`Error::Lost`] when it breaks before the answer has come: the request may
    /// have been done all the same.
    pub async fn request(&self, peer: &Peer, body: Bytes) -> Result<Bytes, Error> {
        let slot = self.core.slot(&peer.id);
        let connection = self.core.connection(peer, &slot).await?;
        connection.request(body).await
    }

    /// Sends a message. Messages that one task sends one after the other come in that order
    /// in each stream. It waits while the peer has too much of the stream, or of all streams
    /// of this process, that it has not taken yet; it does not wait until the message is taken.
    ///
    /// # Errors
    ///
    /// Those of connecting. [`Error::Lost`] when the connection broke, now or since the last
    /// message of this stream: this message was not sent, and earlier ones may have been lost.
    /// Each stream that may have lost some fails once, and goes over a new connection after that.
    pub async fn send(&self, peer: &Peer, stream: u64, body: Bytes) -> Result<(), Error> {
        let slot = self.core.slot(&peer.id);
        if slot.was_broken(stream) {
            let reason = "messages that were sent may not have come".to_owned();
            return Err(Error::Lost {
                peer: peer.id.clone(),
                reason,
            });
        }
        let connection = self.core.connection(peer, &slot).await?;
        let sent = connection.send(stream, body).await;
        if let Err(Error::Lost { .. }) = sent {
            // This is the one time that it is told.
            slot.was_broken(stream);
        }
        sent
    }

    /// Breaks all connections and stops listening. What is under way fails with
    /// [`Error::Closed`] here, and as lost at the others.
    pub async fn close(&self) {
        self.core.stop.cancel();
        self.core.tasks.close();
        self.core.tasks.wait().await;
    }
}
