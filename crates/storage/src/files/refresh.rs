//! Reading again what other servers may have changed.

use faasm_model::SharedPath;
use futures::{StreamExt, stream};

use super::Files;
use super::change::release_later;
use crate::records::{CONCURRENT_READS, Named};
use crate::{Error, Result};

impl Files {
    /// Reads again what is at `path`: another server may have changed it.
    ///
    /// # Errors
    /// [`Error::Unavailable`], or another that says why the record cannot be read. There is
    /// nothing at the path then until it is refreshed again, for what was there may be out of
    /// date. [`Error::UnusableRecord`] also for a file that is where a directory is, or the
    /// other way round: two servers put them at the same time.
    pub async fn refresh(&self, path: &SharedPath) -> Result<()> {
        let (committer, path) = (self.committer.clone(), path.clone());
        tokio::spawn(async move {
            let turn = committer.turn(&path).await;
            let refreshed = committer.refresh(&turn).await;
            drop(turn);
            release_later(&committer, refreshed.replaced).await;
            refreshed.outcome
        })
        .await?
    }

    /// Reads all files and directories again. Damaged records are logged and left out.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: some are then as they were, some are not there, and some were
    /// read.
    pub async fn refresh_all(&self) -> Result<()> {
        let all = self.committer.all_names().await?;
        let (in_the_way, first) = self.refresh_each(all).await;
        // What was in their way may have gone since.
        let (left_out, second) = self.refresh_each(in_the_way).await;
        for path in left_out {
            tracing::error!(%path, "a stored record cannot be used and was left out");
        }
        first.and(second)
    }

    /// The content that stored records name.
    pub(crate) async fn named(&self) -> Result<Named> {
        self.committer.named().await
    }

    /// Refreshes all of `paths`, and returns those whose records cannot be used.
    async fn refresh_each(&self, paths: Vec<SharedPath>) -> (Vec<SharedPath>, Result<()>) {
        let each = stream::iter(paths).map(|path| async move {
            let refreshed = self.refresh(&path).await;
            (path, refreshed)
        });
        let mut each = each.buffer_unordered(CONCURRENT_READS);
        let (mut unusable, mut all) = (Vec::new(), Ok(()));
        while let Some((path, refreshed)) = each.next().await {
            match refreshed {
                Err(Error::UnusableRecord { .. }) => unusable.push(path),
                // The others go on: none of them may stay out of date.
                refreshed => all = all.and(refreshed),
            }
        }
        (unusable, all)
    }
}
