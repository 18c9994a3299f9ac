//! A network that breaks.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Passes on what it gets, until so many bytes have come back from the server.
pub struct Proxy {
    pub address: SocketAddr,
    left: Arc<AtomicU64>,
    _running: JoinSet<()>,
}

impl Proxy {
    /// One that passes on all.
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, left) = (
            listener.local_addr().unwrap(),
            Arc::new(AtomicU64::new(u64::MAX)),
        );
        let mut running = JoinSet::new();
        let of_each = Arc::clone(&left);
        running.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(pass_on(client, server, Arc::clone(&of_each)));
            }
        });
        Self {
            address,
            left,
            _running: running,
        }
    }

    /// Breaks all connections when so many more bytes have come back.
    pub fn break_after(&self, bytes: u64) {
        self.left.store(bytes, Relaxed);
    }
}

async fn pass_on(client: TcpStream, server: SocketAddr, left: Arc<AtomicU64>) {
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let there = tokio::io::copy(&mut from_client, &mut to_server);
    let back = async {
        let mut piece = [0; 4096];
        while let Ok(read @ 1..) = from_server.read(&mut piece).await {
            let left = left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(read as u64));
            if left.is_err() || to_client.write_all(&piece[..read]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        _ = there => {}
        () = back => {}
    }
}
