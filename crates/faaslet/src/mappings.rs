//! Parts of state values, mapped over a Faaslet's linear memory.
//!
//! A mapping begins without access. A store or load that faults is opened step by step by
//! the [`View`] behind it, which fetches what is missing and notes what may be written.
//! **All mappings are undone when [`Mappings`] is dropped**, which happens before the
//! instance's memory goes back to wasmtime's pool, since it is part of the store's data:
//! the next Faaslet in that memory must find nothing of this one's state.

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use faasm_state::{Error, Opened, Part, View};
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags};

/// What a Faaslet has mapped.
pub(crate) struct Mappings(Arc<Table>);

/// The mappings of one Faaslet, shared with its handler of faults.
#[derive(Default)]
pub(crate) struct Table {
    /// Most Faaslets never map anything.
    any: AtomicBool,
    mapped: Mutex<Vec<Mapped>>,
    trouble: Mutex<Option<Error>>,
}

struct Mapped {
    place: Place,
    /// Where the guest sees it.
    guest: u32,
    view: View,
}

/// A range of whole pages inside the accessible part of one linear memory.
#[derive(Clone, Copy)]
struct Place {
    address: usize,
    length: usize,
}

/// What is going to be done to a range of guest memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

impl Mappings {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// For the handler of faults, and for whoever touches guest memory from outside.
    pub(crate) fn table(&self) -> &Arc<Table> {
        &self.0
    }

    /// Where the guest sees what is wanted, if it is mapped already.
    pub(crate) fn find(&self, wanted: &Part) -> Option<u32> {
        let mapped = self.0.mapped();
        mapped.iter().find_map(|mapped| {
            let position = wanted.position_in(&mapped.view)?;
            Some(mapped.guest + u32::try_from(position).ok()?)
        })
    }

    /// Maps `view` over `memory`, which begins at `guest` in the linear memory.
    ///
    /// # Safety
    /// `memory` is a part of the linear memory of the instance whose store owns these
    /// mappings, page-aligned, accessible to the guest, in no other mapping, and nobody
    /// else has a reference into it.
    pub(crate) unsafe fn add(&self, memory: *mut u8, guest: u32, view: View) -> Result<(), Error> {
        let place = Place {
            address: memory as usize,
            length: usize::try_from(view.length()).map_err(|_| too_long())?,
        };
        let readable = match view.begins_readable() {
            true => ProtFlags::READ,
            false => ProtFlags::empty(),
        };
        let mut mapped = self.0.mapped();
        // SAFETY: the caller's promise. Loads and stores of the guest in this range fault
        // or see the file from here on, both of which it can deal with.
        unsafe { place.map(readable, view.fd(), view.offset())? };
        mapped.push(Mapped { place, guest, view });
        self.0.any.store(true, Ordering::Release);
        Ok(())
    }

    /// Shows each view to `close`, once the guest has stopped for good.
    pub(crate) fn close(&self, mut close: impl FnMut(&mut View)) {
        if self.0.is_empty() {
            return;
        }
        for mapped in self.0.mapped().iter_mut() {
            close(&mut mapped.view);
        }
    }

    /// Why a fault could not be served; the guest has been stopped for it.
    pub(crate) fn take_trouble(&self) -> Option<Error> {
        self.0.trouble().take()
    }
}

impl Drop for Mappings {
    fn drop(&mut self) {
        for Mapped { place, .. } in self.0.mapped().drain(..) {
            // SAFETY: the range was part of the memory when it was mapped, and linear
            // memories neither shrink nor move. It still belongs to the instance, whose
            // store is only now being dropped, data first.
            if let Err(error) = unsafe { place.cover() } {
                // The next Faaslet here would see this one's state.
                tracing::error!(%error, "a mapping of state cannot be undone");
                std::process::abort();
            }
        }
    }
}

impl Table {
    fn mapped(&self) -> MutexGuard<'_, Vec<Mapped>> {
        self.mapped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trouble(&self) -> MutexGuard<'_, Option<Error>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing is mapped.
    pub(crate) fn is_empty(&self) -> bool {
        !self.any.load(Ordering::Acquire)
    }

    /// Serves a fault of the guest at `address`. `false` if it is none of ours, or if it
    /// could not be served: the guest traps.
    pub(crate) fn fault(&self, address: usize) -> bool {
        if self.is_empty() {
            return false;
        }
        let mut mapped = self.mapped();
        let inside = |mapped: &&mut Mapped| mapped.place.contains(address);
        let Some(Mapped { place, view, .. }) = mapped.iter_mut().find(inside) else {
            return false;
        };
        let at = (address - place.address) as u64;
        match view.fault(at).and_then(|opened| place.open(opened)) {
            Ok(()) => true,
            Err(error) => {
                *self.trouble() = Some(error);
                false
            }
        }
    }

    /// Opens a range of addresses before the host itself touches it: a fault there would
    /// end the process.
    pub(crate) fn open(&self, address: usize, length: usize, access: Access) -> Result<(), Error> {
        if length == 0 || self.is_empty() {
            return Ok(());
        }
        let end = address.saturating_add(length);
        for Mapped { place, view, .. } in self.mapped().iter_mut() {
            let from = address.max(place.address);
            let to = end.min(place.address + place.length);
            if from >= to {
                continue;
            }
            let range = (from - place.address) as u64..(to - place.address) as u64;
            while let Some(at) = view.first_closed(range.clone(), access == Access::Write) {
                place.open(view.fault(at)?)?;
            }
        }
        Ok(())
    }
}

impl Place {
    fn contains(&self, address: usize) -> bool {
        (self.address..self.address + self.length).contains(&address)
    }

    /// Lowers the protection of a part.
    fn open(&self, opened: Opened) -> Result<(), Error> {
        let Opened {
            offset,
            length,
            writable,
        } = opened;
        let (offset, length) = (offset as usize, length as usize);
        if offset
            .checked_add(length)
            .is_none_or(|end| end > self.length)
        {
            return Err(Error::Internal("a fault opened more than is mapped"));
        }
        let flags = match writable {
            true => MprotectFlags::READ | MprotectFlags::WRITE,
            false => MprotectFlags::READ,
        };
        let start = (self.address + offset) as *mut _;
        // SAFETY: the range is part of a mapping of ours, which lives as long as this
        // place is in the table; access to more of it invalidates nothing.
        unsafe { rustix::mm::mprotect(start, length, flags) }.map_err(system)
    }

    /// Maps a part of a file here.
    ///
    /// # Safety
    /// As [`Mappings::add`].
    unsafe fn map(&self, access: ProtFlags, fd: BorrowedFd<'_>, offset: u64) -> Result<(), Error> {
        let flags = MapFlags::SHARED | MapFlags::FIXED | MapFlags::NORESERVE;
        let start = self.address as *mut _;
        // SAFETY: the caller owns the range.
        let mapped = unsafe { rustix::mm::mmap(start, self.length, access, flags, fd, offset) };
        mapped.map(drop).map_err(system)
    }

    /// Maps fresh zeros here, as wasmtime had them.
    ///
    /// # Safety
    /// The range belongs to a linear memory that no guest runs on.
    unsafe fn cover(&self) -> rustix::io::Result<()> {
        let access = ProtFlags::READ | ProtFlags::WRITE;
        let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
        let start = self.address as *mut _;
        // SAFETY: the caller owns the range.
        unsafe { rustix::mm::mmap_anonymous(start, self.length, access, flags) }.map(drop)
    }
}

fn too_long() -> Error {
    Error::Internal("a view is longer than the address space")
}

fn system(error: rustix::io::Errno) -> Error {
    match error {
        rustix::io::Errno::NOMEM => Error::TooManyMappings,
        other => Error::MemoryFile(other.to_string()),
    }
}
