//! Content, stored once however many records name it.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io;
use std::path::Path;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use faasm_model::ContentHash;
use object_store::path::Path as Key;
use tokio::task::spawn_blocking;

use super::contents::Contents;
use super::handles::{Handles, OpenBlob};
use super::{ByteStream, Content, Record};
use crate::keyed_locks::{KeyedLocks, locked};
use crate::objects::{Objects, Place};
use crate::{Artifacts, Error, Result, SpooledFile};

/// How long content is kept for other servers after the last record that names it is gone,
/// or before the first comes: they may have that one still, or be about to put it.
const LINGER: Duration = Duration::from_secs(600);

/// Content by its hash, each with the number of its holders. A blob whose last holder
/// releases it is deleted, together with what was compiled from it.
pub(crate) struct Blobs {
    contents: Contents,
    compiled: Option<Artifacts>,
    /// Held while a blob is written or deleted.
    changes: KeyedLocks<ContentHash>,
    /// Held while a blob that nobody seems to hold is looked at and deleted.
    collecting: KeyedLocks<ContentHash>,
    held: Mutex<HashMap<ContentHash, Held>>,
    handles: Arc<Handles>,
    /// Whether other servers read here.
    has_visitors: AtomicBool,
    /// Holders that are to be released, and when.
    lingering: Mutex<VecDeque<(Instant, ContentHash)>>,
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

impl Layout {
    pub(crate) fn name(&self, hash: ContentHash) -> String {
        format!("{hash}{}", self.suffix)
    }

    /// The hash in the key of an object.
    pub(crate) fn hash_of(&self, key: &Key) -> Option<ContentHash> {
        let name = key.as_ref().strip_prefix(self.folder)?;
        let stem = name.strip_prefix('/')?.strip_suffix(self.suffix)?;
        ContentHash::from_str(stem).ok()
    }
}

impl Blobs {
    /// Blobs of nobody as yet.
    pub(crate) async fn open(objects: &Objects, layout: Layout) -> Result<Self> {
        Ok(Self {
            contents: Contents::open(objects, layout).await?,
            compiled: None,
            changes: KeyedLocks::new(),
            collecting: KeyedLocks::new(),
            held: Mutex::new(HashMap::new()),
            handles: Arc::new(Handles::new(0, 0)),
            has_visitors: AtomicBool::new(false),
            lingering: Mutex::default(),
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
    pub(crate) fn with_handles(
        self,
        objects: &Objects,
        max_kept: usize,
        max_in_use: usize,
    ) -> Self {
        let handles = Arc::new(Handles::new(max_kept, max_in_use));
        if let Place::Elsewhere(cache) = objects.place() {
            let handles = Arc::clone(&handles);
            cache.tell(Box::new(move |hash| handles.forget(hash)));
        }
        Self { handles, ..self }
    }

    /// Stores the content in `file`, durably, and becomes a holder of it.
    pub(crate) async fn acquire(&self, file: SpooledFile) -> Result<()> {
        let hash = file.hash();
        let _exclusive = self.changes.lock(hash).await;
        // What is shared is put again: that tells others that it is in use.
        if self.contents.are_shared() || !self.is_whole(&hash) {
            let stored = self.contents.put(file).await;
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

    /// The same, for a while: a record that names it is to come.
    pub(crate) async fn acquire_for_a_while(&self, file: SpooledFile) -> Result<()> {
        let hash = file.hash();
        self.acquire(file).await?;
        self.release_after_a_while(hash).await;
        Ok(())
    }

    /// Whether the content is stored, and stays as long as whoever asks.
    fn is_whole(&self, hash: &ContentHash) -> bool {
        locked(&self.held)
            .get(hash)
            .is_some_and(|held| !held.damaged)
    }

    /// Adds `record` as a holder of its content, if that is stored as it says.
    pub(super) async fn share_stored(&self, record: &impl Record) -> Result<bool> {
        let Some((hash, size)) = record.content().map(|c| (c.hash(), c.size())) else {
            return Ok(true);
        };
        let _exclusive = self.changes.lock(hash).await;
        let stored = self.contents.size(hash).await?;
        // What nobody holds may be about to go.
        let stays = self.contents.are_shared() || self.is_whole(&hash);
        let is_stored = stays && stored == Some(size);
        if is_stored {
            self.share(hash);
        }
        Ok(is_stored)
    }

    /// Deletes content if nobody holds it and it was put before `before`; whether it is gone.
    pub(crate) async fn collect(&self, hash: ContentHash, before: SystemTime) -> Result<bool> {
        let _exclusive = self.changes.lock(hash).await;
        let _collecting = self.collecting.lock(hash).await;
        if self.is_held(&hash) {
            return Ok(false);
        }
        self.contents.collect(hash, before).await
    }

    /// Waits while the content of `record`, which is a holder of it, is being collected: what this
    /// server says that it knows it deletes no more.
    pub(super) async fn until_collected(&self, record: &impl Record) {
        if let Some(content) = record.content() {
            drop(self.collecting.lock(content.hash()).await);
        }
    }

    /// Makes sure that content which was put is there, once all servers know a record that names
    /// it: another one may have been about to delete what was there before, and have taken this.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if it is gone, and not on this machine either.
    pub(crate) async fn confirm(&self, hash: ContentHash) -> Result<()> {
        if !self.contents.are_collected_by_others() {
            return Ok(());
        }
        let _exclusive = self.changes.lock(hash).await;
        let is_stored = self.contents.size(hash).await?.is_some();
        match is_stored || !self.is_held(&hash) {
            true => Ok(()),
            false => self.contents.put_again(hash).await,
        }
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
        match self.has_visitors.load(Ordering::Relaxed) {
            true => self.release_after_a_while(hash).await,
            false => self.release_now(hash).await,
        }
    }

    /// From now on other servers read here, and may know records that are gone.
    pub(crate) fn expect_visitors(&self) {
        self.has_visitors.store(true, Ordering::Relaxed);
    }

    /// Ends one holder's interest some time later, when something else is changed.
    async fn release_after_a_while(&self, hash: ContentHash) {
        locked(&self.lingering).push_back((Instant::now() + LINGER, hash));
        self.release_due().await;
    }

    /// Ends the interest of those whose time has come.
    pub(crate) async fn release_due(&self) {
        let now = Instant::now();
        let due: Vec<_> = {
            let mut lingering = locked(&self.lingering);
            let due = lingering.partition_point(|(at, _)| *at <= now);
            lingering.drain(..due).collect()
        };
        for (_, hash) in due {
            self.release_now(hash).await;
        }
    }

    async fn release_now(&self, hash: ContentHash) {
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
        self.contents.discard(hash).await
    }

    /// The size and the bytes of stored content; `None` if it is not there.
    pub(crate) async fn read(&self, hash: ContentHash) -> Result<Option<(u64, ByteStream)>> {
        self.contents.read(hash).await
    }

    /// The file that has the content, without waiting for anything but the disk, or where it is
    /// if that is elsewhere; `None` if it is not there, or not `size` bytes long.
    ///
    /// # Errors
    /// [`Error::TooManyOpen`], [`Error::Unavailable`] or [`Error::Io`].
    pub(crate) fn open_file(&self, hash: ContentHash, size: u64) -> Result<Option<OpenBlob>> {
        let failed = |e| Error::io("open", Path::new(self.contents.key(hash).as_ref()))(e);
        if let Some(kept) = self.handles.get(&hash)?
            && is_there(kept.file(), size).map_err(failed)?
        {
            return Ok(Some(kept));
        }
        let ticket = self.handles.ticket();
        let open = || self.contents.open_file(hash);
        let Some(opened) = self.handles.open(open)? else {
            return Ok(None);
        };
        // Without a name, if the cache had no room for it: it has its bytes all the same.
        if !has_size(opened.file(), size).map_err(failed)? {
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
        self.contents.forget(hash);
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
    pub(crate) fn layout(&self) -> Layout {
        self.contents.layout()
    }
}

/// Whether `file` still has a name, and `size` bytes.
fn is_there(file: &File, size: u64) -> io::Result<bool> {
    Ok(rustix::fs::fstat(file)?.st_nlink > 0 && has_size(file, size)?)
}

fn has_size(file: &File, size: u64) -> io::Result<bool> {
    Ok(file.metadata()?.len() == size)
}
