//! The bytes of one generation of a value in this worker's memory.

use std::collections::HashMap;
use std::fs::File;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{FallocateFlags, MemfdFlags, SealFlags};

use super::account::{Account, Place};
use super::chunks::{Chunk, Kind};
use crate::error::{Error, Result};
use crate::tier::{CHUNK_BYTES, Generation, MAX_VALUE_BYTES, Meta, Pin, Version};

/// Memory is mapped, charged and compared in pages of this size.
pub(crate) const PAGE: u64 = 4096;

/// A value, or what of it was needed so far, in a memory file. Faaslets map the file;
/// host calls read and write it. It never shrinks, since a mapped page behind the end of
/// a file kills the process.
///
/// A chunk that may have changed is kept a second time as it is in the global tier: its
/// *twin*.
pub(crate) struct Region {
    file: File,
    account: Arc<Account>,
    inner: Mutex<Inner>,
    /// Held while chunks are fetched: each is fetched once.
    pub(super) pulling: tokio::sync::Mutex<()>,
    /// One of the values that the user, and the worker, may have in memory.
    _place: Place,
}

pub(super) struct Inner {
    pub(super) size: u64,
    /// Which set of the value in this worker it is: greater is later. 0 before it can be
    /// found.
    pub(super) order: u64,
    pub(super) base: Option<Base>,
    pub(super) chunks: Vec<Chunk>,
    /// Chunks whose bytes are in memory.
    present: usize,
    /// Twins of chunks, each charged once; what one lacks at its end is zeros. On the heap,
    /// which has memory at hand: fresh pages of a file cost several times the copy.
    twins: HashMap<usize, Vec<u8>>,
    /// Bytes taken from the memory budget.
    charged: u64,
}

/// What the region is a copy of.
pub(super) struct Base {
    pub(super) generation: Generation,
    /// The version of which the clean chunks are, or an earlier one.
    pub(super) version: Version,
    /// The value's size in the global tier.
    pub(super) size: u64,
    /// Keeps the generation readable. Not needed for what this worker set itself and has all
    /// of.
    _pin: Option<Pin>,
}

impl Region {
    /// A new value of `size` zeros, which the global tier does not have yet.
    pub(super) fn fresh(size: u64, account: &Arc<Account>) -> Result<Self> {
        Self::new(size, None, account)
    }

    /// A value of the global tier, of which nothing is here yet.
    pub(super) fn copy_of(meta: Meta, pin: Pin, account: &Arc<Account>) -> Result<Self> {
        let base = Base {
            generation: meta.generation,
            version: meta.version,
            size: meta.size,
            _pin: Some(pin),
        };
        Self::new(meta.size, Some(base), account)
    }

    fn new(size: u64, base: Option<Base>, account: &Arc<Account>) -> Result<Self> {
        if size > MAX_VALUE_BYTES {
            return Err(Error::ValueTooLarge(size));
        }
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = rustix::fs::memfd_create(c"faasm-state", flags).map_err(Error::memory_file)?;
        let file = File::from(file);
        file.set_len(round_up(size)).map_err(Error::memory_file)?;
        rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK).map_err(Error::memory_file)?;
        Ok(Self {
            _place: account.place()?,
            file,
            inner: Mutex::new(Inner {
                size,
                order: 0,
                base,
                chunks: vec![Chunk::default(); chunk_count(size)],
                present: 0,
                twins: HashMap::new(),
                charged: {
                    let table = table_bytes(size);
                    account.take(table)?;
                    table
                },
            }),
            account: Arc::clone(account),
            pulling: tokio::sync::Mutex::new(()),
        })
    }

    pub(super) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The memory file.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// The value's size in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.inner().size
    }

    /// Whether calls find it, or did.
    pub(crate) fn is_installed(&self) -> bool {
        self.inner().order > 0
    }

    /// Whether the global tier has this value, be it in an older state.
    pub(crate) fn is_pushed(&self) -> bool {
        self.inner().base.is_some()
    }

    /// Extends the value with zeros to `size` bytes, if it is smaller.
    pub(super) fn extend(&self, size: u64) -> Result<()> {
        let mut inner = self.inner();
        if size <= inner.size {
            return Ok(());
        }
        if size > MAX_VALUE_BYTES {
            return Err(Error::ValueTooLarge(size));
        }
        // A chunk that the old end lies in exists in full from now on, and what mappings
        // have written behind that end was no part of the value.
        let end = inner.size;
        let last = inner.chunks.last().map_or(Kind::Absent, |chunk| chunk.kind);
        if last != Kind::Absent {
            self.zero(end, round_up(end) - end)?;
            let grown = start_of(inner.chunks.len()).min(round_up(size)) - round_up(end);
            let has_twin = inner.twins.contains_key(&(inner.chunks.len() - 1));
            let copies = if has_twin { 2 } else { 1 };
            self.take(&mut inner, grown * copies)?;
        }
        let table = table_bytes(size) - table_bytes(end);
        self.take(&mut inner, table)?;
        if self.file.metadata().map_err(Error::memory_file)?.len() < round_up(size) {
            self.file
                .set_len(round_up(size))
                .map_err(Error::memory_file)?;
        }
        inner.size = size;
        inner.chunks.resize(chunk_count(size), Chunk::default());
        Ok(())
    }

    /// The first chunk of `chunks` that has to be fetched before it can be used.
    pub(super) fn first_missing(&self, chunks: Range<usize>) -> Result<Option<usize>> {
        let mut inner = self.inner();
        for index in chunks {
            if !self.present(&mut inner, index)? {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    /// Makes a chunk readable; `false` if it has to be fetched.
    pub(super) fn present(&self, inner: &mut Inner, index: usize) -> Result<bool> {
        if inner.chunks[index].kind != Kind::Absent {
            return Ok(true);
        }
        let stored = inner.base.as_ref().map_or(0, |base| base.size);
        if start_of(index) < stored {
            return Ok(false);
        }
        self.charge(inner, index)?;
        inner.chunks[index].arrive(Kind::Zero);
        inner.present += 1;
        Ok(true)
    }

    /// Takes in a fetched chunk, unless it came by another way meanwhile.
    pub(super) fn admit(&self, index: usize, bytes: &[u8]) -> Result<()> {
        let mut inner = self.inner();
        if inner.chunks[index].kind != Kind::Absent {
            return Ok(());
        }
        self.charge(&mut inner, index)?;
        let kind = match bytes.iter().all(|&byte| byte == 0) {
            true => Kind::Zero,
            false => {
                self.store(start_of(index), bytes)?;
                Kind::Clean
            }
        };
        inner.chunks[index].arrive(kind);
        inner.present += 1;
        Ok(())
    }

    /// Lets a chunk be changed: from now on a push compares it. It must be present.
    fn track(&self, inner: &mut Inner, index: usize) -> Result<()> {
        let kind = match inner.chunks[index].kind {
            Kind::Zero => {
                self.set_twin(inner, index, &[])?;
                Kind::Tracked
            }
            Kind::Absent => return Err(Error::Internal("a chunk was to be changed unseen")),
            Kind::Clean => {
                let bytes = self.load(inner.range(index))?;
                self.set_twin(inner, index, &bytes)?;
                Kind::Tracked
            }
            tracked => tracked,
        };
        inner.chunks[index].change(kind);
        Ok(())
    }

    /// Lets a mapping write a chunk, if it is present.
    pub(super) fn open_for_writing(&self, inner: &mut Inner, index: usize) -> Result<bool> {
        if !self.present(inner, index)? {
            return Ok(false);
        }
        self.track(inner, index)?;
        inner.chunks[index].open();
        Ok(true)
    }

    /// Lets a chunk be overwritten whole: nothing that was there matters.
    fn renew(&self, inner: &mut Inner, index: usize) -> Result<()> {
        let kind = match inner.chunks[index].kind {
            Kind::Absent => {
                self.charge(inner, index)?;
                inner.present += 1;
                Kind::Whole
            }
            Kind::Zero | Kind::Clean => Kind::Whole,
            tracked => tracked,
        };
        inner.chunks[index].change(kind);
        Ok(())
    }

    /// Writes bytes over a part of the value whose chunks are present, but for those that
    /// it covers. `false` if one is not: the value has grown meanwhile.
    pub(crate) fn write(&self, offset: u64, bytes: &[u8]) -> Result<bool> {
        let end = offset + bytes.len() as u64;
        for index in chunks_of(offset..end) {
            // Under the lock till the bytes are there: a push sees both or neither.
            let mut inner = self.inner();
            let chunk = inner.range(index);
            let part = chunk.start.max(offset)..chunk.end.min(end);
            let from = (part.start - offset) as usize;
            let bytes = &bytes[from..from + (part.end - part.start) as usize];
            match part == chunk {
                // What changes nothing need not be pushed, and a whole chunk has no twin
                // that would show it.
                true if self.has(&inner, index, bytes)? => continue,
                true => self.renew(&mut inner, index)?,
                false if inner.is_absent(index) => return Ok(false),
                false => self.track(&mut inner, index)?,
            }
            self.store(part.start, bytes)?;
        }
        Ok(true)
    }

    /// Whether a chunk is like the global tier's and has these bytes.
    fn has(&self, inner: &Inner, index: usize, bytes: &[u8]) -> Result<bool> {
        match inner.chunks[index].kind {
            Kind::Zero | Kind::Clean => Ok(self.load(inner.range(index))? == bytes),
            _ => Ok(false),
        }
    }

    /// Replaces a present chunk by what the global tier has.
    pub(super) fn overwrite(&self, index: usize, bytes: &[u8]) -> Result<()> {
        let mut inner = self.inner();
        let start = start_of(index);
        if inner.chunks[index].kind == Kind::Zero && bytes.iter().all(|&byte| byte == 0) {
            // It is there already, without memory.
            return Ok(());
        }
        self.store(start, bytes)?;
        let chunk = &mut inner.chunks[index];
        match chunk.kind {
            Kind::Absent | Kind::Clean | Kind::Whole => {}
            Kind::Zero => chunk.kind = Kind::Clean,
            Kind::Tracked if chunk.is_writable() => {
                chunk.change(Kind::Tracked);
                inner.change_twin(index, 0, bytes);
            }
            Kind::Tracked => {
                chunk.kind = Kind::Clean;
                self.drop_twin(&mut inner, index);
            }
        }
        Ok(())
    }

    /// The chunks that a push has to look at.
    pub(super) fn changed(&self) -> Vec<usize> {
        let inner = self.inner();
        let changed = |index: &usize| inner.chunks[*index].may_differ();
        (0..inner.chunks.len()).filter(changed).collect()
    }

    /// Makes `bytes` a chunk's twin.
    pub(super) fn set_twin(&self, inner: &mut Inner, index: usize, bytes: &[u8]) -> Result<()> {
        if !inner.twins.contains_key(&index) {
            self.charge(inner, index)?;
        }
        let twin = inner.twins.entry(index).or_default();
        twin.clear();
        twin.reserve_exact(bytes.len());
        twin.extend_from_slice(bytes);
        Ok(())
    }

    /// Drops a chunk's twin, if it has one.
    pub(super) fn drop_twin(&self, inner: &mut Inner, index: usize) {
        if inner.twins.remove(&index).is_none() {
            return;
        }
        let range = inner.range(index);
        let bytes = round_up(range.end) - range.start;
        let given = bytes.min(inner.charged);
        inner.charged -= given;
        self.account.give(given);
    }

    /// A part of the file, beyond the end as zeros.
    pub(super) fn load(&self, range: Range<u64>) -> Result<Vec<u8>> {
        let mut bytes = vec![0; (range.end - range.start) as usize];
        self.load_into(range.start, &mut bytes)?;
        Ok(bytes)
    }

    /// As [`Self::load`], into what is there.
    pub(crate) fn load_into(&self, start: u64, mut bytes: &mut [u8]) -> Result<()> {
        let mut offset = start;
        while !bytes.is_empty() {
            match self
                .file
                .read_at(bytes, offset)
                .map_err(Error::memory_file)?
            {
                0 => {
                    bytes.fill(0);
                    return Ok(());
                }
                read => {
                    offset += read as u64;
                    bytes = &mut bytes[read..];
                }
            }
        }
        Ok(())
    }

    pub(super) fn store(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.file
            .write_all_at(bytes, offset)
            .map_err(Error::memory_file)
    }

    /// Frees whole pages and clears the rest, all the same to readers.
    fn zero(&self, start: u64, length: u64) -> Result<()> {
        if length == 0 {
            return Ok(());
        }
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        let punched = rustix::fs::fallocate(&self.file, flags, start, length);
        punched.map_err(Error::memory_file)
    }

    /// Takes what a chunk, or its twin, needs of the memory budget.
    pub(super) fn charge(&self, inner: &mut Inner, index: usize) -> Result<()> {
        let range = inner.range(index);
        self.take(inner, round_up(range.end) - range.start)
    }

    fn take(&self, inner: &mut Inner, bytes: u64) -> Result<()> {
        self.account.take(bytes)?;
        inner.charged += bytes;
        Ok(())
    }

    /// Bytes of the memory budget that it holds, if nobody else is at it now.
    pub(super) fn evictable(&self) -> Option<u64> {
        let inner = self.inner.try_lock().ok()?;
        let base = inner.base.as_ref()?;
        let is_clean = base.size == inner.size && !inner.chunks.iter().any(Chunk::may_differ);
        is_clean.then_some(inner.charged)
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        let charged = self.inner().charged;
        self.account.give(charged);
    }
}

impl Inner {
    /// The bytes of a chunk.
    pub(super) fn range(&self, index: usize) -> Range<u64> {
        let start = start_of(index);
        start..(start + CHUNK_BYTES).min(self.size)
    }

    pub(super) fn is_absent(&self, index: usize) -> bool {
        let chunk = self.chunks.get(index);
        chunk.is_some_and(|chunk| chunk.kind == Kind::Absent)
    }

    /// A chunk as the global tier has it; what is missing at its end is zeros.
    pub(super) fn twin(&self, index: usize) -> &[u8] {
        self.twins.get(&index).map_or(&[], Vec::as_slice)
    }

    /// Changes a chunk's twin, if it has one, from `at` on.
    pub(super) fn change_twin(&mut self, index: usize, at: usize, bytes: &[u8]) {
        let Some(twin) = self.twins.get_mut(&index) else {
            return;
        };
        let end = at + bytes.len();
        if twin.len() < end {
            twin.reserve_exact(end - twin.len());
            twin.resize(end, 0);
        }
        twin[at..end].copy_from_slice(bytes);
    }

    /// Whether all of the value is in memory.
    pub(super) fn is_complete(&self) -> bool {
        self.present == self.chunks.len()
    }

    /// Notes that all chunks were brought to what the global tier has.
    pub(super) fn refreshed(&mut self, meta: Meta) {
        if let Some(base) = &mut self.base {
            base.size = base.size.max(meta.size);
            base.version = meta.version;
        }
    }

    /// Notes what the global tier has.
    pub(super) fn rebase(&mut self, meta: Meta, size: u64, pin: Option<Pin>) {
        match &mut self.base {
            // The version stays: others may have changed what is clean here meanwhile.
            Some(base) => base.size = base.size.max(size),
            none => {
                *none = Some(Base {
                    generation: meta.generation,
                    version: meta.version,
                    size,
                    _pin: pin,
                });
            }
        }
    }
}

/// The chunks that `range` touches.
pub(crate) fn chunks_of(range: Range<u64>) -> Range<usize> {
    if range.is_empty() {
        return 0..0;
    }
    (range.start / CHUNK_BYTES) as usize..range.end.div_ceil(CHUNK_BYTES) as usize
}

pub(super) fn start_of(index: usize) -> u64 {
    index as u64 * CHUNK_BYTES
}

/// Up to whole pages.
pub(super) fn round_up(bytes: u64) -> u64 {
    bytes.next_multiple_of(PAGE)
}

/// What is charged for a region beside its chunks: the list of them, and its other records.
fn table_bytes(size: u64) -> u64 {
    PAGE + chunk_count(size) as u64 * size_of::<Chunk>() as u64
}

fn chunk_count(size: u64) -> usize {
    size.div_ceil(CHUNK_BYTES) as usize
}
