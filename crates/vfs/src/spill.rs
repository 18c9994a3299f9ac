//! Where scratch files go that are too large for memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{CWD, Mode, OFlags, openat};

use crate::Errno;
use crate::chunk::CHUNK;

/// Lets a call's scratch files go on in a temporary file on disk.
///
/// The file has no name, so it is gone with the call however that ends. It is made when it is first
/// needed, and holds the chunks (64 KiB) that found no room in memory.
#[derive(Clone, Debug)]
pub struct Spill {
    /// Where the temporary file is made. Its filesystem must know `O_TMPFILE`, as ext4, XFS, Btrfs
    /// and tmpfs do.
    pub directory: Arc<Path>,
    /// Bytes of memory that the scratch layer may use before file data goes to disk.
    pub above: u64,
}

/// The temporary file of one call, cut into slots of the size of a chunk.
pub(crate) struct SpillFile {
    file: File,
    slots: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    /// Slots ever used.
    len: u32,
    free: Vec<u32>,
}

impl SpillFile {
    pub(crate) fn create(directory: &Path) -> Result<Self, Errno> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let file = openat(CWD, directory, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|error| errno(&error.into()))?;
        Ok(Self {
            file: file.into(),
            slots: Mutex::default(),
        })
    }

    /// Bytes in use.
    pub(crate) fn used(&self) -> u64 {
        let table = self.table();
        (u64::from(table.len) - table.free.len() as u64) * CHUNK
    }

    /// A slot with anything in it.
    pub(crate) fn slot(self: &Arc<Self>) -> Result<Slot, Errno> {
        let mut table = self.table();
        let number = match table.free.pop() {
            Some(number) => number,
            None => {
                let number = table.len;
                table.len = number.checked_add(1).ok_or(Errno::Nospc)?;
                number
            }
        };
        Ok(Slot {
            number,
            spill: Arc::clone(self),
        })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Room for a chunk in the temporary file, free again when dropped.
pub(crate) struct Slot {
    number: u32,
    spill: Arc<SpillFile>,
}

impl Slot {
    /// Reads what was written at `start` (bytes).
    pub(crate) fn read(&self, buf: &mut [u8], start: usize) -> Result<(), Errno> {
        let file = &self.spill.file;
        file.read_exact_at(buf, self.position(start))
            .map_err(|error| errno(&error))
    }

    pub(crate) fn write(&self, data: &[u8], start: usize) -> Result<(), Errno> {
        let file = &self.spill.file;
        file.write_all_at(data, self.position(start))
            .map_err(|error| errno(&error))
    }

    fn position(&self, start: usize) -> u64 {
        u64::from(self.number) * CHUNK + start as u64
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.spill.table().free.push(self.number);
    }
}

/// What the guest is told when the host's disk fails.
fn errno(error: &io::Error) -> Errno {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Errno::Nospc
        }
        _ => Errno::Io,
    }
}
