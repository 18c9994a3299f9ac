//! What the two ends of a connection have in common: a reader, a writer, and signs of life.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use bytes::Buf;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::batch::Batch;
use crate::error::Fault;
use crate::frame::Kind;
use crate::options::Options;
use crate::outbox::Outbox;

/// Whether something came and went since one looked last.
#[derive(Default)]
pub(crate) struct Pulse {
    heard: AtomicBool,
    wrote: AtomicBool,
}

impl Pulse {
    pub(crate) fn hear(&self) {
        self.heard.store(true, Relaxed);
    }
}

/// A connection whose two sides know each other.
pub(crate) struct Connection<W> {
    pub(crate) writer: W,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) pulse: Arc<Pulse>,
    /// Ends it.
    pub(crate) stop: CancellationToken,
}

impl<W: AsyncWrite + Unpin + Send + 'static> Connection<W> {
    /// Runs a connection until it ends, and says why it did. `read` is its reader, and `tidy`
    /// is called now and then.
    pub(crate) async fn run(
        self,
        read: impl Future<Output = Fault> + Send + 'static,
        tidy: impl Fn() + Send + 'static,
        options: &Options,
    ) -> Fault {
        let mut parts = JoinSet::new();
        parts.spawn(read);
        parts.spawn(write(
            self.writer,
            Arc::clone(&self.outbox),
            Arc::clone(&self.pulse),
            options.dead_after,
        ));
        parts.spawn(keep_alive(self.outbox, self.pulse, tidy, options.clone()));
        let fault = tokio::select! {
            first = parts.join_next() => match first {
                Some(Ok(fault)) => fault,
                _ => Fault::Panicked,
            },
            () = self.stop.cancelled() => Fault::Closed,
        };
        parts.shutdown().await;
        fault
    }
}

/// Writes what is queued, as much as there is at once.
async fn write<W: AsyncWrite + Unpin>(
    mut to: W,
    outbox: Arc<Outbox>,
    pulse: Arc<Pulse>,
    patience: Duration,
) -> Fault {
    let mut batch = Batch::default();
    loop {
        if let Err(fault) = outbox.next(&mut batch).await {
            return fault;
        }
        while batch.has_remaining() {
            match timeout(patience, to.write_buf(&mut batch)).await {
                Ok(Ok(0)) => return Fault::Ended,
                Ok(Ok(_)) => pulse.wrote.store(true, Relaxed),
                Ok(Err(error)) => return error.into(),
                Err(_) => return Fault::Stuck(patience),
            }
        }
        // What TLS has encrypted and could not write yet.
        match timeout(patience, to.flush()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return error.into(),
            Err(_) => return Fault::Stuck(patience),
        }
    }
}

/// Says that this side lives when it says nothing else, and notices when the other does not.
///
/// Silence is counted in ticks that were awake, so that a process that was stopped itself
/// first reads what came meanwhile.
async fn keep_alive(
    outbox: Arc<Outbox>,
    pulse: Arc<Pulse>,
    tidy: impl Fn(),
    options: Options,
) -> Fault {
    let tick = (options.ping_every / 2).max(Duration::from_millis(1));
    let mut ticks = interval(tick);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    let mut silent = Duration::ZERO;
    loop {
        ticks.tick().await;
        tidy();
        if pulse.heard.swap(false, Relaxed) {
            silent = Duration::ZERO;
        } else {
            silent += tick;
        }
        if silent >= options.dead_after {
            return Fault::Silent(options.dead_after);
        }
        if !pulse.wrote.swap(false, Relaxed) {
            outbox.control(Kind::Alive, 0, 0);
        }
    }
}
