//! Waiting for what is not on this machine, but not forever.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use tokio::time::timeout;

use super::Location;
use crate::{ByteStream, Error, Result};

/// How long an operation, or the next piece of many, may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Slowest transfer of large objects that is waited for, in bytes a second.
const SLOWEST: u64 = 128 << 10;

/// Time to connect.
pub(super) const CONNECT: Duration = Duration::from_secs(5);

/// Waits for a storage and says in errors which one it was. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Patience(Arc<str>);

impl Patience {
    /// With the storage at `location`.
    pub(super) fn with(location: &Location) -> Self {
        Self(location.to_string().into())
    }

    /// The error of a storage that does not do what it is there for.
    pub(super) fn unavailable(&self, problem: impl Display) -> Error {
        Error::Unavailable {
            location: self.0.to_string(),
            problem: problem.to_string(),
        }
    }

    /// Waits for what is done with few bytes.
    pub(super) async fn wait<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.wait_for_bytes(0, work).await
    }

    /// Waits for what transfers so many bytes at once.
    pub(super) async fn wait_for_bytes<T>(
        &self,
        bytes: u64,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let longest = PATIENCE + Duration::from_secs(bytes / SLOWEST);
        let done = timeout(longest, work).await;
        done.map_err(|_| self.unavailable(format_args!("did not answer within {longest:?}")))?
    }

    /// `pieces`, each of which is waited for.
    pub(super) fn wait_for_each(&self, pieces: ByteStream) -> ByteStream {
        let begun = (self.clone(), pieces);
        stream::try_unfold(begun, |(this, mut pieces)| async move {
            let next = this.wait(pieces.try_next()).await?;
            Ok(next.map(|piece| (piece, (this, pieces))))
        })
        .boxed()
    }
}
