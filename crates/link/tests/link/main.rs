//! Links between processes, over real sockets.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod endings;
mod handshakes;
mod hostile;
mod killed;
mod kit;
mod messages;
mod requests;
mod tls;
mod wire;
