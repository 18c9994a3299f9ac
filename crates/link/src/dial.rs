//! Connects to a peer when there is something for it.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use crate::connection::{Connection, Pulse};
use crate::core::Core;
use crate::error::{Error, Fault};
use crate::handshake::{self, Greeting, Refusal};
use crate::key::Channel;
use crate::outbox::Outbox;
use crate::outgoing::Outgoing;
use crate::peer::{Peer, PeerId};
use crate::reader::FrameReader;
use crate::slot::{Attempt, Slot};
use crate::tls::Halves;

impl Core {
    /// The connection to a peer, made if there is none.
    pub(crate) async fn connection(
        self: &Arc<Self>,
        peer: &Peer,
        slot: &Arc<Slot>,
    ) -> Result<Arc<Outgoing>, Error> {
        if let Some(connection) = slot.current() {
            return Ok(connection);
        }
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Error::Closed),
            connection = self.connect(peer, slot) => connection,
        }
    }

    async fn connect(
        self: &Arc<Self>,
        peer: &Peer,
        slot: &Arc<Slot>,
    ) -> Result<Arc<Outgoing>, Error> {
        let mut last = slot.dialing.lock().await;
        if let Some(connection) = slot.current() {
            return Ok(connection);
        }
        if let Some(attempt) = &*last {
            let again = attempt.at + self.options.retry_after;
            match &attempt.error {
                Some(error) if Instant::now() < again => return Err(error.clone()),
                // It broke as soon as it was made.
                _ => sleep_until(again).await,
            }
        }
        let dialed = self.dial(peer, slot).await;
        *last = Some(Attempt {
            at: Instant::now(),
            error: dialed.as_ref().err().cloned(),
        });
        dialed
    }

    async fn dial(self: &Arc<Self>, peer: &Peer, slot: &Arc<Slot>) -> Result<Arc<Outgoing>, Error> {
        let address = &peer.address;
        let unreachable = |reason| Error::Unreachable {
            address: address.clone(),
            reason,
        };
        let patience = self.options.connect_timeout;
        let stream = match timeout(patience, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(unreachable(error.to_string())),
            Err(_) => return Err(unreachable(format!("no answer for {patience:?}"))),
        };
        stream
            .set_nodelay(true)
            .map_err(|error| unreachable(error.to_string()))?;
        let waited = self.options.handshake_timeout;
        let (theirs, halves) = match timeout(waited, self.introduce(stream, &peer.id)).await {
            Ok(Ok(greeted)) => greeted,
            Ok(Err(refusal)) => return Err(explain(refusal, peer)),
            Err(_) => {
                return Err(Error::Silent {
                    address: address.clone(),
                    waited,
                });
            }
        };
        Ok(match halves {
            Halves::Plain(reader, writer) => self.run_outgoing(theirs, reader, writer, slot),
            Halves::Tls(reader, writer) => self.run_outgoing(theirs, reader, writer, slot),
        })
    }

    /// Begins TLS if there is to be any, and makes sure of the other side.
    async fn introduce(
        &self,
        mut stream: TcpStream,
        expected: &PeerId,
    ) -> Result<(Greeting, Halves), Refusal> {
        let (me, epoch) = (self.identity(), self.epoch.fetch_add(1, Relaxed) + 1);
        let Some(tls) = &self.options.tls else {
            let theirs = handshake::dial(&mut stream, me, Channel::Plain, epoch, expected).await?;
            return Ok((theirs, Halves::plain(stream)));
        };
        let (mut stream, channel) = tls.dial(stream).await?;
        let theirs = handshake::dial(&mut stream, me, channel, epoch, expected).await?;
        Ok((theirs, Halves::tls(stream)))
    }

    /// Runs a connection in a task of its own, until it ends.
    fn run_outgoing<R, W>(
        self: &Arc<Self>,
        theirs: Greeting,
        reader: R,
        writer: W,
        slot: &Arc<Slot>,
    ) -> Arc<Outgoing>
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let outbox = Arc::new(Outbox::default());
        let peer = theirs.id;
        let outgoing = Outgoing::new(peer.clone(), theirs.limits, Arc::clone(&outbox));
        let outgoing = Arc::new(outgoing);
        slot.connected(Arc::clone(&outgoing));
        let pulse = Arc::new(Pulse::default());
        let read = Arc::clone(&outgoing).read(
            FrameReader::new(reader, Arc::clone(&pulse)),
            self.options.limits(),
        );
        let connection = Connection {
            writer,
            outbox,
            pulse,
            stop: self.stop.clone(),
        };
        let (core, slot, ended) = (Arc::clone(self), Arc::clone(slot), Arc::clone(&outgoing));
        self.tasks.spawn(async move {
            let fault = connection.run(read, || {}, &core.options).await;
            tracing::debug!(%peer, %fault, "the connection to a server ended");
            // In this order: who is failed may send again at once.
            slot.broken(&ended, fault.clone());
            if fault != Fault::Closed {
                core.service.lost(&peer);
            }
            ended.fail();
        });
        outgoing
    }
}

fn explain(refusal: Refusal, peer: &Peer) -> Error {
    let address = peer.address.clone();
    match refusal {
        Refusal::Gone(error) => {
            let reason = match Fault::from(error) {
                Fault::Ended => "it closed the connection".to_owned(),
                fault => fault.to_string(),
            };
            Error::Unreachable { address, reason }
        }
        Refusal::NotALink => Error::NotALink { address },
        Refusal::Version { ours, theirs } => Error::Version {
            address,
            ours,
            theirs,
        },
        Refusal::WrongKey => Error::WrongKey { address },
        Refusal::OnlyTls => Error::OnlyTls { address },
        Refusal::NoTls => Error::NoTls { address },
        Refusal::OtherPeer(found) => Error::OtherPeer {
            address,
            expected: peer.id.clone(),
            found,
        },
    }
}
