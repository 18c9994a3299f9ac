//! Takes the connections of others.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::connection::{Connection, Pulse};
use crate::core::Core;
use crate::error::Fault;
use crate::handshake::{self, Greeting, Refusal};
use crate::incoming::Incoming;
use crate::key::Channel;
use crate::outbox::Outbox;
use crate::peer::PeerId;
use crate::reader::FrameReader;
use crate::sync::lock;
use crate::tls::Halves;

/// How long to wait when the process has no descriptor left, for instance.
const PAUSE: Duration = Duration::from_millis(50);

/// The connection that a peer has made.
struct Live {
    epoch: u64,
    /// Ends it.
    stop: CancellationToken,
    /// It has ended, and nothing of it reaches the service any more.
    over: CancellationToken,
}

/// Which peers are connected: each at most once.
#[derive(Default)]
pub(crate) struct Registry(Mutex<HashMap<PeerId, Live>>);

impl Core {
    /// Takes connections until the links are closed.
    pub(crate) async fn accept(self: Arc<Self>, listener: TcpListener) {
        let greeting = Arc::new(Semaphore::new(self.options.handshakes.max(1)));
        let accept = async {
            loop {
                let Ok(permit) = Arc::clone(&greeting).acquire_owned().await else {
                    return;
                };
                match listener.accept().await {
                    Ok((stream, _)) => {
                        self.tasks.spawn(Arc::clone(&self).greet(stream, permit));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection of another server cannot be taken");
                        sleep(PAUSE).await;
                    }
                }
            }
        };
        tokio::select! {
            () = accept => {}
            () = self.stop.cancelled() => {}
        }
    }

    /// Finds out who dialed, and serves it.
    async fn greet(self: Arc<Self>, stream: TcpStream, permit: OwnedSemaphorePermit) {
        let from = stream.peer_addr().ok();
        let greeted = timeout(self.options.handshake_timeout, self.identify(stream));
        let greeted = tokio::select! {
            greeted = greeted => greeted,
            () = self.stop.cancelled() => return,
        };
        drop(permit);
        match greeted {
            Ok(Ok((theirs, Halves::Plain(reader, writer)))) => {
                self.run_incoming(theirs, reader, writer).await;
            }
            Ok(Ok((theirs, Halves::Tls(reader, writer)))) => {
                self.run_incoming(theirs, reader, writer).await;
            }
            Ok(Err(Refusal::WrongKey)) => {
                tracing::warn!(?from, "refused a connection with another cluster key");
            }
            Ok(Err(Refusal::OnlyTls)) => {
                tracing::warn!(?from, "refused a connection with TLS: this server has none");
            }
            Ok(Err(Refusal::NoTls)) => {
                tracing::warn!(?from, "refused a connection without TLS");
            }
            Ok(Err(refusal)) => tracing::debug!(?refusal, "refused a connection"),
            Err(_) => tracing::debug!("refused a connection on which nothing came"),
        }
    }

    /// Begins TLS if there is to be any, and makes sure of the other side.
    async fn identify(&self, mut stream: TcpStream) -> Result<(Greeting, Halves), Refusal> {
        stream.set_nodelay(true)?;
        let Some(tls) = &self.options.tls else {
            let theirs = handshake::accept(&mut stream, self.identity(), Channel::Plain).await?;
            return Ok((theirs, Halves::plain(stream)));
        };
        let (mut stream, channel) = tls.accept(stream).await?;
        let theirs = handshake::accept(&mut stream, self.identity(), channel).await?;
        Ok((theirs, Halves::tls(stream)))
    }

    async fn run_incoming<R, W>(self: Arc<Self>, theirs: Greeting, reader: R, writer: W)
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let peer = theirs.id;
        let Some((stop, over)) = self.incoming.enter(&peer, theirs.epoch, &self.stop).await else {
            return;
        };
        // However this ends, the next connection of the peer can begin.
        let _over = over.drop_guard();
        let outbox = Arc::new(Outbox::default());
        let incoming = Arc::new(Incoming::new(
            peer.clone(),
            Arc::clone(&self.service),
            self.options.limits(),
            theirs.limits,
            Arc::clone(&outbox),
        ));
        let pulse = Arc::new(Pulse::default());
        let read = Arc::clone(&incoming).read(FrameReader::new(reader, Arc::clone(&pulse)));
        let tidy = {
            let incoming = Arc::clone(&incoming);
            move || incoming.tidy()
        };
        let connection = Connection {
            writer,
            outbox,
            pulse,
            stop,
        };
        let fault = match connection.run(read, tidy, &self.options).await {
            Fault::Closed if !self.stop.is_cancelled() => Fault::Replaced,
            fault => fault,
        };
        tracing::debug!(%peer, %fault, "the connection from a server ended");
        incoming.end().await;
        if fault != Fault::Closed {
            self.service.lost(&peer);
        }
        self.incoming.leave(&peer, theirs.epoch);
    }
}

impl Registry {
    /// Makes this the peer's connection, once an earlier one is over. Returns what ends it and
    /// what says that it is over; nothing if a later connection is there already.
    async fn enter(
        &self,
        peer: &PeerId,
        epoch: u64,
        all: &CancellationToken,
    ) -> Option<(CancellationToken, CancellationToken)> {
        loop {
            let over = match lock(&self.0).entry(peer.clone()) {
                Entry::Occupied(live) if live.get().epoch >= epoch => return None,
                Entry::Occupied(live) if !live.get().over.is_cancelled() => {
                    live.get().stop.cancel();
                    live.get().over.clone()
                }
                entry => {
                    let (stop, over) = (all.child_token(), CancellationToken::new());
                    let tokens = (stop.clone(), over.clone());
                    entry.insert_entry(Live { epoch, stop, over });
                    return Some(tokens);
                }
            };
            over.cancelled().await;
        }
    }

    /// Forgets a connection that is over, unless a later one took its place.
    fn leave(&self, peer: &PeerId, epoch: u64) {
        let mut live = lock(&self.0);
        if live.get(peer).is_some_and(|live| live.epoch == epoch) {
            live.remove(peer);
        }
    }
}
