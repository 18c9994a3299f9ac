//! A detour on the way to a server, where what is sent can be held up. It stands in for a slow
//! link where the kernel cannot make one.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

/// Most bytes that are held up as one.
const CHUNK: usize = 64 << 10;

/// Chunks that are held up in one direction of a connection.
const CHUNKS: usize = 256;

/// Passes connections on; dropping it ends them.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    delay: Arc<AtomicU64>,
    running: AbortHandle,
}

impl Relay {
    /// Listens on a free port of `host`, for what is at `to`.
    pub async fn start(host: IpAddr, to: SocketAddr) -> Self {
        let listener = TcpListener::bind((host, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let delay = Arc::new(AtomicU64::new(0));
        let running = tokio::spawn(accept(listener, to, Arc::clone(&delay)));
        Self {
            address,
            delay,
            running: running.abort_handle(),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Holds what comes from now on up for so long, in each direction.
    pub fn delay(&self, delay: Duration) {
        let micros = u64::try_from(delay.as_micros()).unwrap();
        self.delay.store(micros, Ordering::Relaxed);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// Passes on until it is aborted, with all connections.
async fn accept(listener: TcpListener, to: SocketAddr, delay: Arc<AtomicU64>) {
    let mut connections = JoinSet::new();
    while let Ok((near, _)) = listener.accept().await {
        let delay = Arc::clone(&delay);
        connections.spawn(async move {
            // Who connects is told that nobody is there by the end of the connection.
            let Ok(far) = TcpStream::connect(to).await else {
                return;
            };
            let _ = (near.set_nodelay(true), far.set_nodelay(true));
            let (near, far) = (near.into_split(), far.into_split());
            tokio::join!(carry(near.0, far.1, &delay), carry(far.0, near.1, &delay));
        });
    }
}

/// One direction, until either end is closed.
async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    delay: &AtomicU64,
) {
    let (held, mut due) = mpsc::channel::<(Instant, Vec<u8>)>(CHUNKS);
    let take = async move {
        loop {
            let mut chunk = Vec::with_capacity(CHUNK);
            match from.read_buf(&mut chunk).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            let delay = Duration::from_micros(delay.load(Ordering::Relaxed));
            if held.send((Instant::now() + delay, chunk)).await.is_err() {
                return;
            }
        }
    };
    let give = async move {
        while let Some((when, chunk)) = due.recv().await {
            sleep_until(when).await;
            if to.write_all(&chunk).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    };
    tokio::join!(take, give);
}
