//! A part of a value as one Faaslet has it mapped.

use std::ops::Range;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use super::entry::Entry;
use super::pager::Pager;
use super::region::{PAGE, Region, chunks_of, round_up};
use crate::error::{Error, Result};
use crate::tier::CHUNK_BYTES;

/// A part of a value that a Faaslet has mapped, or is about to. It begins without access;
/// each fault opens more of it, which is how changes are found: a chunk that was never
/// opened for writing was never written. Closing it, or dropping it, says that the
/// mapping is gone.
pub struct View {
    entry: Arc<Entry>,
    region: Arc<Region>,
    pager: Pager,
    /// The part of the file, in whole pages.
    range: Range<u64>,
    /// The view's first chunk, and how many it has.
    first: usize,
    count: usize,
    /// What all chunks begin with.
    initial: Access,
    /// What each is open for. Empty before the first fault, so that mapping costs the same
    /// whatever the size.
    access: Vec<Access>,
    faults: u32,
    /// Where the last fetch ended, and how many chunks it had.
    fetched: (usize, usize),
    failure: Option<Error>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Access {
    #[default]
    None,
    Read,
    Write,
}

/// What a fault has opened: bytes of the view whose protection is to be lowered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Where it begins in the view, in bytes; a multiple of the page size.
    pub offset: u64,
    /// How long it is; a multiple of the page size.
    pub length: u64,
    /// Whether it may be written, too.
    pub writable: bool,
    /// How many more borders between protections there are in the view than before.
    pub borders: isize,
}

/// After so many faults each fault opens twice as much. Every border between protections
/// is a mapping to the kernel, of which a process may only have so many.
const FAULTS_PER_DOUBLING: u32 = 16;

/// Most chunks that are fetched ahead of a reader.
const MAX_FETCH: usize = 64;

impl View {
    /// A view of `range` of the value, widened to whole pages.
    pub(crate) fn new(
        entry: Arc<Entry>,
        region: Arc<Region>,
        pager: Pager,
        range: Range<u64>,
    ) -> Self {
        let range = range.start / PAGE * PAGE..round_up(range.end);
        let chunks = chunks_of(range.clone());
        let initial = match region.inner().is_complete() {
            true => Access::Read,
            false => Access::None,
        };
        Self {
            entry,
            region,
            pager,
            range,
            first: chunks.start,
            count: chunks.len(),
            initial,
            access: Vec::new(),
            faults: 0,
            fetched: (usize::MAX, 1),
            failure: None,
        }
    }

    /// The file to map, shared.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.region.fd()
    }

    /// Where in the file the mapping begins; a multiple of the page size.
    pub fn offset(&self) -> u64 {
        self.range.start
    }

    /// How long the mapping is; a multiple of the page size.
    pub fn length(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// Whether all of it may be readable from the beginning; else nothing may.
    pub fn begins_readable(&self) -> bool {
        self.initial == Access::Read
    }

    /// Where in the view the byte at `offset` of the value is, if `length` bytes from
    /// there lie in it and the value is this very one.
    pub(crate) fn position(&self, region: &Arc<Region>, offset: u64, length: u64) -> Option<u64> {
        let inside = self.range.start <= offset && offset + length <= self.range.end;
        (inside && Arc::ptr_eq(&self.region, region)).then(|| offset - self.range.start)
    }

    /// The first byte of `range` of the view that is not yet open for reading or, if
    /// `writable`, for writing.
    pub fn first_closed(&self, range: Range<u64>, writable: bool) -> Option<u64> {
        let least = if writable {
            Access::Write
        } else {
            Access::Read
        };
        let chunks = chunks_of(self.range.start + range.start..self.range.start + range.end);
        let closed = |index: &usize| {
            let position = index - self.first;
            let access = self.access.get(position).unwrap_or(&self.initial);
            position < self.count && *access < least
        };
        let chunk = chunks.into_iter().find(closed)?;
        let start = chunk as u64 * CHUNK_BYTES;
        Some(start.saturating_sub(self.range.start).max(range.start))
    }

    /// Opens what lies at `at` bytes in the view one step further: a first access reads,
    /// a second one writes. May block while bytes are fetched from the global tier.
    pub fn fault(&mut self, at: u64) -> Result<Opened> {
        let index = ((self.range.start + at) / CHUNK_BYTES) as usize;
        if self.access.is_empty() {
            self.access = vec![self.initial; self.count];
        }
        let access = self.access.get(index.wrapping_sub(self.first));
        let to = match access {
            Some(Access::None) => Access::Read,
            // Also after both: another thread of this process may have been faster.
            Some(_) => Access::Write,
            None => return Err(Error::Internal("a fault outside the view")),
        };
        let block = self.block(index);
        self.faults += 1;
        let end = match to {
            Access::Write => self.open_for_writing(index, block.end)?,
            _ => self.open_for_reading(index, block.end)?,
        };
        let opened = index - self.first..end - self.first;
        let borders = self.borders(&opened);
        for access in &mut self.access[opened.clone()] {
            *access = to.max(*access);
        }
        let borders = self.borders(&opened) - borders;
        let start = self.file_range(index).start;
        let end = self.file_range(end - 1).end;
        Ok(Opened {
            offset: start - self.range.start,
            length: end - start,
            writable: to == Access::Write,
            borders,
        })
    }

    /// Says that a fault could not be served and the guest could not be stopped for it:
    /// what it reads and writes from now on is not the value.
    pub fn fail(&mut self, error: Error) {
        self.failure.get_or_insert(error);
    }

    pub(crate) fn failure(&self) -> Option<&Error> {
        self.failure.as_ref()
    }

    /// The borders between protections inside a range of chunks and at its ends.
    fn borders(&self, range: &Range<usize>) -> isize {
        let around = range.start.saturating_sub(1)..(range.end + 1).min(self.access.len());
        let pairs = self.access[around].windows(2);
        pairs.filter(|pair| pair[0] != pair[1]).count() as isize
    }

    /// The chunks that the next fault at `index` may open.
    fn block(&self, index: usize) -> Range<usize> {
        let doublings = (self.faults / FAULTS_PER_DOUBLING).min(16);
        let end = index + (1 << doublings);
        index..end.min(self.first + self.count)
    }

    fn open_for_reading(&mut self, index: usize, end: usize) -> Result<usize> {
        loop {
            let missing = self.region.first_missing(index..end)?;
            match missing {
                Some(missing) if missing == index => self.fetch(index)?,
                Some(missing) => return Ok(missing),
                None => return Ok(end),
            }
        }
    }

    fn fetch(&mut self, index: usize) -> Result<()> {
        let count = match self.fetched {
            (end, count) if end == index => (count * 2).min(MAX_FETCH),
            _ => 1,
        };
        let end = (index + count).min(self.first + self.count);
        let range = self.value_range(index).start..self.value_range(end - 1).end;
        self.pager.pull(&self.region, range)?;
        self.fetched = (end, count);
        Ok(())
    }

    fn open_for_writing(&self, index: usize, end: usize) -> Result<usize> {
        if self.access[index - self.first] == Access::Write {
            return Ok(index + 1);
        }
        for next in index..end {
            let mut inner = self.region.inner();
            if self.access[next - self.first] == Access::Write {
                return Ok(next);
            }
            // What goes wrong further on will be met by whoever gets there.
            match self.region.open_for_writing(&mut inner, next) {
                Ok(true) => {}
                Ok(false) if next == index => {
                    return Err(Error::Internal("a chunk was to be written unseen"));
                }
                Err(error) if next == index => return Err(error),
                _ => return Ok(next),
            }
        }
        Ok(end)
    }

    /// A chunk's bytes in the value.
    fn value_range(&self, index: usize) -> Range<u64> {
        self.region.inner().range(index)
    }

    /// A chunk's pages in the view.
    fn file_range(&self, index: usize) -> Range<u64> {
        let chunk = self.value_range(index);
        chunk.start.max(self.range.start)..round_up(chunk.end).min(self.range.end)
    }

    /// Says that the guest will not write any more, and which chunks it could write.
    pub(crate) fn close(&mut self) -> Vec<usize> {
        let writable = self.access.iter().enumerate();
        let writable = writable.filter(|(_, access)| **access == Access::Write);
        let writable: Vec<_> = writable.map(|(i, _)| self.first + i).collect();
        let mut inner = self.region.inner();
        for &index in &writable {
            inner.chunks[index].close();
        }
        drop(inner);
        self.access.fill(Access::None);
        writable
    }

    pub(crate) fn value(&self) -> (&Arc<Entry>, &Arc<Region>) {
        (&self.entry, &self.region)
    }
}

impl Drop for View {
    fn drop(&mut self) {
        self.close();
    }
}
