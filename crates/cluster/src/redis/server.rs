//! One server for all that a worker keeps there beside its state.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;

use super::address::{client, tcp_address};
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

    /// The address of this machine on its way to the server, of the fourth version of the protocol
    /// if that is a condition.
    pub async fn local_ip(&self, only_v4: bool) -> Option<IpAddr> {
        let target = tcp_address(self.0.link.client())?;
        let mut targets = tokio::net::lookup_host(target).await.ok()?;
        let target = targets.find(|addr| addr.is_ipv4() || !only_v4)?;
        let any: IpAddr = match target.is_ipv4() {
            true => Ipv4Addr::UNSPECIFIED.into(),
            false => Ipv6Addr::UNSPECIFIED.into(),
        };
        // Nothing is sent by this.
        let socket = UdpSocket::bind((any, 0)).await.ok()?;
        socket.connect(target).await.ok()?;
        Some(socket.local_addr().ok()?.ip())
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
