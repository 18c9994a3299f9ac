//! Room inside the database file. The file hardly ever shrinks: on a full disk, what was
//! dropped from it is all the room there is.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a write takes beside its own bytes: pages of the index.
const OVERHEAD: u64 = 16 << 10;

/// About how many bytes were dropped since the file was opened and not yet used again. A
/// guess that is too high makes a commit fail, which the writer is told.
#[derive(Default)]
pub(super) struct Freed(AtomicU64);

impl Freed {
    /// Notes bytes that were dropped.
    pub(super) fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Takes room for `bytes`, if there are at least the `missing` bytes that the disk
    /// lacks. Room is taken here before it is on the disk, and so never counted twice when
    /// the file did shrink.
    pub(super) fn take(&self, bytes: usize, missing: u64) -> bool {
        let needed = (bytes as u64).saturating_add(OVERHEAD);
        let take = |freed: u64| (freed >= missing).then(|| freed.saturating_sub(needed));
        let taken = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        taken.is_ok()
    }

    /// Corrects a guess that was too high.
    pub(super) fn forget(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}
