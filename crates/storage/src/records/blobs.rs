//! Content, stored once however many records name it.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::str::FromStr;
use std::sync::Mutex;

use bytes::Bytes;
use faasm_model::ContentHash;
use futures::stream::BoxStream;
use object_store::path::Path as Key;
use tokio::task::spawn_blocking;

use super::handles::{Handles, OpenBlob};
use super::{Content, Record};
use crate::keyed_locks::{KeyedLocks, locked};
use crate::nofollow::{self, Dir};
use crate::objects::Objects;
use crate::{Artifacts, Error, Result, SpooledFile};

/// Content by its hash, each with the number of its holders. A blob whose last holder
/// releases it is deleted, together with what was compiled from it.
pub(crate) struct Blobs {
    objects: Objects,
    layout: Layout,
    dir: Dir,
    compiled: Option<Artifacts>,
    /// Held while a blob is written or deleted.
    changes: KeyedLocks<ContentHash>,
    held: Mutex<HashMap<ContentHash, Held>>,
    handles: Handles,
}

/// Where blobs are: `{folder}/{hash}{suffix}`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) folder: &'static str,
    pub(crate) suffix: &'static str,
}

#[derive(Default)]
struct Held {
    holders: u64,
    /// Whether the blob was found missing or changed; the next to acquire it repairs it.
    damaged: bool,
}

impl Blobs {
    /// Blobs of nobody as yet.
    pub(crate) async fn open(objects: &Objects, layout: Layout) -> Result<Self> {
        Ok(Self {
            objects: objects.clone(),
            layout,
            dir: objects.folder(layout.folder).await?,
            compiled: None,
            changes: KeyedLocks::new(),
            held: Mutex::new(HashMap::new()),
            handles: Handles::new(0, 0),
        })
    }

    /// The same, with `compiled` to be removed with what it was compiled from.
    pub(crate) fn with_compiled(self, compiled: Artifacts) -> Self {
        Self {
            compiled: Some(compiled),
            ..self
        }
    }

    /// The same, but they can be [opened](Self::open_file): up to `max_in_use` at the same
    /// time, with up to `max_kept` kept open.
    pub(crate) fn with_handles(self, max_kept: usize, max_in_use: usize) -> Self {
        Self {
            handles: Handles::new(max_kept, max_in_use),
            ..self
        }
    }

    /// Stores the content in `file`, durably, and becomes a holder of it.
    pub(crate) async fn acquire(&self, file: SpooledFile) -> Result<()> {
        let hash = file.hash();
        let _exclusive = self.changes.lock(hash).await;
        let stored = locked(&self.held)
            .get(&hash)
            .is_some_and(|held| !held.damaged);
        if !stored {
            let stored = self.objects.put_file(&self.key(hash), file).await;
            // What was there was damaged.
            self.handles.forget(&hash);
            stored?;
        }
        let mut held = locked(&self.held);
        let held = held.entry(hash).or_default();
        held.holders += 1;
        held.damaged = false;
        Ok(())
    }

    /// Adds a holder to stored content: that has another holder, or was just listed.
    pub(crate) fn share(&self, hash: ContentHash) {
        locked(&self.held).entry(hash).or_default().holders += 1;
    }

    /// Counts `record` as a holder of its content, which was just listed or found stored.
    pub(super) fn share_of(&self, record: &impl Record) {
        if let Some(content) = record.content() {
            self.share(content.hash());
        }
    }

    /// Ends one holder's interest. Content that then cannot be deleted is no error: it is
    /// collected when the store is opened again.
    pub(crate) async fn release(&self, hash: ContentHash) {
        let _exclusive = self.changes.lock(hash).await;
        if !self.forget_holder(hash) {
            return;
        }
        let deleted = self.discard(hash).await;
        // Else it would take its space on the disk as long as it is kept open.
        self.handles.forget(&hash);
        for failure in [self.remove_compiled(hash).await, deleted] {
            if let Err(error) = failure {
                tracing::warn!(%hash, %error, "unused content stays on disk until the next start");
            }
        }
    }

    async fn remove_compiled(&self, hash: ContentHash) -> Result<()> {
        match self.compiled.clone() {
            Some(compiled) => spawn_blocking(move || compiled.remove(hash)).await?,
            None => Ok(()),
        }
    }

    /// Deletes content that nobody holds. Not durable: at worst, the next start finds it.
    pub(super) async fn discard(&self, hash: ContentHash) -> Result<()> {
        self.objects.discard(&self.key(hash)).await
    }

    /// The size and the bytes of stored content; `None` if it is not there.
    pub(super) async fn read(
        &self,
        hash: ContentHash,
    ) -> Result<Option<(u64, BoxStream<'static, Result<Bytes>>)>> {
        self.objects.get(&self.key(hash)).await
    }

    /// The file that has the content, without waiting for anything but the disk; `None` if
    /// it is not there, or not `size` bytes long.
    ///
    /// # Errors
    /// [`Error::TooManyOpen`], or [`Error::Io`].
    pub(crate) fn open_file(&self, hash: ContentHash, size: u64) -> Result<Option<OpenBlob>> {
        let failed = |e| Error::io("open", Path::new(self.key(hash).as_ref()))(e);
        if let Some(kept) = self.handles.get(&hash)?
            && is_whole(kept.file(), size).map_err(failed)?
        {
            return Ok(Some(kept));
        }
        let ticket = self.handles.ticket();
        let open = || nofollow::found(self.dir.open_file(&self.file_name(hash))).map_err(failed);
        let Some(opened) = self.handles.open(open)? else {
            return Ok(None);
        };
        if !is_whole(opened.file(), size).map_err(failed)? {
            return Ok(None);
        }
        self.handles.keep(hash, &opened, ticket);
        Ok(Some(opened))
    }

    /// Notes that the stored content is not what it should be.
    pub(crate) fn mark_damaged(&self, hash: ContentHash) {
        if let Some(held) = locked(&self.held).get_mut(&hash) {
            held.damaged = true;
        }
        self.handles.forget(&hash);
    }

    /// Whether anybody holds `hash`.
    pub(crate) fn is_held(&self, hash: &ContentHash) -> bool {
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

    /// Where all content is.
    pub(super) fn folder(&self) -> &'static str {
        self.layout.folder
    }

    fn file_name(&self, hash: ContentHash) -> String {
        format!("{hash}{}", self.layout.suffix)
    }

    fn key(&self, hash: ContentHash) -> Key {
        Key::from_iter([self.layout.folder, &self.file_name(hash)])
    }

    /// The inverse of [`key`](Self::key).
    pub(super) fn hash_of(&self, key: &Key) -> Option<ContentHash> {
        let name = key.as_ref().strip_prefix(self.layout.folder)?;
        let stem = name.strip_prefix('/')?.strip_suffix(self.layout.suffix)?;
        ContentHash::from_str(stem).ok()
    }
}

/// Whether `file` still has a name, and `size` bytes.
fn is_whole(file: &File, size: u64) -> io::Result<bool> {
    let stat = rustix::fs::fstat(file)?;
    Ok(stat.st_nlink > 0 && u64::try_from(stat.st_size) == Ok(size))
}
