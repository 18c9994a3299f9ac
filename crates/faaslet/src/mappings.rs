//! What is mapped over a Faaslet's linear memory: the image that it starts from, and parts of
//! state values.
//!
//! A mapping of state begins without access. A store or load that faults is opened step by step by
//! the [`View`] behind it, which fetches what is missing and notes what may be written.
//! **All mappings are undone when [`Mappings`] is dropped**, which happens before the
//! instance's memory goes back to wasmtime's pool, since it is part of the store's data:
//! the next Faaslet in that memory must find nothing of this one's.

mod quota;

use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use faasm_state::{Error, Opened, Part, View};
use rustix::fs::MemfdFlags;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags};

use quota::Quota;

/// What a Faaslet has mapped.
pub(crate) struct Mappings {
    table: Arc<Table>,
    /// Where the image is that it was started from.
    image: OnceLock<Place>,
}

/// The mappings of one Faaslet, shared with its handler of faults.
#[derive(Default)]
pub(crate) struct Table {
    /// Most Faaslets never map anything.
    any: AtomicBool,
    mapped: Mutex<Vec<Mapped>>,
    trouble: Mutex<Option<Error>>,
    quota: Quota,
    scratch: OnceLock<Scratch>,
    /// Where the guest's own code is: a fault there can become a trap.
    code: OnceLock<Range<usize>>,
}

struct Mapped {
    place: Place,
    /// Where the guest sees it.
    guest: u32,
    view: View,
}

/// Memory of no value, for all places of a Faaslet that have to be diverted.
struct Scratch(OwnedFd);

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
        Self {
            table: Arc::default(),
            image: OnceLock::new(),
        }
    }

    /// For the handler of faults, and for whoever touches guest memory from outside.
    pub(crate) fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// Says where the guest's compiled code is.
    pub(crate) fn know_code(&self, code: Range<*const u8>) {
        let code = code.start as usize..code.end as usize;
        self.table.code.get_or_init(|| code);
    }

    /// Whether the Faaslet has as many mappings as one may have.
    pub(crate) fn is_full(&self) -> bool {
        self.table.quota.is_full()
    }

    /// Where the guest sees what is wanted, if it is mapped already.
    pub(crate) fn find(&self, wanted: &Part) -> Option<u32> {
        let mapped = self.table.mapped();
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
        let mut mapped = self.table.mapped();
        self.table.quota.change(Quota::MAPPING)?;
        // SAFETY: the caller's promise. Loads and stores of the guest in this range fault
        // or see the file from here on, both of which it can deal with.
        unsafe { place.map(readable, view.fd(), view.offset())? };
        mapped.push(Mapped { place, guest, view });
        self.table.any.store(true, Ordering::Release);
        Ok(())
    }

    /// Maps an image over `length` bytes at `memory`, privately: what the guest changes is its
    /// own. Once for a Faaslet.
    ///
    /// # Safety
    /// As [`add`](Self::add).
    pub(crate) unsafe fn add_image(
        &self,
        memory: *mut u8,
        length: usize,
        file: BorrowedFd<'_>,
    ) -> Result<(), Error> {
        let address = memory as usize;
        let place = Place { address, length };
        // Leaves room to undo it: that takes as many mappings again for a moment.
        self.table.quota.change(Quota::MAPPING)?;
        self.image.get_or_init(|| place);
        let access = ProtFlags::READ | ProtFlags::WRITE;
        let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
        // SAFETY: the caller's promise.
        let mapped = unsafe { rustix::mm::mmap(memory.cast(), length, access, flags, file, 0) };
        mapped.map(drop).map_err(system)
    }

    /// Shows each view to `close`, once the guest has stopped for good.
    pub(crate) fn close(&self, mut close: impl FnMut(&mut View)) {
        if self.table.is_empty() {
            return;
        }
        // The views tell of it from here on.
        self.take_trouble();
        for mapped in self.table.mapped().iter_mut() {
            close(&mut mapped.view);
        }
    }

    /// Why a fault could not be served, if one could not.
    pub(crate) fn trouble(&self) -> Option<Error> {
        match self.table.is_empty() {
            true => None,
            false => self.table.trouble().clone(),
        }
    }

    /// Why a fault could not be served; the guest has been stopped for it.
    pub(crate) fn take_trouble(&self) -> Option<Error> {
        self.table.trouble().take()
    }
}

impl Drop for Mappings {
    fn drop(&mut self) {
        let mut mapped = self.table.mapped();
        let places = mapped.drain(..).map(|mapped| mapped.place);
        for place in places.chain(self.image.get().copied()) {
            // SAFETY: the range was part of the memory when it was mapped, and linear
            // memories neither shrink nor move. It still belongs to the instance, whose
            // store is only now being dropped, data first.
            if let Err(error) = unsafe { place.cover() } {
                // The next Faaslet here would see this one's state.
                tracing::error!(%error, "a mapping cannot be undone");
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

    /// Serves a fault at `address` of the code at `pc`, if that is known. `false` if it is
    /// none of ours, or if it could not be served: the guest traps.
    pub(crate) fn fault(&self, address: usize, pc: Option<usize>) -> bool {
        if self.is_empty() {
            return false;
        }
        let mut mapped = self.mapped();
        let inside = |mapped: &&mut Mapped| mapped.place.contains(address);
        let Some(Mapped { place, view, .. }) = mapped.iter_mut().find(inside) else {
            return false;
        };
        let at = (address - place.address) as u64;
        let Err(error) = view.fault(at).and_then(|opened| self.lower(place, opened)) else {
            return true;
        };
        *self.trouble() = Some(error.clone());
        let code = self.code.get();
        if code.is_none_or(|code| pc.is_some_and(|pc| code.contains(&pc))) {
            return false;
        }
        // In the middle of `memory.fill` and its kind the guest cannot be stopped, and a
        // fault that nobody serves ends the process.
        view.fail(error);
        self.divert(place).is_ok()
    }

    /// Puts memory of no value over a place, for a call that is to fail: a little of it,
    /// again and again, since nobody pays for it.
    fn divert(&self, place: &Place) -> Result<(), Error> {
        let pieces = place.length.div_ceil(Scratch::BYTES);
        if self.quota.change(pieces as isize).is_err() {
            // SAFETY: the range is part of a mapping of ours; what runs on it may find any
            // bytes there, and no reference into it lives outside of a host call.
            return unsafe { place.cover() }.map_err(system);
        }
        let scratch = match self.scratch.get() {
            Some(scratch) => scratch,
            None => {
                let new = Scratch::new()?;
                self.scratch.get_or_init(|| new)
            }
        };
        for offset in (0..place.length).step_by(Scratch::BYTES) {
            let part = Place {
                address: place.address + offset,
                length: Scratch::BYTES.min(place.length - offset),
            };
            let access = ProtFlags::READ | ProtFlags::WRITE;
            // SAFETY: as above.
            unsafe { part.map(access, scratch.0.as_fd(), 0)? };
        }
        Ok(())
    }

    fn lower(&self, place: &Place, opened: Opened) -> Result<(), Error> {
        self.quota.change(opened.borders)?;
        place.open(opened)
    }

    /// Opens a range of addresses before the host itself touches it: a fault there would
    /// end the process.
    pub(crate) fn open(&self, address: usize, length: usize, access: Access) -> Result<(), Error> {
        if length == 0 || self.is_empty() {
            return Ok(());
        }
        // After a fault that could not be served nothing here is what it seems.
        if let Some(trouble) = &*self.trouble() {
            return Err(trouble.clone());
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
                self.lower(place, view.fault(at)?)?;
            }
        }
        Ok(())
    }
}

impl Scratch {
    const BYTES: usize = 2 << 20;

    fn new() -> Result<Self, Error> {
        let file = rustix::fs::memfd_create(c"faasm-scratch", MemfdFlags::CLOEXEC);
        let file = file.map_err(system)?;
        rustix::fs::ftruncate(&file, Self::BYTES as u64).map_err(system)?;
        Ok(Self(file))
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
            ..
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
