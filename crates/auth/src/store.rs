//! The contract of what keeps tokens.

use futures::future::BoxFuture;

use crate::{Result, TokenId, TokenRecord};

/// Most tokens of a server, or of a cluster: all of them are in memory.
pub const MAX_TOKENS: usize = 100_000;

/// Keeps the records of tokens. What a method answered is durable.
///
/// Requests are not answered from here, but from [`Tokens`](crate::Tokens), which has all of them
/// in memory.
pub trait TokenStore: Send + Sync {
    /// Keeps a record.
    ///
    /// Fails with [`Error::Exists`](crate::Error::Exists) if there is one of that id, which stays.
    fn add(&self, record: TokenRecord) -> BoxFuture<'_, Result<()>>;

    /// Removes a record; `false` if there is none.
    fn remove(&self, id: TokenId) -> BoxFuture<'_, Result<bool>>;

    /// All records, in the order of their ids. One that cannot be read is left out, so that its
    /// token no longer counts, and the server's log is told.
    fn all(&self) -> BoxFuture<'_, Result<Vec<TokenRecord>>>;

    /// Waits until somebody else may have changed what is stored since the last wait ended. It may end
    /// for nothing, but not at once and again and again. A store that is only changed through this
    /// handle never ends it.
    fn changed(&self) -> BoxFuture<'_, ()>;

    /// Finishes what was asked for before and lets go of the storage; everything fails with
    /// [`Error::Closed`](crate::Error::Closed) from then on.
    fn close(&self) -> BoxFuture<'_, ()>;
}
