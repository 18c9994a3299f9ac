//! The state as one call sees and changes it.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use faasm_model::{Key, StateKey};
use futures::{FutureExt, StreamExt, stream};

use crate::error::{Error, Result};
use crate::global_lock::GlobalLock;
use crate::local::{Entry, Region, View, chunks_of};
use crate::locks::{LockSession, Mode, Party};
use crate::state::State;
use crate::tier::{Fence, GlobalTier};

/// Keys that a session remembers the way to.
const MAX_ENTRIES: usize = 1_024;

/// Most global locks of a call: the server renews each.
const MAX_GLOBAL_LOCKS: usize = 1_024;

/// Values that are pushed at a time at the end of a call, each with some megabytes in memory.
const PUSHES: usize = 4;

/// One call's way to its user's state. What a call writes is seen by others in this worker
/// at once, and is in the global tier when [`Session::finish`] returns. Dropping a
/// session releases its locks and leaves its writes where they are.
pub struct Session {
    state: State,
    party: Party,
    locks: LockSession,
    inner: Mutex<Inner>,
    mapped: AtomicU64,
}

#[derive(Default)]
struct Inner {
    entries: HashMap<Key, Arc<Entry>>,
    written: Vec<Written>,
    global_locks: HashMap<Key, GlobalLock>,
    /// Why what the call did to a view is worth nothing.
    failure: Option<Error>,
}

/// What the call has written of one value.
struct Written {
    entry: Arc<Entry>,
    region: Arc<Region>,
    chunks: BTreeSet<usize>,
}

/// A part of a value that a call writes or maps.
pub struct Part {
    entry: Arc<Entry>,
    region: Arc<Region>,
    offset: u64,
    length: u64,
}

/// A value on its way: nobody sees it yet.
pub struct NewValue(Part);

/// What is to be written so that a value is set.
pub enum Replacement {
    /// The value itself, seen by others as it changes.
    InPlace(Part),
    /// A new value, to be [installed](Session::install) once it is whole.
    New(NewValue),
}

impl Session {
    pub(crate) fn new(state: State, party: Party) -> Self {
        Self {
            locks: state.0.locks.session(party.clone()),
            state,
            party,
            inner: Mutex::default(),
            mapped: AtomicU64::new(0),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tier(&self) -> &dyn GlobalTier {
        self.state.0.tier.as_ref()
    }

    fn key(&self, key: &Key) -> StateKey {
        StateKey {
            user: self.party.function.user.clone(),
            key: key.clone(),
        }
    }

    fn entry(&self, key: &Key) -> Arc<Entry> {
        let mut inner = self.inner();
        if let Some(entry) = inner.entries.get(key) {
            return Arc::clone(entry);
        }
        let entry = self.state.0.store.entry(&self.key(key));
        // Only a shortcut: what has been written is kept elsewhere.
        if inner.entries.len() >= MAX_ENTRIES {
            inner.entries.clear();
        }
        inner.entries.insert(key.clone(), Arc::clone(&entry));
        entry
    }

    async fn open(&self, key: &Key) -> Result<Option<(Arc<Entry>, Arc<Region>)>> {
        let entry = self.entry(key);
        let region = entry.open(self.tier()).await?;
        Ok(region.map(|region| (entry, region)))
    }

    async fn at_least(&self, key: &Key, size: u64) -> Result<(Arc<Entry>, Arc<Region>)> {
        let entry = self.entry(key);
        let (region, changed) = entry.at_least(self.tier(), size).await?;
        if changed {
            self.wrote(&entry, &region, []);
        }
        Ok((entry, region))
    }

    /// Notes what has to be pushed at the end.
    fn wrote(
        &self,
        entry: &Arc<Entry>,
        region: &Arc<Region>,
        chunks: impl IntoIterator<Item = usize>,
    ) {
        let mut inner = self.inner();
        let known = |written: &&mut Written| Arc::ptr_eq(&written.region, region);
        if let Some(written) = inner.written.iter_mut().find(known) {
            written.chunks.extend(chunks);
            return;
        }
        inner.written.push(Written {
            entry: Arc::clone(entry),
            region: Arc::clone(region),
            chunks: chunks.into_iter().collect(),
        });
    }

    /// The value's size in bytes; 0 if there is none.
    ///
    /// # Errors
    /// Those of the global tier.
    pub async fn size(&self, key: &Key) -> Result<u64> {
        let opened = self.open(key).await?;
        Ok(opened.map_or(0, |(_, region)| region.size()))
    }

    /// Reads a value from `offset` on into `buffer`; what the value does not have is zeros.
    /// Returns the value's size.
    ///
    /// # Errors
    /// [`Error::NoMemory`], and those of the global tier.
    pub async fn read_into(&self, key: &Key, offset: u64, buffer: &mut [u8]) -> Result<u64> {
        let Some((_, region)) = self.open(key).await? else {
            buffer.fill(0);
            return Ok(0);
        };
        let size = region.size();
        let there = size.saturating_sub(offset).min(buffer.len() as u64);
        let (there, beyond) = buffer.split_at_mut(there as usize);
        beyond.fill(0);
        if !there.is_empty() {
            region
                .pull(self.tier(), offset..offset + there.len() as u64)
                .await?;
            region.load_into(offset, there)?;
        }
        Ok(size)
    }

    /// Reads `length` bytes of a value from `offset` on, or up to its end if that is
    /// earlier.
    ///
    /// # Errors
    /// As [`Self::read_into`].
    pub async fn read(&self, key: &Key, offset: u64, length: u64) -> Result<Vec<u8>> {
        let size = self.size(key).await?;
        let there = size.saturating_sub(offset).min(length);
        let mut bytes = vec![0; there as usize];
        self.read_into(key, offset, &mut bytes).await?;
        Ok(bytes)
    }

    /// Makes `bytes` the value: in place if it has this size, else as a new value.
    ///
    /// # Errors
    /// [`Error::ValueTooLarge`], [`Error::NoMemory`], and those of the global tier.
    pub async fn write(&self, key: &Key, bytes: &[u8]) -> Result<()> {
        match self.replace(key, bytes.len() as u64).await? {
            Replacement::InPlace(part) => self.fill(&part, 0, bytes).await,
            Replacement::New(value) => {
                self.fill(value.part(), 0, bytes).await?;
                self.install(value).await;
                Ok(())
            }
        }
    }

    /// What to write so that a value of `size` bytes is set: the value itself if it has
    /// this size, else a new one.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub async fn replace(&self, key: &Key, size: u64) -> Result<Replacement> {
        let entry = self.entry(key);
        let present = entry.open(self.tier()).await?;
        let part = |region| Part {
            entry: Arc::clone(&entry),
            region,
            offset: 0,
            length: size,
        };
        Ok(match present {
            Some(region) if region.size() == size => Replacement::InPlace(part(region)),
            _ => Replacement::New(NewValue(part(entry.fresh(size)?))),
        })
    }

    /// Makes a new value the one that the key has.
    pub async fn install(&self, value: NewValue) {
        let Part {
            entry,
            region,
            length,
            ..
        } = value.0;
        entry.install(&region).await;
        self.wrote(&entry, &region, chunks_of(0..length));
    }

    /// A part of a value of at least `total` bytes; the value is made, or extended with
    /// zeros, if need be.
    ///
    /// # Errors
    /// [`Error::Outside`], and as [`Self::write`].
    pub async fn part(&self, key: &Key, total: u64, offset: u64, length: u64) -> Result<Part> {
        self.entry(key).check(offset, length, total)?;
        let (entry, region) = self.at_least(key, total).await?;
        Ok(Part {
            entry,
            region,
            offset,
            length,
        })
    }

    /// Writes `bytes` into a part, `at` bytes from its beginning.
    ///
    /// # Errors
    /// [`Error::Outside`], [`Error::NoMemory`], and those of the global tier.
    pub async fn fill(&self, part: &Part, at: u64, bytes: &[u8]) -> Result<()> {
        let length = bytes.len() as u64;
        part.entry.check(at, length, part.length)?;
        let offset = part.offset + at;
        let range = offset..offset + length;
        loop {
            part.region.pull_edges(self.tier(), range.clone()).await?;
            if part.region.write(offset, bytes)? {
                break;
            }
        }
        if part.region.is_installed() {
            self.wrote(&part.entry, &part.region, chunks_of(range));
        }
        Ok(())
    }

    /// Makes a view of a part.
    ///
    /// # Errors
    /// [`Error::MappedLimit`].
    pub fn map(&self, part: &Part) -> Result<View> {
        let limit = self.state.0.options.max_mapped_bytes;
        let view = View::new(
            Arc::clone(&part.entry),
            Arc::clone(&part.region),
            self.state.0.pager.clone(),
            part.offset..part.offset + part.length,
        );
        let taken = self
            .mapped
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |mapped| {
                mapped
                    .checked_add(view.length())
                    .filter(|sum| *sum <= limit)
            });
        match taken {
            Ok(_) => Ok(view),
            Err(mapped) => Err(Error::MappedLimit {
                wanted: mapped.saturating_add(view.length()),
                limit,
            }),
        }
    }

    /// Pushes all changes of a value, whoever made them, to the global tier.
    ///
    /// # Errors
    /// Those of the global tier.
    pub async fn push(&self, key: &Key) -> Result<()> {
        self.push_masked(key, None).await
    }

    /// Pushes those changes of a value where the value `mask`, of the same size, is not 0.
    ///
    /// # Errors
    /// [`Error::MaskSize`], and those of the global tier.
    pub async fn push_with_mask(&self, key: &Key, mask: &Key) -> Result<()> {
        let mask = match self.open(mask).await? {
            Some((_, region)) => {
                let size = region.size();
                region.pull(self.tier(), 0..size).await?;
                Some(region)
            }
            None => None,
        };
        let size = self.size(key).await?;
        match mask {
            Some(mask) if mask.size() == size => self.push_masked(key, Some(&mask)).await,
            mask => Err(Error::MaskSize {
                mask: mask.map_or(0, |mask| mask.size()),
                value: size,
            }),
        }
    }

    async fn push_masked(&self, key: &Key, mask: Option<&Region>) -> Result<()> {
        let entry = self.entry(key);
        let Some(region) = entry.region() else {
            return Ok(());
        };
        let fence = self.fence(key);
        entry.push(self.tier(), &region, None, fence, mask).await
    }

    /// Takes what the global tier has of a value, and forgets changes that were not pushed.
    ///
    /// # Errors
    /// Those of the global tier.
    pub async fn pull(&self, key: &Key) -> Result<()> {
        let entry = self.entry(key);
        if let Some(region) = entry.region() {
            let mut inner = self.inner();
            // Its own value that was not pushed is forgotten, too.
            let is_kept = |w: &Written| !Arc::ptr_eq(&w.region, &region) || w.region.is_pushed();
            inner.written.retain(is_kept);
        }
        entry.refresh(self.tier()).await
    }

    /// Adds an element to the key's list.
    ///
    /// # Errors
    /// Those of [`GlobalTier::append`].
    pub async fn append(&self, key: &Key, element: Bytes) -> Result<()> {
        self.tier().append(&self.key(key), element).await?;
        Ok(())
    }

    /// Elements of the key's list from the one of index `first` on, as many as one answer
    /// holds.
    ///
    /// # Errors
    /// Those of the global tier.
    pub async fn appended(&self, key: &Key, first: u64, count: u64) -> Result<Vec<Bytes>> {
        self.state.appended(&self.key(key), first, count).await
    }

    /// Empties the key's list.
    ///
    /// # Errors
    /// Those of the global tier.
    pub async fn clear_appended(&self, key: &Key) -> Result<()> {
        self.state.clear_appended(&self.key(key)).await
    }

    /// Takes a lock of this worker, and waits for it.
    ///
    /// # Errors
    /// [`Error::Lock`].
    pub async fn lock(&self, key: &Key, mode: Mode) -> Result<()> {
        Ok(self.locks.lock(&self.key(key), mode).await?)
    }

    /// Gives a lock of this worker back.
    ///
    /// # Errors
    /// [`Error::NotHeld`].
    pub fn unlock(&self, key: &Key, mode: Mode) -> Result<()> {
        Ok(self.locks.unlock(&self.key(key), mode)?)
    }

    /// Takes the lock of all workers, and waits for it.
    ///
    /// # Errors
    /// [`Error::GlobalLockHeld`], and those of the global tier.
    pub async fn lock_global(&self, key: &Key) -> Result<()> {
        if self.inner().global_locks.contains_key(key) {
            return Err(Error::GlobalLockHeld(self.key(key)));
        }
        if self.inner().global_locks.len() >= MAX_GLOBAL_LOCKS {
            return Err(Error::TooManyGlobalLocks(MAX_GLOBAL_LOCKS));
        }
        let tier = Arc::clone(&self.state.0.tier);
        let lock = GlobalLock::take(tier, self.key(key)).await?;
        self.inner().global_locks.insert(key.clone(), lock);
        Ok(())
    }

    /// Gives the lock of all workers back.
    ///
    /// # Errors
    /// [`Error::GlobalLockNotHeld`], and those of the global tier.
    pub async fn unlock_global(&self, key: &Key) -> Result<()> {
        let lock = self.inner().global_locks.remove(key);
        match lock {
            Some(lock) => lock.release().await,
            None => Err(Error::GlobalLockNotHeld(self.key(key))),
        }
    }

    fn fence(&self, key: &Key) -> Option<Fence> {
        self.inner().global_locks.get(key).map(GlobalLock::fence)
    }

    /// The locks of this worker that the call holds.
    pub fn locks(&self) -> &LockSession {
        &self.locks
    }

    /// Whether there is anything to [finish](Self::finish) at the end of the call.
    pub fn has_written(&self) -> bool {
        let inner = self.inner();
        !inner.written.is_empty() || inner.failure.is_some()
    }

    /// Notes what the call may have written through `view`. The guest has stopped, and what
    /// it does to the mapping from now on would be lost.
    pub fn close(&self, view: &mut View) {
        let chunks = view.close();
        if let Some(error) = view.failure() {
            self.inner().failure = Some(error.clone());
        }
        let (entry, region) = view.value();
        if !chunks.is_empty() {
            self.wrote(entry, region, chunks);
        }
    }

    /// Brings everything that the call has written to the global tier, after its views
    /// were [closed](Self::close).
    ///
    /// # Errors
    /// That of a view that [failed](View::fail), and those of the global tier: then some of
    /// it may be there.
    pub async fn finish(&self) -> Result<()> {
        if let Some(error) = self.inner().failure.take() {
            return Err(error);
        }
        let written = std::mem::take(&mut self.inner().written);
        let mut pushes = Vec::new();
        for written in &written {
            let fence = self.fence(&written.entry.key().key);
            let chunks = Some(written.chunks.iter().copied().collect());
            let (entry, region) = (&written.entry, &written.region);
            pushes.push(entry.push(self.tier(), region, chunks, fence, None).boxed());
        }
        // Also after a failure: what is half way must not be left there.
        let pushed: Vec<_> = stream::iter(pushes).buffered(PUSHES).collect().await;
        pushed.into_iter().collect()
    }
}

impl Part {
    /// Where in `view` its bytes are, if that has them.
    pub fn position_in(&self, view: &View) -> Option<u64> {
        view.position(&self.region, self.offset, self.length)
    }
}

impl NewValue {
    /// All of it, to be filled.
    pub fn part(&self) -> &Part {
        &self.0
    }
}
