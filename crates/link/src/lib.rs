//! Connections between the servers of a cluster: requests with an answer each, and streams of
//! messages. Who the others are and where they listen is found elsewhere.
//!
//! ```
//! use std::sync::Arc;
//!
//! use bytes::Bytes;
//! use faasm_link::{LinkKey, Links, Options, Peer, PeerId, Service};
//! use futures::future::{BoxFuture, FutureExt, ready};
//!
//! struct Echo;
//!
//! impl Service for Echo {
//!     fn request(&self, _: &PeerId, body: Bytes) -> BoxFuture<'static, Result<Bytes, String>> {
//!         ready(Ok(body)).boxed()
//!     }
//!     fn message(&self, _: &PeerId, _: u64, _: Bytes) -> BoxFuture<'static, ()> {
//!         ready(()).boxed()
//!     }
//!     fn lost(&self, _: &PeerId) {}
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = LinkKey::new(&[7; 32]);
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let peer = Peer { id: PeerId::new("b-41c7")?, address: listener.local_addr()?.to_string() };
//! let b = Links::open(listener, key.clone(), peer.id.clone(), Arc::new(Echo), Options::default());
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let a = Links::open(listener, key, PeerId::new("a-09e2")?, Arc::new(Echo), Options::default());
//! assert_eq!(a.request(&peer, Bytes::from_static(b"hello")).await?, "hello");
//! # a.close().await;
//! # b.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # How it works
//!
//! A process has one connection to each peer that it sends to; what the peer sends by itself
//! goes over the peer's own. So each connection has one side that asks and one that serves, and
//! two that dial each other at the same time do not matter. It is made when it is first used,
//! by proving that both have the cluster's key, and again at the next use after it broke.
//!
//! Bodies are cut into frames that take turns, so that a large one does not hold up others.
//! The frames are our own, of a fixed header and bytes, and not those of a codec: so a large
//! body is read to the place where it stays, and written from where it is, without a copy.
//!
//! The receiver grants how many bytes of requests, answers, messages and of each stream may
//! be on the way, and ends a connection on which more comes. A stream that is not read holds up
//! neither requests nor, while all streams' window has room, other streams.
//!
//! # Whom it trusts
//!
//! Who has no key gets nowhere, and costs no more than one of a few handshakes. A peer with the
//! key that breaks the protocol loses its connection, and what one connection can make a
//! process hold is bounded; but it may have as many connections as it makes up ids.
//!
//! Without [`Options::tls`], what is sent is neither encrypted nor signed: that is up to the
//! network. With it, all is in TLS 1.3. Nobody needs certificates for that: each process makes
//! one up that nobody checks, and what the two prove to each other by the key is about their
//! TLS session, so that who stands in between with two sessions is refused by both ends, although
//! each thinks that the session is sound. Who records what is sent now and learns the key later
//! cannot read it either. Ends with TLS and without tell each other so and do not connect.
//!
//! # What a broken connection means
//!
//! Each attempt of a process to connect has a higher epoch. A receiver ends the earlier
//! connection of a peer, waits until nothing of it reaches the [`Service`] any more, calls
//! [`Service::lost`], and only then reads from the later one: nothing comes after a gap that it
//! was not told about. The sender is told by [`Service::lost`], too, and each stream of which
//! something was not taken yet fails once with [`Error::Lost`].
#![forbid(unsafe_code)]

mod accept;
mod batch;
mod connection;
mod core;
mod dial;
mod error;
mod frame;
mod handshake;
mod inbox;
mod incoming;
mod key;
mod links;
mod options;
mod outbox;
mod outgoing;
mod peer;
mod reader;
mod service;
mod slot;
mod sync;
mod tls;
mod window;

pub use error::Error;
pub use key::LinkKey;
pub use links::Links;
pub use options::Options;
pub use peer::{InvalidPeerId, Peer, PeerId};
pub use service::Service;
pub use tls::Tls;
