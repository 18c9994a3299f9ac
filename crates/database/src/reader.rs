//! Looking into the database off the async runtime.

use std::sync::Arc;

use redb::ReadTransaction;
use tokio::sync::Semaphore;

use crate::fault::guarded;
use crate::file::DatabaseFile;
use crate::{Error, Fault, Schema};

/// Reads at the same time. Each may hold one large record in memory.
const READERS: usize = 16;

pub(crate) struct Reader<S> {
    file: Arc<DatabaseFile<S>>,
    turns: Semaphore,
}

impl<S: Schema> Reader<S> {
    pub(crate) fn new(file: Arc<DatabaseFile<S>>) -> Self {
        Self {
            file,
            turns: Semaphore::new(READERS),
        }
    }

    /// Runs `look` on one committed state; when its view was lost, `repair` is awaited and
    /// it looks once more.
    pub(crate) async fn read<T, E, F>(
        &self,
        look: F,
        repair: impl Future<Output = Result<(), E>>,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: Fn(&ReadTransaction) -> Result<T, Fault<E>> + Send + Sync + 'static,
    {
        let turn = self.turns.acquire().await;
        let _turn = turn.map_err(|_| Error::Closed)?;
        let look = Arc::new(look);
        match self.look(Arc::clone(&look)).await? {
            Err(fault) if fault.is_stale() => {
                repair.await?;
                self.look(look).await?
            }
            seen => seen,
        }
        .map_err(Fault::into_error)
    }

    async fn look<T, E, F>(&self, look: Arc<F>) -> Result<Result<T, Fault<E>>, Error>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: Fn(&ReadTransaction) -> Result<T, Fault<E>> + Send + Sync + 'static,
    {
        let file = Arc::clone(&self.file);
        let task = tokio::task::spawn_blocking(move || guarded(|| look(&file.begin_read()?)));
        task.await
            .map_err(|error| Error::Storage(format!("a read did not end: {error}")))
    }
}
