//! What the scratch layer may use, and who pays for it.

use std::sync::Arc;

use crate::chunk::{CHUNK, CHUNK_OVERHEAD};
use crate::spill::{Slot, SpillFile};
use crate::{Errno, Spill};

/// An account that the scratch layer's bytes are charged to, say the memory budget of the process.
pub trait Charge: Send + Sync {
    /// Asks for `bytes` more; false if they cannot be had.
    fn grow(&self, bytes: u64) -> bool;

    /// Gives `bytes` back that an earlier [`grow`](Charge::grow) granted.
    fn shrink(&self, bytes: u64);
}

/// A [`Charge`] that grants everything; [`Limits`] still hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unmetered;

impl Charge for Unmetered {
    fn grow(&self, _bytes: u64) -> bool {
        true
    }

    fn shrink(&self, _bytes: u64) {}
}

/// The bounds of one call's filesystem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the scratch layer, in memory and on disk, bookkeeping included; beyond it
    /// [`Errno::Nospc`]. Default: 512 MiB.
    pub max_scratch_bytes: u64,
    /// Files, directories and links created or changed; beyond it [`Errno::Nospc`].
    /// Default: 65,536.
    pub max_inodes: u32,
    /// Open descriptors, the standard streams and `/` included; beyond it [`Errno::Mfile`].
    /// Default: 1,024.
    pub max_fds: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_scratch_bytes: 512 << 20,
            max_inodes: 65_536,
            max_fds: 1024,
        }
    }
}

/// Counts what one scratch layer uses, and says where there is room; gives all memory back when
/// dropped.
pub(crate) struct Meter {
    charge: Arc<dyn Charge>,
    max_bytes: u64,
    max_inodes: u32,
    /// Bytes of memory in use.
    bytes: u64,
    inodes: u32,
    spill: Option<Spill>,
    /// Made when it is first needed.
    spill_file: Option<Arc<SpillFile>>,
}

/// Memory that data in memory leaves for the bookkeeping of data on disk: enough for a thousand
/// chunks.
const HEADROOM: u64 = 1024 * CHUNK_OVERHEAD;

/// Where a chunk goes.
pub(crate) enum Room {
    Memory,
    Disk(Slot),
}

/// Memory that is charged, but no longer counts against the call.
pub(crate) struct Held {
    charge: Arc<dyn Charge>,
    bytes: u64,
}

impl Meter {
    pub(crate) fn new(charge: Arc<dyn Charge>, limits: &Limits) -> Self {
        Self {
            charge,
            max_bytes: limits.max_scratch_bytes,
            max_inodes: limits.max_inodes,
            bytes: 0,
            inodes: 0,
            spill: None,
            spill_file: None,
        }
    }

    pub(crate) fn spill_to(&mut self, spill: Spill) {
        self.spill = Some(spill);
    }

    /// Finds room for `bytes` of file data in memory, or else for a chunk on disk, of which only
    /// the bookkeeping is charged.
    pub(crate) fn place(&mut self, bytes: u64) -> Result<Room, Errno> {
        let Some(spill) = &self.spill else {
            return self.take(bytes).map(|()| Room::Memory);
        };
        let fits = self.bytes.saturating_add(bytes) <= spill.above;
        if fits && self.take(bytes + HEADROOM).is_ok() {
            self.give(HEADROOM);
            return Ok(Room::Memory);
        }
        if self.room() < CHUNK + CHUNK_OVERHEAD {
            return Err(Errno::Nospc);
        }
        let slot = self.spill_file()?.slot()?;
        self.take(CHUNK_OVERHEAD).map(|()| Room::Disk(slot))
    }

    fn spill_file(&mut self) -> Result<&Arc<SpillFile>, Errno> {
        let spill = self.spill.as_ref().ok_or(Errno::Nospc)?;
        if self.spill_file.is_none() {
            self.spill_file = Some(Arc::new(SpillFile::create(&spill.directory)?));
        }
        self.spill_file.as_ref().ok_or(Errno::Nospc)
    }

    pub(crate) fn take(&mut self, bytes: u64) -> Result<(), Errno> {
        if bytes > self.room() || !self.charge.grow(bytes) {
            return Err(Errno::Nospc);
        }
        self.bytes += bytes;
        Ok(())
    }

    pub(crate) fn give(&mut self, bytes: u64) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.charge.shrink(bytes);
    }

    pub(crate) fn take_inode(&mut self, bytes: u64) -> Result<(), Errno> {
        if self.inodes >= self.max_inodes {
            return Err(Errno::Nospc);
        }
        self.take(bytes)?;
        self.inodes += 1;
        Ok(())
    }

    pub(crate) fn give_inode(&mut self, bytes: u64) {
        self.inodes = self.inodes.saturating_sub(1);
        self.give(bytes);
    }

    /// Ends the counting of a node and what it holds; its memory stays charged until the answer
    /// is dropped.
    pub(crate) fn hand_over(&mut self, bytes: u64) -> Held {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.inodes = self.inodes.saturating_sub(1);
        Held {
            charge: Arc::clone(&self.charge),
            bytes,
        }
    }

    /// Bytes of memory in use.
    pub(crate) fn used(&self) -> u64 {
        self.bytes
    }

    /// Bytes on disk in use.
    pub(crate) fn spilled(&self) -> u64 {
        self.spill_file.as_ref().map_or(0, |file| file.used())
    }

    /// Bytes that the limit leaves, whether or not the account has them.
    pub(crate) fn room(&self) -> u64 {
        self.max_bytes
            .saturating_sub(self.bytes)
            .saturating_sub(self.spilled())
    }
}

impl Held {
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.charge.shrink(self.bytes);
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.charge.shrink(self.bytes);
    }
}
