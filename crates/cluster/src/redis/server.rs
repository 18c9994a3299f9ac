//! One server for all that a worker keeps there beside its state.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::address::client;
use super::assemble::Code;
use super::clock::Clock;
use super::connect::random_id;
use super::ears::{Ear, Ears};
use super::error::Error;
use super::link::Link;
use super::options::RedisOptions;
use super::request::Call;

/// A Redis server, as [`RedisLog`](super::RedisLog) and [`Members`](super::Members) share
/// it. Cheap to clone; the connections end with the last clone.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    link: Link,
    ears: Ears,
    /// This process, among all workers that ever were.
    worker: String,
    /// Where words to others are sent.
    channels: String,
    /// The server's clock when it was last seen.
    clock: Mutex<Clock>,
}

impl Redis {
    /// Connects to the server, and makes it a cluster's if it is new.
    ///
    /// # Errors
    /// Whatever may be wrong with the options or the server.
    pub async fn connect(options: &RedisOptions) -> Result<Self, Error> {
        let link = Link::open(options).await?;
        let (ears, listening) = Ears::new(client(&options.url)?, options.timeout);
        link.spawn(listening);
        // Channels know nothing of databases: so the cluster's id is in their names.
        let channels = format!("{}{}:", link.prefix().cluster(), link.cluster());
        let clock = link.clock().unwrap_or(Clock::new(0, Instant::now()));
        Ok(Self(Arc::new(Inner {
            link,
            ears,
            worker: random_id(),
            channels,
            clock: Mutex::new(clock),
        })))
    }

    /// The id of the cluster that the server holds.
    #[must_use]
    pub fn cluster(&self) -> &str {
        self.0.link.cluster()
    }

    /// The random id by which this worker is known to others.
    #[must_use]
    pub fn worker(&self) -> &str {
        &self.0.worker
    }

    /// The server's time, in milliseconds since 1970; counted on from what was seen last
    /// while it cannot be reached.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        let mut clock = self.0.clock.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = self.0.link.clock() {
            *clock = known;
        }
        clock.now_ms()
    }

    pub(super) fn link(&self) -> &Link {
        &self.0.link
    }

    /// Listens to what others say there.
    pub(super) fn listen(&self, channel: &str) -> Ear {
        self.0.ears.listen(format!("{}{channel}", self.0.channels))
    }

    /// A script that may say something to others.
    pub(super) fn call(&self, code: &'static Code, tag: String) -> Call {
        let call = Call::new(code, tag);
        call.arg(&self.0.channels).arg(&self.0.worker)
    }
}

/// Something to hear, or a while.
pub(super) async fn hear_within(ear: &mut Ear, longest: Duration) {
    // Either is a reason to look.
    let _ = tokio::time::timeout(longest, ear.hear()).await;
}
