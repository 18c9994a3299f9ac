//! Reading again what other servers may have changed.

use std::collections::HashSet;

use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path as Key;

use super::commit::MAX_RECORD_BYTES;
use super::{Committer, Index, NameIn, Record, Turn, load};
use crate::{Error, Result};

/// Records that are read at the same time.
pub(crate) const CONCURRENT_READS: usize = 16;

/// What came of reading a record again.
#[must_use]
pub(crate) struct Refreshed<R> {
    /// What is no longer in force, and still is a holder of its content: releasing that is up
    /// to the caller.
    pub(crate) replaced: Option<R>,
    pub(crate) outcome: Result<()>,
}

impl<I: Index> Committer<I> {
    /// Before a change: with a shared storage, reads again what `turn` is for.
    pub(crate) async fn catch_up(&self, turn: &Turn<'_, I>) -> Refreshed<I::Record> {
        match self.objects.are_shared() {
            true => self.refresh(turn).await,
            false => Refreshed {
                replaced: None,
                outcome: Ok(()),
            },
        }
    }

    /// Puts in force what is stored under the name that `turn` is for. If that cannot be told,
    /// nothing is: better than what may be out of date.
    pub(crate) async fn refresh(&self, turn: &Turn<'_, I>) -> Refreshed<I::Record> {
        let name = turn.key();
        let stored = match self.stored(name).await {
            Ok(stored) => stored,
            Err(error) => {
                return Refreshed {
                    replaced: self.index.remove(name),
                    outcome: Err(error),
                };
            }
        };
        let (replaced, outcome) = match stored {
            None => (self.index.remove(name), Ok(())),
            Some(record) if self.index.get(name).as_ref() == Some(&record) => (None, Ok(())),
            Some(record) => self.put_in_force(record).await,
        };
        if outcome.is_ok() {
            self.end_doubt(turn).await;
        }
        Refreshed { replaced, outcome }
    }

    async fn put_in_force(&self, record: I::Record) -> (Option<I::Record>, Result<()>) {
        let mut replaced = None;
        if self.index.admit(&record).is_err() {
            // What it replaces may be all that is in its way.
            replaced = self.index.remove(record.name());
            if let Err(problem) = self.index.admit(&record) {
                let key = self.key(record.name());
                return (replaced, Err(Error::unusable(&key, &problem)));
            }
        }
        self.blobs.share_of(&record);
        self.blobs.until_collected(&record).await;
        let inserted = self.index.insert(record);
        (replaced.or(inserted), Ok(()))
    }

    /// What is stored under `name` now.
    async fn stored(&self, name: &NameIn<I>) -> Result<Option<I::Record>> {
        self.read_record(&self.key(name)).await
    }

    /// The record that is stored under `key` now.
    pub(crate) async fn read_record(&self, key: &Key) -> Result<Option<I::Record>> {
        let stored = self.objects.get_small(key.clone(), MAX_RECORD_BYTES);
        match stored.await {
            Ok(Some(bytes)) => self.decode(key, &bytes).map(Some),
            Ok(None) => Ok(None),
            // That is no record, and will be none when it is read again.
            Err(error @ Error::TooLarge { .. }) => Err(Error::unusable(key, &error)),
            Err(error) => Err(error),
        }
    }

    fn decode(&self, key: &Key, bytes: &[u8]) -> Result<I::Record> {
        load::decode(&self.index, key, bytes).map_err(|problem| Error::unusable(key, &problem))
    }

    /// The record in `bytes`, which another server wants stored under `key`.
    pub(crate) fn decode_new(&self, key: &Key, bytes: &[u8]) -> Result<I::Record> {
        load::decode(&self.index, key, bytes).map_err(|problem| Error::InvalidObject {
            key: key.to_string(),
            problem: problem.to_string(),
        })
    }

    /// The names of all records that are in force or stored. A stored record that is damaged has
    /// none, and is logged.
    pub(crate) async fn all_names(&self) -> Result<Vec<NameIn<I>>> {
        let listed = self.objects.list(self.index.folder()).await?;
        // After the list: what was committed in between is in the index.
        let mut names = self.index.names();
        let known: HashSet<Key> = names.iter().map(|name| self.key(name)).collect();
        let new = listed.into_iter().map(|object| object.key);
        let new = new.filter(|key| !known.contains(key)).collect();
        let add = |record: I::Record| names.push(record.name().clone());
        self.read_each(new, add).await?;
        Ok(names)
    }

    /// Reads records, and returns how many of them are damaged; they are logged.
    pub(super) async fn read_each(
        &self,
        keys: Vec<Key>,
        mut found: impl FnMut(I::Record),
    ) -> Result<usize> {
        let read = stream::iter(keys).map(|key| async move { self.read_record(&key).await });
        let mut read = read.buffer_unordered(CONCURRENT_READS);
        let mut damaged = 0;
        loop {
            match read.try_next().await {
                Ok(None) => return Ok(damaged),
                Ok(Some(record)) => record.into_iter().for_each(&mut found),
                Err(error @ Error::UnusableRecord { .. }) => {
                    tracing::error!(%error, "a stored record was left out");
                    damaged += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }
}
