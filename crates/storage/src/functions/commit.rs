//! Changes of functions, in order and all or nothing.

use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use faasm_model::{FunctionName, LimitOverrides, now_ms};
use object_store::path::Path as Key;

use super::FunctionRecord;
use super::blobs::Blobs;
use super::index::Index;
use super::record::record_key;
use crate::keyed_locks::{KeyedLocks, locked};
use crate::objects::Objects;
use crate::{DataDirLock, Error, Result, SpooledFile};

/// Largest stored record that is read.
pub(super) const MAX_RECORD_BYTES: u64 = 64 << 10;

/// Changes functions. The order is always: code, record, index. Writing the record is
/// the commit: what a crash leaves before it is code without a function.
///
/// None of these futures may be dropped half way; [`Functions`](super::Functions) runs
/// them as tasks.
pub(super) struct Committer {
    pub(super) index: Index,
    pub(super) blobs: Blobs,
    objects: Objects,
    /// One change of a function at a time.
    turns: KeyedLocks<FunctionName>,
    /// Records out of force, each a holder of its code until nobody has it any more.
    retired: Mutex<Vec<Arc<FunctionRecord>>>,
    /// Nobody else may open the directory while a change is under way.
    _lock: Arc<DataDirLock>,
}

impl Committer {
    pub(super) fn new(
        index: Index,
        blobs: Blobs,
        objects: Objects,
        lock: Arc<DataDirLock>,
    ) -> Self {
        Self {
            index,
            blobs,
            objects,
            turns: KeyedLocks::new(),
            retired: Mutex::new(Vec::new()),
            _lock: lock,
        }
    }

    pub(super) async fn put(
        &self,
        name: FunctionName,
        code: SpooledFile,
    ) -> Result<Arc<FunctionRecord>> {
        // Before the turn: a small upload need not wait for a large one's bytes.
        self.blobs.acquire(&code).await?;
        let _turn = self.turns.lock(name.clone()).await;
        let replaced = self.index.get(&name);
        let record = FunctionRecord {
            hash: code.hash(),
            size: code.size(),
            uploaded_at_ms: now_ms(),
            limits: replaced.map(|record| record.limits).unwrap_or_default(),
            name,
        };
        self.commit(record).await
    }

    pub(super) async fn set_limits(
        &self,
        name: FunctionName,
        limits: LimitOverrides,
    ) -> Result<Option<Arc<FunctionRecord>>> {
        limits.check()?;
        let _turn = self.turns.lock(name.clone()).await;
        let Some(mut record) = self.index.get(&name).map(|current| (*current).clone()) else {
            return Ok(None);
        };
        record.limits = limits;
        self.blobs.share(record.hash);
        self.commit(record).await.map(Some)
    }

    pub(super) async fn delete(&self, name: FunctionName) -> Result<bool> {
        let _turn = self.turns.lock(name.clone()).await;
        if self.index.get(&name).is_none() {
            return Ok(false);
        }
        self.objects.delete(&record_key(&name)).await?;
        if let Some(old) = self.index.remove(&name) {
            self.retire(old).await;
        }
        Ok(true)
    }

    /// Puts `record` in force. It is already a holder of its code.
    async fn commit(&self, record: FunctionRecord) -> Result<Arc<FunctionRecord>> {
        if let Err(error) = self.store(&record).await {
            self.blobs.release(record.hash).await;
            return Err(error);
        }
        let record = Arc::new(record);
        if let Some(old) = self.index.insert(Arc::clone(&record)) {
            self.retire(old).await;
        }
        Ok(record)
    }

    async fn store(&self, record: &FunctionRecord) -> Result<()> {
        let key = record_key(&record.name);
        let bytes = record
            .encode()
            .map_err(|e| Error::io("encode the record", Path::new(key.as_ref()))(e.into()))?;
        let Err(error) = self.objects.put(&key, bytes.clone()).await else {
            return Ok(());
        };
        if self.may_hold(&key, &bytes).await {
            // It failed after the commit, in the last sync. Its code has to stay for the
            // record that the next start may find: one more holder, who never lets go.
            self.blobs.share(record.hash);
        }
        Err(error)
    }

    async fn may_hold(&self, key: &Key, bytes: &Bytes) -> bool {
        match self.objects.get_small(key, MAX_RECORD_BYTES).await {
            Ok(stored) => stored.as_ref() == Some(bytes),
            Err(_) => true,
        }
    }

    /// Takes note that `old` is out of force, and lets go of the code of all such records
    /// that nobody has any more.
    async fn retire(&self, old: Arc<FunctionRecord>) {
        let unused: Vec<_> = {
            let mut retired = locked(&self.retired);
            retired.push(old);
            // Out of the index, a record that is here alone cannot be shared again.
            retired
                .extract_if(.., |record| Arc::get_mut(record).is_some())
                .collect()
        };
        for record in unused {
            self.blobs.release(record.hash).await;
        }
    }
}
