//! The byte layouts of WASI's structures.

use faasm_vfs::{DirEntry, FdStat, Filestat};

use crate::memory::{BadPointer, GuestMemory};

/// Most buffers of one vectored read or write, as `IOV_MAX` of Linux.
pub(super) const MAX_IOVECS: u32 = 1024;

/// A buffer of a vectored read or write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Iovec {
    pub(super) ptr: u32,
    pub(super) len: u32,
}

/// Reads the buffers' descriptions.
pub(super) fn iovecs(
    memory: &GuestMemory<'_>,
    ptr: u32,
    count: u32,
) -> Result<impl Iterator<Item = Iovec> + use<>, BadPointer> {
    let raw = memory.array(ptr, count, 8)?.to_vec();
    let items = (0..raw.len() / 8).map(move |i| Iovec {
        ptr: u32_at(&raw, 8 * i),
        len: u32_at(&raw, 8 * i + 4),
    });
    Ok(items)
}

/// The little-endian word at `offset`; 0 past the end, which callers have checked.
pub(super) fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    let word = bytes
        .get(offset..offset + 4)
        .and_then(|b| b.try_into().ok());
    word.map_or(0, u32::from_le_bytes)
}

pub(super) fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    let word = bytes
        .get(offset..offset + 8)
        .and_then(|b| b.try_into().ok());
    word.map_or(0, u64::from_le_bytes)
}

/// `filestat`, 64 bytes.
pub(super) fn filestat(stat: &Filestat) -> [u8; 64] {
    let mut bytes = [0; 64];
    bytes[0..8].copy_from_slice(&stat.dev.to_le_bytes());
    bytes[8..16].copy_from_slice(&stat.ino.to_le_bytes());
    bytes[16] = stat.filetype as u8;
    bytes[24..32].copy_from_slice(&stat.nlink.to_le_bytes());
    bytes[32..40].copy_from_slice(&stat.size.to_le_bytes());
    bytes[40..48].copy_from_slice(&stat.atim.to_le_bytes());
    bytes[48..56].copy_from_slice(&stat.mtim.to_le_bytes());
    bytes[56..64].copy_from_slice(&stat.ctim.to_le_bytes());
    bytes
}

/// `fdstat`, 24 bytes.
pub(super) fn fdstat(stat: &FdStat) -> [u8; 24] {
    let mut bytes = [0; 24];
    bytes[0] = stat.filetype as u8;
    bytes[2..4].copy_from_slice(&stat.flags.bits().to_le_bytes());
    bytes[8..16].copy_from_slice(&stat.rights.bits().to_le_bytes());
    bytes[16..24].copy_from_slice(&stat.inheriting.bits().to_le_bytes());
    bytes
}

/// `dirent`, 24 bytes, before its name.
pub(super) fn dirent(entry: &DirEntry<'_>) -> [u8; 24] {
    let mut bytes = [0; 24];
    bytes[0..8].copy_from_slice(&entry.next.to_le_bytes());
    bytes[8..16].copy_from_slice(&entry.ino.to_le_bytes());
    let length = u32::try_from(entry.name.len()).unwrap_or(u32::MAX);
    bytes[16..20].copy_from_slice(&length.to_le_bytes());
    bytes[20] = entry.filetype as u8;
    bytes
}
