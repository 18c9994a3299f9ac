//! What can be set.

use std::time::Duration;

use crate::tls::Tls;

const MIB: usize = 1 << 20;

/// How large a body can be set to be at the most: two of them are counted in 32 bits.
const MOST: usize = 1 << 30;

/// TLS, bounds and times of the links. All servers of a cluster must have TLS or none of them;
/// in everything else they may differ.
#[derive(Clone, Debug)]
pub struct Options {
    /// Encrypts all connections, and takes none that is not: none.
    pub tls: Option<Tls>,
    /// The largest body of a request or an answer that is taken, in bytes: 128 MiB, at most
    /// 1 GiB. A connection has at most twice as much of each on the way; a request is until its
    /// answer is there.
    pub max_request: usize,
    /// The largest message that is taken, in bytes: 64 MiB, at most 1 GiB. All streams of a
    /// connection have at most twice as much on the way altogether.
    pub max_message: usize,
    /// How many bytes of one stream may be on the way, from the sender's queue to the end of
    /// [`Service::message`](crate::Service::message): 16 MiB. One larger message goes all the same, by itself.
    pub stream_window: usize,
    /// How long a connection may take to be made: 2 s.
    pub connect_timeout: Duration,
    /// How long both sides may take to prove who they are: 5 s.
    pub handshake_timeout: Duration,
    /// How long after an attempt to connect the next one to the same peer is made: 200 ms.
    pub retry_after: Duration,
    /// After how long without anything else a sign of life is sent: 1 s.
    pub ping_every: Duration,
    /// After how long without a byte from the peer a connection is given up: 5 s. It also is
    /// how long a write may be stuck.
    pub dead_after: Duration,
    /// How many connections may be about to prove who they are: 64. Others wait.
    pub handshakes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            tls: None,
            max_request: 128 * MIB,
            max_message: 64 * MIB,
            stream_window: 16 * MIB,
            connect_timeout: Duration::from_secs(2),
            handshake_timeout: Duration::from_secs(5),
            retry_after: Duration::from_millis(200),
            ping_every: Duration::from_secs(1),
            dead_after: Duration::from_secs(5),
            handshakes: 64,
        }
    }
}

impl Options {
    /// The bounds, as the other side is told them.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            request: bounded(self.max_request),
            message: bounded(self.max_message),
            stream: bounded(self.stream_window),
        }
    }
}

/// What one side takes from the other, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The largest request, or answer.
    pub(crate) request: u32,
    /// The largest message.
    pub(crate) message: u32,
    /// What may be on the way of one stream.
    pub(crate) stream: u32,
}

impl Limits {
    /// What may be on the way of all requests, or all answers: charges are at most half of it.
    pub(crate) fn requests(&self) -> u32 {
        self.request * 2
    }

    /// What may be on the way of all messages.
    pub(crate) fn messages(&self) -> u32 {
        self.message * 2
    }

    /// Whether they can be worked with.
    pub(crate) fn are_sound(&self) -> bool {
        [self.request, self.message, self.stream]
            .into_iter()
            .all(|n| bounded(n as usize) == n)
    }
}

/// At least 64 KiB, so that no window is too small to carry anything.
fn bounded(size: usize) -> u32 {
    u32::try_from(size.clamp(64 << 10, MOST)).unwrap_or(1 << 30)
}
