//! What answers the others.

use bytes::Bytes;
use futures::future::BoxFuture;

use crate::PeerId;

/// What a process does for the others. Its methods and what they return must not block: one
/// task serves a whole connection, and it polls the futures of messages first.
pub trait Service: Send + Sync + 'static {
    /// Answers a request. The future is dropped when the caller has gone or given up.
    fn request(&self, from: &PeerId, body: Bytes) -> BoxFuture<'static, Result<Bytes, String>>;

    /// Takes a message. The next one of the same stream comes when the future is ready, and
    /// until then the message counts as on the way: a sender waits for who is slow.
    fn message(&self, from: &PeerId, stream: u64, body: Bytes) -> BoxFuture<'static, ()>;

    /// A connection to or from this peer broke: messages may have been lost, in both
    /// directions. It is called before anything comes from a new connection, maybe more than
    /// once for what is one event (there is a connection for each direction), and not for
    /// those that end because this process closes its links.
    fn lost(&self, peer: &PeerId);
}
