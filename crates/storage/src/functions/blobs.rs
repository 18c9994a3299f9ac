//! Functions' code, stored once however many functions share it.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Mutex;

use bytes::Bytes;
use faasm_model::ContentHash;
use futures::stream::BoxStream;
use object_store::path::Path as Key;
use tokio::task::spawn_blocking;

use crate::keyed_locks::{KeyedLocks, locked};
use crate::objects::Objects;
use crate::{Artifacts, Result, SpooledFile};

/// Code by its hash, each with the number of its holders. A blob whose last holder
/// releases it is deleted, together with what was compiled from it.
pub(super) struct Blobs {
    objects: Objects,
    artifacts: Artifacts,
    /// Held while a blob is written or deleted.
    changes: KeyedLocks<ContentHash>,
    held: Mutex<HashMap<ContentHash, Held>>,
}

#[derive(Default)]
struct Held {
    holders: u64,
    /// Whether the blob was found missing or changed; the next to acquire it repairs it.
    damaged: bool,
}

impl Blobs {
    pub(super) fn new(objects: Objects, artifacts: Artifacts) -> Self {
        Self {
            objects,
            artifacts,
            changes: KeyedLocks::new(),
            held: Mutex::new(HashMap::new()),
        }
    }

    /// Stores the code in `file`, durably, and becomes a holder of it.
    pub(super) async fn acquire(&self, file: &SpooledFile) -> Result<()> {
        let hash = file.hash();
        let _exclusive = self.changes.lock(hash).await;
        let stored = locked(&self.held)
            .get(&hash)
            .is_some_and(|held| !held.damaged);
        if !stored {
            self.objects.put_file(&blob_key(hash), file).await?;
        }
        let mut held = locked(&self.held);
        let held = held.entry(hash).or_default();
        held.holders += 1;
        held.damaged = false;
        Ok(())
    }

    /// Adds a holder to stored code: one that has another holder, or was just listed.
    pub(super) fn share(&self, hash: ContentHash) {
        locked(&self.held).entry(hash).or_default().holders += 1;
    }

    /// Ends one holder's interest. Code that then cannot be deleted is no error: it is
    /// collected when the store is opened again.
    pub(super) async fn release(&self, hash: ContentHash) {
        let _exclusive = self.changes.lock(hash).await;
        if !self.forget_holder(hash) {
            return;
        }
        let artifacts = self.artifacts.clone();
        let uncached = spawn_blocking(move || artifacts.remove(hash)).await;
        let deleted = self.objects.delete(&blob_key(hash)).await;
        for failure in [uncached.unwrap_or_else(|e| Err(e.into())), deleted] {
            if let Err(error) = failure {
                tracing::warn!(%hash, %error, "unused code stays on disk until the next start");
            }
        }
    }

    /// The size and the bytes of stored code; `None` if it is not there.
    pub(super) async fn open(
        &self,
        hash: ContentHash,
    ) -> Result<Option<(u64, BoxStream<'static, Result<Bytes>>)>> {
        self.objects.get(&blob_key(hash)).await
    }

    /// Notes that the stored code is not what it should be.
    pub(super) fn mark_damaged(&self, hash: ContentHash) {
        if let Some(held) = locked(&self.held).get_mut(&hash) {
            held.damaged = true;
        }
    }

    /// Whether anybody holds `hash`.
    pub(super) fn is_held(&self, hash: &ContentHash) -> bool {
        locked(&self.held).contains_key(hash)
    }

    /// Whether the last holder is gone.
    fn forget_holder(&self, hash: ContentHash) -> bool {
        let mut all = locked(&self.held);
        let Some(held) = all.get_mut(&hash) else {
            return false;
        };
        held.holders -= 1;
        let last = held.holders == 0;
        if last {
            all.remove(&hash);
        }
        last
    }
}

/// Where the code with `hash` is stored.
pub(super) fn blob_key(hash: ContentHash) -> Key {
    Key::from_iter(["code", &format!("{hash}.wasm")])
}

/// The inverse of [`blob_key`].
pub(super) fn hash_of(key: &Key) -> Option<ContentHash> {
    let stem = key.as_ref().strip_prefix("code/")?.strip_suffix(".wasm")?;
    ContentHash::from_str(stem).ok()
}
