//! Changes of shared files and directories.

use std::sync::Arc;

use faasm_model::SharedPath;
use futures::{StreamExt, stream};

use super::Files;
use super::record::{FileRecord, Node};
use super::tree::Tree;
use crate::records::{Committer, Index, Turn};
use crate::{Changed, Error, Result, SpooledFile};

/// What [`Files::delete_tree`] deletes at once.
const STEP: usize = 256;

/// Changes that are announced at the same time.
const CONCURRENT_ANNOUNCEMENTS: usize = 16;

impl Files {
    /// Stores `content` as the file at `path`. It is durable, and what
    /// [`get`](Self::get) returns, when this returns. Of concurrent puts of one path the
    /// last is in force in the end; readers see one or another, whole. The bytes that it
    /// replaces leave the disk soon afterwards.
    ///
    /// # Errors
    /// [`Error::Conflict`] if a directory is at the path or a file above it, or is about to
    /// be, [`Error::Quota`] if there would be too much, [`Error::NoSpace`],
    /// [`Error::Store`], [`Error::Io`] or, of a storage elsewhere, [`Error::Unavailable`]. The
    /// file is then as it was before. But if one of the last four came at the very end, the
    /// next start, or another server, may find what was to be put; putting or deleting the file
    /// again decides it. After [`Error::Unannounced`], as of all that is changed here, it is
    /// stored, and doing it again announces it again. [`Error::Interrupted`] if its bytes were
    /// collected in the same moment: put it again.
    pub async fn put(&self, path: SharedPath, content: SpooledFile) -> Result<Arc<FileRecord>> {
        self.store(path, content, false).await
    }

    /// [`put`](Self::put) where nothing is. Of several for one path at the same time, one
    /// succeeds.
    ///
    /// # Errors
    /// [`Error::Exists`] if there is a file or directory, or as [`put`](Self::put).
    pub async fn put_new(&self, path: SharedPath, content: SpooledFile) -> Result<Arc<FileRecord>> {
        self.store(path, content, true).await
    }

    async fn store(
        &self,
        path: SharedPath,
        content: SpooledFile,
        must_be_new: bool,
    ) -> Result<Arc<FileRecord>> {
        let stored = self.change([path.clone()], move |committer| async move {
            let turn = turn(&committer, &path).await?;
            if must_be_new {
                committer.index.check_free(&path)?;
            }
            let claim = committer.index.claim_file(&path, content.size())?;
            let replaced = committer.index.get(&path);
            let record = Arc::new(FileRecord::put(path, &content, replaced.as_ref()));
            committer.blobs.acquire(content).await?;
            let node = Node::File(Arc::clone(&record));
            let replaced = committer.commit(&turn, node).await?;
            drop((claim, turn));
            release_later(&committer, replaced).await;
            Ok(record)
        });
        let record = stored.await?;
        self.committer.blobs.confirm(record.hash).await?;
        Ok(record)
    }

    /// Gives the file at `from` the path `to`, durably, in the place of a file that is
    /// there, and returns its new record. Its bytes are not touched, nor the time when they
    /// were put. In between it has both paths, never none. A path to itself is no change.
    ///
    /// # Errors
    /// [`Error::NotFound`] or [`Error::IsADirectory`] for `from`: directories are not
    /// renamed. For `to`, [`Error::Conflict`] as for a [`put`](Self::put).
    /// [`Error::NoSpace`], [`Error::Store`] or [`Error::Io`]: the file may then have its old
    /// path or both; renaming it again is safe.
    pub async fn rename(&self, from: &SharedPath, to: SharedPath) -> Result<Arc<FileRecord>> {
        let from = from.clone();
        self.change([from.clone(), to.clone()], |committer| async move {
            if from == to {
                return committer.index.file(&from);
            }
            let [old, new] = turns_of_two(&committer, &from, &to).await?;
            let record = committer.index.file(&from)?;
            let claim = committer.index.claim_rename(&from, &to)?;
            let replaced = committer.index.get(&to);
            let renamed = Arc::new(record.renamed(to, replaced.as_ref()));
            committer.blobs.share(renamed.hash);
            let node = Node::File(Arc::clone(&renamed));
            let replaced = committer.commit(&new, node).await?;
            let deleted = delete_all(&committer, vec![old]).await;
            drop((claim, new));
            release_later(&committer, replaced).await;
            deleted.map(|_| renamed)
        })
        .await
    }

    /// Makes an empty directory, durably: it is there until it is removed.
    ///
    /// # Errors
    /// [`Error::Exists`] if there is anything, also a directory that was not made but has
    /// something in it. [`Error::NotFound`] or [`Error::NotADirectory`] for the directory
    /// that it is to be in, [`Error::Quota`] if there would be too many,
    /// [`Error::NoSpace`], [`Error::Store`] or [`Error::Io`].
    pub async fn create_directory(&self, path: SharedPath) -> Result<()> {
        self.change([path.clone()], |committer| async move {
            let turn = turn(&committer, &path).await?;
            let _claim = committer.index.claim_directory(&path)?;
            committer.commit(&turn, Node::directory(path)).await?;
            Ok(())
        })
        .await
    }

    /// Removes an empty directory, durably. If something is put in it meanwhile, it stays
    /// as one that was not made.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NotADirectory`], [`Error::NotEmpty`], [`Error::Store`]
    /// or [`Error::Io`]. The directory may then still be there; removing it again is safe.
    pub async fn remove_directory(&self, path: &SharedPath) -> Result<()> {
        let path = path.clone();
        self.change([path.clone()], |committer| async move {
            let turn = turn(&committer, &path).await?;
            let found = committer.index.check_empty(&path);
            if matches!(found, Ok(()) | Err(Error::NotFound(_))) {
                // Also of nothing: what failed may have left something on disk.
                delete_all(&committer, vec![turn]).await?;
            }
            found
        })
        .await
    }

    /// Deletes the file at `path`, durably; `false` if there is nothing.
    ///
    /// # Errors
    /// [`Error::IsADirectory`], [`Error::Store`] or [`Error::Io`]. The file may then still
    /// be there; deleting it again is safe.
    pub async fn delete(&self, path: &SharedPath) -> Result<bool> {
        let path = path.clone();
        self.change([path.clone()], |committer| async move {
            let turn = turn(&committer, &path).await?;
            match committer.index.file(&path) {
                // Also of nothing: what failed may have left something on disk.
                Ok(_) | Err(Error::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
            Ok(delete_all(&committer, vec![turn]).await? > 0)
        })
        .await
    }

    /// Deletes `directory` with all that is below it, durably, and returns the number of
    /// files. It goes in steps, from the first path to the last: others see part of it
    /// gone, and what is put meanwhile may stay.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NotADirectory`], [`Error::Store`] or [`Error::Io`].
    /// Part of the files may then be gone; deleting the rest again is safe.
    pub async fn delete_tree(&self, directory: &SharedPath) -> Result<u64> {
        let index = &self.committer.index;
        index.check_directory(Some(directory))?;
        let (mut deleted, mut after) = (0, None);
        loop {
            let page = index.paths(directory, after.as_ref(), STEP);
            after = page.next;
            let paths = page.items;
            let step = |committer: Arc<Committer<Tree>>| {
                let paths = paths.clone();
                async move {
                    let mut turns = Vec::new();
                    // In order, so that no two who want several turns wait for each other.
                    for path in &paths {
                        turns.push(committer.turn(path).await);
                    }
                    delete_all(&committer, turns).await
                }
            };
            deleted += self.change(paths.clone(), step).await?;
            if after.is_none() {
                break;
            }
        }
        match self.remove_directory(directory).await {
            // It was not made, or something else is there by now.
            Err(Error::NotFound(_) | Error::NotADirectory(_) | Error::NotEmpty(_)) => {}
            removed => removed?,
        }
        Ok(deleted)
    }

    /// Makes a change of `paths`, to its end even if the caller goes away, and announces it.
    async fn change<T, F>(
        &self,
        paths: impl IntoIterator<Item = SharedPath>,
        change: impl FnOnce(Arc<Committer<Tree>>) -> F,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let change = change(Arc::clone(&self.committer));
        let (announcer, paths) = (self.announcer.clone(), Vec::from_iter(paths));
        tokio::spawn(async move {
            let done = change.await;
            // What failed may have been made in part, or earlier and not been announced.
            let is_done = done.is_ok();
            let announced = stream::iter(paths).map(Changed::File).map(|changed| async {
                match is_done {
                    true => announcer.announce(changed).await,
                    false => announcer.announce_owed(changed).await,
                }
            });
            let mut announced = announced.buffer_unordered(CONCURRENT_ANNOUNCEMENTS);
            let mut all = Ok(());
            while let Some(one) = announced.next().await {
                all = all.and(one);
            }
            done.and_then(|done| all.map(|()| done))
        })
        .await?
    }
}

/// Waits for the right to change `path`, with what is in force there now.
pub(super) async fn turn<'a>(
    committer: &'a Arc<Committer<Tree>>,
    path: &SharedPath,
) -> Result<Turn<'a, Tree>> {
    let turn = committer.turn(path).await;
    catch_up(committer, &turn).await?;
    Ok(turn)
}

async fn catch_up(committer: &Arc<Committer<Tree>>, turn: &Turn<'_, Tree>) -> Result<()> {
    let found = committer.catch_up(turn).await;
    release_later(committer, found.replaced).await;
    match found.outcome {
        // What is put replaces it, and deleting it is what helps.
        Ok(()) | Err(Error::UnusableRecord { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The turns of two paths, taken in the order in which all do who want several.
async fn turns_of_two<'a>(
    committer: &'a Arc<Committer<Tree>>,
    one: &SharedPath,
    other: &SharedPath,
) -> Result<[Turn<'a, Tree>; 2]> {
    if one < other {
        let first = turn(committer, one).await?;
        Ok([first, turn(committer, other).await?])
    } else {
        let first = turn(committer, other).await?;
        Ok([turn(committer, one).await?, first])
    }
}

/// Ends the interest of what was replaced in its content; nobody waits for the disk.
pub(super) async fn release_later(committer: &Arc<Committer<Tree>>, replaced: Option<Node>) {
    if let Some(replaced) = replaced {
        committer.release_later(replaced).await;
    }
}

/// Deletes what `turns` are for, and returns the number of files among it.
pub(super) async fn delete_all(
    committer: &Committer<Tree>,
    turns: Vec<Turn<'_, Tree>>,
) -> Result<u64> {
    let deleted = committer.delete(&turns).await?;
    drop(turns);
    let files = deleted.iter().filter_map(Node::file).count();
    committer.release(deleted).await;
    Ok(files as u64)
}
