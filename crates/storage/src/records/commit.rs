//! Changes of records, in order and all or nothing.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path as Key;

use super::{Blobs, Content, Index, NameIn, Record, stored};
use crate::keyed_locks::{KeyedGuard, KeyedLocks};
use crate::objects::Objects;
use crate::{DataDirLock, Error, Result};

/// Largest stored record that is read.
pub(super) const MAX_RECORD_BYTES: u64 = 64 << 10;

/// Changes records. The order is always: content, record, index. Writing the record is the
/// commit: what a crash leaves before it is content without a record.
///
/// None of these futures may be dropped half way: those who call run them as tasks.
pub(crate) struct Committer<I: Index> {
    pub(crate) index: I,
    pub(crate) blobs: Blobs,
    objects: Objects,
    /// One change of a name at a time.
    turns: KeyedLocks<NameIn<I>>,
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
            _lock: lock,
        }
    }

    /// Waits for the right to change `name`.
    pub(crate) async fn turn(&self, name: &NameIn<I>) -> Turn<'_, I> {
        self.turns.lock(name.clone()).await
    }

    /// Puts `record`, whose name `_turn` is for, in force. It is already a holder of its
    /// content, and no longer if this fails. What it replaced, and returns, still is one:
    /// releasing that is up to the caller.
    pub(crate) async fn commit(
        &self,
        _turn: &Turn<'_, I>,
        record: I::Record,
    ) -> Result<Option<I::Record>> {
        if let Err(error) = self.store(&record).await {
            self.release([record]).await;
            return Err(error);
        }
        Ok(self.index.insert(record))
    }

    /// Deletes what is in force of that which `turns` are for. What it returns are still
    /// holders of their content: releasing that is up to the caller.
    pub(crate) async fn delete(&self, turns: &[Turn<'_, I>]) -> Result<Vec<I::Record>> {
        let names = || turns.iter().map(|turn| turn.key());
        let present = names().filter(|name| self.index.get(name).is_some());
        let keys: Vec<Key> = present.map(I::Record::key).collect();
        self.objects.delete_all(&keys).await?;
        Ok(names().filter_map(|name| self.index.remove(name)).collect())
    }

    /// Ends the interest of records that are out of force in their content.
    pub(crate) async fn release(&self, records: impl IntoIterator<Item = I::Record>) {
        for record in records {
            if let Some(content) = record.content() {
                self.blobs.release(content.hash()).await;
            }
        }
    }

    async fn store(&self, record: &I::Record) -> Result<()> {
        let key = I::Record::key(record.name());
        let bytes = stored::encode(record)
            .map_err(|e| Error::io("encode the record", Path::new(key.as_ref()))(e.into()))?;
        let Err(error) = self.objects.put(&key, bytes.clone()).await else {
            return Ok(());
        };
        if self.may_hold(&key, &bytes).await {
            // It failed after the commit, in the last sync. Its content has to stay for the
            // record that the next start may find: one more holder, who never lets go.
            self.blobs.share_of(record);
        }
        Err(error)
    }

    async fn may_hold(&self, key: &Key, bytes: &Bytes) -> bool {
        match self.objects.get_small(key, MAX_RECORD_BYTES).await {
            Ok(stored) => stored.as_ref() == Some(bytes),
            Err(_) => true,
        }
    }
}
