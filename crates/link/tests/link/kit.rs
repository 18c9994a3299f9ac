//! Processes that talk to each other, and what they saw.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use faasm_link::{LinkKey, Links, Options, Peer, PeerId, Service, Tls};
use futures::future::{BoxFuture, FutureExt};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio::time::timeout;

pub const KEY: [u8; 32] = [7; 32];

/// Streams from this one on wait for the gate.
pub const GATED: u64 = 1000;

/// Longer than anything takes that works.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a service saw.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// A request that is held.
    Asked(Bytes),
    /// A held request was dropped.
    Dropped,
    Message(u64, Bytes),
    Lost(PeerId),
}

/// Answers requests with themselves, or as they say, and tells what comes.
pub struct Recorder {
    seen: mpsc::UnboundedSender<Event>,
    gate: Arc<Semaphore>,
}

struct TellDrop(mpsc::UnboundedSender<Event>);

impl Drop for TellDrop {
    fn drop(&mut self) {
        let _ = self.0.send(Event::Dropped);
    }
}

impl Service for Recorder {
    fn request(&self, _: &PeerId, body: Bytes) -> BoxFuture<'static, Result<Bytes, String>> {
        let (seen, gate) = (self.seen.clone(), Arc::clone(&self.gate));
        async move {
            if body.starts_with(b"hold") {
                let _tell = TellDrop(seen.clone());
                let _ = seen.send(Event::Asked(body.clone()));
                gate.acquire().await.unwrap().forget();
            }
            assert!(!body.starts_with(b"panic"), "as it was asked to");
            match body.strip_prefix(b"fail ") {
                Some(why) => Err(String::from_utf8_lossy(why).into_owned()),
                None => Ok(body),
            }
        }
        .boxed()
    }

    fn message(&self, _: &PeerId, stream: u64, body: Bytes) -> BoxFuture<'static, ()> {
        let (seen, gate) = (self.seen.clone(), Arc::clone(&self.gate));
        async move {
            if stream >= GATED {
                gate.acquire().await.unwrap().forget();
            }
            assert_ne!(body, "panic", "as it was asked to");
            let _ = seen.send(Event::Message(stream, body));
        }
        .boxed()
    }

    fn lost(&self, peer: &PeerId) {
        let _ = self.seen.send(Event::Lost(peer.clone()));
    }
}

/// A process, as far as its links go.
pub struct Node {
    pub links: Links,
    pub peer: Peer,
    /// Lets held requests and gated messages go on, one each.
    pub gate: Arc<Semaphore>,
    seen: Mutex<mpsc::UnboundedReceiver<Event>>,
}

impl Node {
    pub async fn new(id: &str) -> Self {
        Self::with(id, "127.0.0.1:0", KEY, Options::default()).await
    }

    /// One with TLS.
    pub async fn secure(id: &str) -> Self {
        Self::with(id, "127.0.0.1:0", KEY, secure()).await
    }

    pub async fn with(id: &str, address: &str, key: [u8; 32], options: Options) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let peer = Peer {
            id: id_of(id),
            address,
        };
        let (seen, sees) = mpsc::unbounded_channel();
        let gate = Arc::new(Semaphore::new(0));
        let service = Arc::new(Recorder {
            seen,
            gate: Arc::clone(&gate),
        });
        let links = Links::open(
            listener,
            LinkKey::new(&key),
            peer.id.clone(),
            service,
            options,
        );
        Self {
            links,
            peer,
            gate,
            seen: Mutex::new(sees),
        }
    }

    /// What the service saw next.
    pub async fn sees(&self) -> Event {
        let mut seen = self.seen.lock().await;
        within(async { seen.recv().await.unwrap() }).await
    }

    /// Waits until the service sees this, whatever comes before it.
    pub async fn sees_at_last(&self, event: &Event) {
        while self.sees().await != *event {}
    }

    pub async fn sees_nothing_yet(&self) {
        let seen = self.seen.lock().await.try_recv();
        assert!(seen.is_err(), "{seen:?}");
    }
}

/// A listener that is no node but that the test speaks for, and what it is known as.
pub async fn stranger() -> (TcpListener, Peer) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (
        listener,
        Peer {
            id: id_of("b"),
            address,
        },
    )
}

/// Options with which a peer that is gone is noticed soon.
pub fn impatient() -> Options {
    let second = Duration::from_secs(1);
    Options {
        ping_every: second / 10,
        dead_after: second,
        ..Options::default()
    }
}

/// Options with TLS, and enough patience for a test to hang where it would end by a timeout.
pub fn secure() -> Options {
    Options {
        tls: Some(Tls::new().unwrap()),
        handshake_timeout: 10 * PATIENCE,
        ..Options::default()
    }
}

pub fn id_of(id: &str) -> PeerId {
    PeerId::new(id).unwrap()
}

/// Waits for what happens soon if it ever does.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it hangs")
}

/// Bytes that are the same for the same seed.
pub fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new()
        .update(&seed.to_le_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}
