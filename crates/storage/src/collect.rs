//! Clearing up what nothing in a storage refers to any more.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use faasm_model::ContentHash;
use object_store::path::Path as Key;

use crate::artifacts::source_of;
use crate::objects::Listed;
use crate::records::Blobs;
use crate::{Result, Storage, shared_artifacts};

/// An object that is put only to learn when: by the clock that dates all others.
const CLOCK: &str = "clock";

/// Deletes content that no record names, and compiled code of functions that are gone.
///
/// An object goes that is older than a grace, which covers uploads under way on other servers, and
/// that two [runs](Self::run) in succession have found unused: the time between them is for calls on
/// other servers that began with what has been replaced. Ages are told by the storage's own clock.
/// Any number of servers can do this at the same time.
pub struct Collector {
    storage: Storage,
    /// What the last run has found unused, and left.
    unused: HashSet<Key>,
}

/// What a run of a [`Collector`] has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Collected {
    /// How many objects were deleted.
    pub objects: usize,
    /// How large they were together, in bytes.
    pub bytes: u64,
    /// How many stored records cannot be used. Unused objects may be theirs: while there are any,
    /// nothing is deleted.
    pub left_out: usize,
}

/// What is collected, each in a folder of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Code,
    Source,
    Content,
    Artifact,
}

/// An object that nothing seems to refer to.
struct Unused {
    kind: Kind,
    /// Its own, or that of the code which it was compiled from.
    hash: ContentHash,
    object: Listed,
}

impl Storage {
    /// What deletes unused objects of this storage; `None` if it is with another server, which does
    /// that itself.
    pub fn collector(&self) -> Option<Collector> {
        self.objects().is_collected_here().then(|| Collector {
            storage: self.clone(),
            unused: HashSet::new(),
        })
    }
}

impl Collector {
    /// Deletes what was put `grace` ago or earlier, and was unused in the last run and still is;
    /// each object is logged.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::Error::Unavailable) or another of the storage's. Nothing was
    /// deleted unless all records could be read.
    pub async fn run(&mut self, grace: Duration) -> Result<Collected> {
        let candidates = std::mem::take(&mut self.unused);
        let storage = &self.storage;
        storage.release_due().await;
        let Some(before) = storage.time().await?.checked_sub(grace) else {
            return Ok(Collected::default());
        };
        let mut unused = Vec::new();
        for kind in Kind::ALL {
            unused.extend(storage.unused(kind, before).await?);
        }
        let mut collected = Collected::default();
        if unused.is_empty() {
            return Ok(collected);
        }
        let named = [
            storage.functions().named().await?,
            storage.python().named().await?,
            storage.files().named().await?,
        ];
        collected.left_out = named.iter().map(|named| named.left_out).sum();
        if collected.left_out > 0 {
            return Ok(collected);
        }
        // Also by records that this server was not told of.
        let is_named = |hash: &ContentHash| named.iter().any(|named| named.hashes.contains(hash));
        unused.retain(|of| !storage.uses(of.kind, &of.hash) && !is_named(&of.hash));
        let is_due = |unused: &Unused| candidates.contains(&unused.object.key);
        let (due, left): (Vec<_>, Vec<_>) = unused.into_iter().partition(is_due);
        self.unused = left.into_iter().map(|unused| unused.object.key).collect();
        for unused in due {
            let (storage, size) = (self.storage.clone(), unused.object.size);
            // To its end also if this is dropped: others wait until it is known what is there.
            let deleted = tokio::spawn(async move { storage.delete(unused, before).await });
            if deleted.await?? {
                collected.objects += 1;
                collected.bytes += size;
            }
        }
        Ok(collected)
    }
}

impl Kind {
    const ALL: [Self; 4] = [Self::Code, Self::Source, Self::Content, Self::Artifact];
}

impl Storage {
    /// The present time where the objects are: the clocks of servers may differ.
    async fn time(&self) -> Result<SystemTime> {
        let key = Key::from(CLOCK);
        let put = self.objects().put(key.clone(), Bytes::from_static(b"{}"));
        put.await?;
        let stored = self.objects().stat(key).await?;
        Ok(stored.map_or(SystemTime::UNIX_EPOCH, |stored| stored.modified))
    }

    /// What was put before `before`, and nothing refers to as far as is known here.
    async fn unused(&self, kind: Kind, before: SystemTime) -> Result<Vec<Unused>> {
        let blobs = self.blobs_of(kind);
        let folder = blobs.map_or(shared_artifacts::FOLDER, |blobs| blobs.layout().folder);
        let listed = self.objects().list(folder).await?;
        let old = listed.into_iter().filter(|object| object.modified < before);
        let known = old.filter_map(|object| {
            let hash = match blobs {
                Some(blobs) => blobs.layout().hash_of(&object.key)?,
                None => source_of(object.key.filename()?)?,
            };
            Some(Unused { kind, hash, object })
        });
        Ok(known
            .filter(|unused| !self.uses(kind, &unused.hash))
            .collect())
    }

    /// Where content of a kind is; compiled code is no content.
    fn blobs_of(&self, kind: Kind) -> Option<&Blobs> {
        match kind {
            Kind::Code => Some(self.functions().blobs()),
            Kind::Source => Some(self.python().blobs()),
            Kind::Content => Some(self.files().blobs()),
            Kind::Artifact => None,
        }
    }

    fn uses(&self, kind: Kind, hash: &ContentHash) -> bool {
        match self.blobs_of(kind) {
            Some(blobs) => blobs.is_held(hash),
            None => self.functions().uses(hash) || self.python().uses(hash),
        }
    }

    async fn release_due(&self) {
        for blobs in Kind::ALL.into_iter().filter_map(|kind| self.blobs_of(kind)) {
            blobs.release_due().await;
        }
    }

    /// Deletes an object that still is unused, and as old; whether it is gone.
    async fn delete(&self, unused: Unused, before: SystemTime) -> Result<bool> {
        let Unused { kind, hash, object } = unused;
        let Listed { key, size, .. } = object;
        let deleted = match self.blobs_of(kind) {
            Some(blobs) => blobs.collect(hash, before).await?,
            None if self.uses(kind, &hash) => false,
            None => {
                self.objects().discard(key.clone()).await?;
                true
            }
        };
        if deleted {
            tracing::info!(%key, size, "deleted what no record refers to");
        }
        Ok(deleted)
    }
}
