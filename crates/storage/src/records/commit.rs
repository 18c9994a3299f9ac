//! Changes of records, in order and all or nothing.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use object_store::path::Path as Key;
use tokio::sync::Semaphore;

use super::{Blobs, Content, Index, NameIn, Record, stored};
use crate::keyed_locks::{KeyedGuard, KeyedLocks, locked};
use crate::objects::Objects;
use crate::{DataDirLock, Error, Result};

/// Largest stored record that is read.
pub(crate) const MAX_RECORD_BYTES: u64 = 64 << 10;

/// Most records whose content is released while nobody waits for it.
const MAX_RELEASES: usize = 64;

/// Changes records. The order is always: content, record, index. Writing the record is the
/// commit: what a crash leaves before it is content without a record.
///
/// None of these futures may be dropped half way: those who call run them as tasks.
pub(crate) struct Committer<I: Index> {
    pub(crate) index: I,
    pub(crate) blobs: Blobs,
    pub(super) objects: Objects,
    /// One change of a name at a time.
    turns: KeyedLocks<NameIn<I>>,
    /// What a change that failed may have left on disk, and the next start may find there,
    /// until another change of the name succeeds. Each is a holder of its content.
    doubtful: Mutex<HashMap<NameIn<I>, Vec<I::Record>>>,
    releases: Arc<Semaphore>,
    /// Nobody else may open the directory while a change is under way.
    _lock: Arc<DataDirLock>,
}

/// The right to change what has one name.
pub(crate) type Turn<'a, I> = KeyedGuard<'a, NameIn<I>>;

impl<I: Index> Committer<I> {
    pub(super) fn new(index: I, blobs: Blobs, objects: Objects, lock: Arc<DataDirLock>) -> Self {
        Self {
            index,
            blobs,
            objects,
            turns: KeyedLocks::new(),
            doubtful: Mutex::default(),
            releases: Arc::new(Semaphore::new(MAX_RELEASES)),
            _lock: lock,
        }
    }

    /// Waits for the right to change `name`.
    pub(crate) async fn turn(&self, name: &NameIn<I>) -> Turn<'_, I> {
        self.turns.lock(name.clone()).await
    }

    /// Takes `record`, which another server has made, as a holder of its content.
    pub(crate) async fn accept(&self, record: &I::Record) -> Result<()> {
        match self.blobs.share_stored(record).await? {
            true => Ok(()),
            false => Err(Error::InvalidObject {
                key: self.key(record.name()).to_string(),
                problem: "the content that it names is not stored, or has another size".to_owned(),
            }),
        }
    }

    /// Puts `record`, whose name `turn` is for, in force. It is already a holder of its
    /// content, and no longer if this fails, unless it may be on disk nevertheless. What it replaced, and returns, still is one:
    /// releasing that is up to the caller.
    pub(crate) async fn commit(
        &self,
        turn: &Turn<'_, I>,
        record: I::Record,
    ) -> Result<Option<I::Record>> {
        if let Err(error) = self.store(&record).await {
            self.doubt_or_release(record).await;
            return Err(error);
        }
        let replaced = self.index.insert(record);
        self.end_doubt(turn).await;
        Ok(replaced)
    }

    /// Deletes what is there of that which `turns` are for, and what may be: nothing of it
    /// comes back. It returns what was in force, which still are holders of their content:
    /// releasing that is up to the caller.
    pub(crate) async fn delete(&self, turns: &[Turn<'_, I>]) -> Result<Vec<I::Record>> {
        let names = || turns.iter().map(|turn| turn.key());
        // What is shared may be there although it is not known here.
        let may_be = |name: &&_| {
            self.objects.are_shared()
                || self.index.get(name).is_some()
                || locked(&self.doubtful).contains_key(name)
        };
        let keys: Vec<Key> = names().filter(may_be).map(|name| self.key(name)).collect();
        self.objects.delete_all(keys).await?;
        let deleted = names().filter_map(|name| self.index.remove(name)).collect();
        for turn in turns {
            self.end_doubt(turn).await;
        }
        Ok(deleted)
    }

    /// Deletes a stored record that cannot be used.
    pub(crate) async fn delete_unusable(&self, key: Key) -> Result<()> {
        self.objects.delete_all(vec![key]).await
    }

    /// Of a record that could not be stored.
    async fn doubt_or_release(&self, record: I::Record) {
        if self.may_be_stored(&record).await {
            let mut doubtful = locked(&self.doubtful);
            let of_name = doubtful.entry(record.name().clone()).or_default();
            of_name.push(record);
        } else {
            self.release([record]).await;
        }
    }

    /// Now it is known what is on disk of that which `turn` is for.
    pub(super) async fn end_doubt(&self, turn: &Turn<'_, I>) {
        let gone = locked(&self.doubtful).remove(turn.key());
        self.release(gone.into_iter().flatten()).await;
    }

    /// Ends the interest of records that are out of force in their content.
    pub(crate) async fn release(&self, records: impl IntoIterator<Item = I::Record>) {
        for record in records {
            if let Some(content) = record.content() {
                self.blobs.release(content.hash()).await;
            }
        }
    }

    /// [`release`](Self::release) that goes on by itself, for to delete what is large takes
    /// the disk a while. If much of that is under way already, this waits.
    pub(crate) async fn release_later(self: &Arc<Self>, record: I::Record) {
        let Ok(permit) = Arc::clone(&self.releases).try_acquire_owned() else {
            return self.release([record]).await;
        };
        let this = Arc::clone(self);
        tokio::spawn(async move {
            this.release([record]).await;
            drop(permit);
        });
    }

    pub(super) fn key(&self, name: &NameIn<I>) -> Key {
        I::Record::key(self.index.folder(), name)
    }

    async fn store(&self, record: &I::Record) -> Result<()> {
        let key = self.key(record.name());
        let bytes = stored::encode(record)
            .map_err(|e| Error::io("encode the record", Path::new(key.as_ref()))(e.into()))?;
        self.objects.put(key, bytes).await
    }

    /// Whether `record`, which could not be stored, may be on disk all the same: if it was the
    /// last sync that failed.
    async fn may_be_stored(&self, record: &I::Record) -> bool {
        let Ok(bytes) = stored::encode(record) else {
            return false;
        };
        let key = self.key(record.name());
        match self.objects.get_small(key, MAX_RECORD_BYTES).await {
            Ok(stored) => stored == Some(bytes),
            Err(_) => true,
        }
    }
}
