//! A piece of a file that was written: in memory, or on disk once memory is short.

use crate::Errno;
use crate::quota::{Meter, Room};
use crate::spill::Slot;

/// Bytes of one chunk at most; a chunk in memory holds only as much as was written of it.
pub(crate) const CHUNK: u64 = 64 * 1024;
/// What a chunk costs in memory beside its bytes.
pub(crate) const CHUNK_OVERHEAD: u64 = 64;

/// Behind what it holds there are zeros.
pub(crate) enum Chunk {
    Memory(Vec<u8>),
    Disk {
        slot: Slot,
        /// How much of the slot counts; the rest is what others left there.
        len: usize,
    },
}

impl Chunk {
    /// An empty one, paid for, that has room for `need` bytes.
    pub(crate) fn new(meter: &mut Meter, need: usize) -> Result<Self, Errno> {
        let cost = memory_cost(need);
        match meter.place(cost)? {
            Room::Disk(slot) => Ok(Self::Disk { slot, len: 0 }),
            Room::Memory => {
                let mut bytes = Vec::new();
                lengthen(&mut bytes, need).inspect_err(|_| meter.give(cost))?;
                Ok(Self::Memory(bytes))
            }
        }
    }

    /// Makes room for `need` bytes in all; on disk there always is.
    pub(crate) fn make_room(&mut self, meter: &mut Meter, need: usize) -> Result<(), Errno> {
        let Self::Memory(bytes) = self else {
            return Ok(());
        };
        if bytes.len() >= need {
            return Ok(());
        }
        let paid = memory_cost(bytes.len());
        let more = memory_cost(need) - paid;
        match meter.place(more)? {
            Room::Memory => lengthen(bytes, need).inspect_err(|_| meter.give(more)),
            Room::Disk(slot) => {
                slot.write(bytes, 0)
                    .inspect_err(|_| meter.give(CHUNK_OVERHEAD))?;
                meter.give(paid);
                let len = bytes.len();
                *self = Self::Disk { slot, len };
                Ok(())
            }
        }
    }

    /// Bytes of memory that it is charged for.
    pub(crate) fn cost(&self) -> u64 {
        match self {
            Self::Memory(bytes) => memory_cost(bytes.len()),
            Self::Disk { .. } => CHUNK_OVERHEAD,
        }
    }

    pub(crate) fn read(&self, buf: &mut [u8], start: usize) -> Result<(), Errno> {
        let held = match self {
            Self::Memory(bytes) => bytes.len(),
            Self::Disk { len, .. } => *len,
        };
        let held = held.saturating_sub(start).min(buf.len());
        let (data, zeros) = buf.split_at_mut(held);
        zeros.fill(0);
        if data.is_empty() {
            return Ok(());
        }
        match self {
            Self::Memory(bytes) => {
                data.copy_from_slice(&bytes[start..start + held]);
                Ok(())
            }
            Self::Disk { slot, .. } => slot.read(data, start),
        }
    }

    /// Writes where room was made.
    pub(crate) fn write(&mut self, data: &[u8], start: usize) -> Result<(), Errno> {
        match self {
            Self::Memory(bytes) => bytes[start..start + data.len()].copy_from_slice(data),
            Self::Disk { slot, len } => {
                if start > *len {
                    slot.write(&vec![0; start - *len], *len)?;
                }
                slot.write(data, start)?;
                *len = (*len).max(start + data.len());
            }
        }
        Ok(())
    }

    pub(crate) fn truncate(&mut self, meter: &mut Meter, to: usize) {
        match self {
            Self::Memory(bytes) => {
                let before = memory_cost(bytes.len());
                bytes.truncate(to);
                bytes.shrink_to(capacity(bytes.len()));
                meter.give(before - memory_cost(bytes.len()));
            }
            Self::Disk { len, .. } => *len = to.min(*len),
        }
    }
}

fn lengthen(bytes: &mut Vec<u8>, need: usize) -> Result<(), Errno> {
    bytes
        .try_reserve_exact(capacity(need) - bytes.len())
        .map_err(|_| Errno::Nospc)?;
    bytes.resize(need, 0);
    Ok(())
}

/// Chunks double as they grow, so that appending byte by byte stays linear.
fn capacity(len: usize) -> usize {
    len.next_power_of_two().clamp(64, CHUNK as usize)
}

fn memory_cost(len: usize) -> u64 {
    CHUNK_OVERHEAD + capacity(len) as u64
}
