//! Asking the kernel which pages of a memory are a process's own.

use std::fs::File;
use std::ops::Range;
use std::os::fd::AsRawFd;

/// Regions that are asked for at once.
const REGIONS: usize = 256;

/// The kernel's list of this process's pages; Linux has it in this form since 6.7.
pub(crate) struct PageMap(File);

/// The argument of `PAGEMAP_SCAN`, as `linux/fs.h` has it.
#[repr(C)]
struct ScanArgument {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    regions: u64,
    regions_len: u64,
    max_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_anyof_mask: u64,
    return_mask: u64,
}

/// A range of pages of the same categories.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Region {
    start: u64,
    end: u64,
    categories: u64,
}

const FILE: u64 = 1 << 2;
const PRESENT: u64 = 1 << 3;
const SWAPPED: u64 = 1 << 4;
/// The kernel's page of zeros, which stands for what was read and never written.
const ZERO: u64 = 1 << 5;

/// Of `prctl`: whether the kernel merges equal pages of this process, whoever asked for it.
const SET_MEMORY_MERGE: i32 = 67;

/// `_IOWR('f', 16, struct pm_scan_arg)`.
const PAGEMAP_SCAN: u64 = 3 << 30 | (size_of::<ScanArgument>() as u64) << 16 | 0x66 << 8 | 16;

impl PageMap {
    /// The list, if this kernel has it.
    pub(crate) fn open() -> Option<Self> {
        let map = Self(File::open("/proc/self/pagemap").ok()?);
        map.scan(0..0).ok().map(|_| map).filter(|_| is_unmerged())
    }

    /// The parts of `memory`, which begins at a page, that the process has pages of its own for,
    /// rather than of a file that is mapped there, zeros that were only read, or none: whatever was
    /// written is among them.
    pub(crate) fn written(&self, memory: &[u8]) -> std::io::Result<Vec<Range<usize>>> {
        let base = memory.as_ptr() as u64;
        let written = self.scan(base..base + memory.len() as u64)?;
        let offset = |address: u64| (address - base) as usize;
        let ranges = written.iter().map(|r| offset(r.start)..offset(r.end));
        Ok(ranges.collect())
    }

    fn scan(&self, Range { mut start, end }: Range<u64>) -> std::io::Result<Vec<Region>> {
        let mut written = Vec::new();
        loop {
            let mut regions = [Region::default(); REGIONS];
            let mut scan = ScanArgument {
                size: size_of::<ScanArgument>() as u64,
                flags: 0,
                start,
                end,
                walk_end: 0,
                regions: regions.as_mut_ptr() as u64,
                regions_len: REGIONS as u64,
                max_pages: 0,
                category_inverted: FILE | ZERO,
                category_mask: FILE | ZERO,
                category_anyof_mask: PRESENT | SWAPPED,
                return_mask: PRESENT,
            };
            // SAFETY: the kernel reads the argument and writes to it and to `regions`, of which it
            // is told the length; both live beyond the call. It changes nothing of the memory.
            let found =
                unsafe { libc::ioctl(self.0.as_raw_fd(), PAGEMAP_SCAN as _, &raw mut scan) };
            let found = usize::try_from(found).map_err(|_| std::io::Error::last_os_error())?;
            written.extend_from_slice(regions.get(..found).unwrap_or(&regions));
            start = scan.walk_end;
            if start >= end {
                return Ok(written);
            }
        }
    }
}

/// Sees to it that the kernel never puts its page of zeros where zeros were written, as it may where
/// it merges pages: they would count as never written.
fn is_unmerged() -> bool {
    // SAFETY: it is given numbers alone, and changes no byte of the memory.
    let done = unsafe { libc::prctl(SET_MEMORY_MERGE, 0, 0, 0, 0) };
    // Kernels that cannot merge know no such call.
    done == 0 || std::io::Error::last_os_error().raw_os_error() == Some(libc::EINVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten pages, mapped privately over a file.
    fn mapped() -> (*mut u8, usize) {
        let file = tempfile::tempfile().unwrap();
        let page = rustix::param::page_size();
        file.set_len(10 * page as u64).unwrap();
        let (access, flags) = (
            rustix::mm::ProtFlags::READ | rustix::mm::ProtFlags::WRITE,
            rustix::mm::MapFlags::PRIVATE,
        );
        // SAFETY: a new mapping, wherever there is room.
        let memory = unsafe {
            rustix::mm::mmap(std::ptr::null_mut(), 10 * page, access, flags, &file, 0).unwrap()
        };
        (memory.cast(), page)
    }

    /// Older kernels do without, which wasmtime looks at in its own way.
    fn page_map() -> Option<PageMap> {
        let map = PageMap::open();
        let expected = wasmtime::PoolingAllocationConfig::is_pagemap_scan_available();
        assert_eq!(map.is_some(), expected);
        map
    }

    #[test]
    fn what_was_written_is_found_and_what_was_read_is_not() {
        let Some(map) = page_map() else { return };
        let (memory, page) = mapped();
        // SAFETY: the mapping is ten pages long and is nobody else's.
        let memory = unsafe { std::slice::from_raw_parts_mut(memory, 10 * page) };
        assert_eq!(memory[5 * page], 0);
        assert_eq!(map.written(memory).unwrap(), []);
        for at in [2, 3, 7] {
            memory[at * page + 9] = 1;
        }
        let written = [2 * page..4 * page, 7 * page..8 * page];
        assert_eq!(map.written(memory).unwrap(), written);
        // Also what has its old value again.
        memory[2 * page + 9] = 0;
        assert_eq!(map.written(memory).unwrap(), written);
    }

    #[test]
    fn more_regions_than_fit_at_once_are_all_found() {
        let Some(map) = page_map() else { return };
        let page = rustix::param::page_size();
        let pages = 3 * REGIONS;
        let flags = rustix::mm::MapFlags::PRIVATE;
        let access = rustix::mm::ProtFlags::READ | rustix::mm::ProtFlags::WRITE;
        // SAFETY: a new mapping of its own.
        let memory = unsafe {
            let start = std::ptr::null_mut();
            let memory = rustix::mm::mmap_anonymous(start, pages * page, access, flags).unwrap();
            let advice = rustix::mm::Advice::LinuxNoHugepage;
            rustix::mm::madvise(memory, pages * page, advice).unwrap();
            std::slice::from_raw_parts_mut(memory.cast::<u8>(), pages * page)
        };
        for at in (0..pages).step_by(2) {
            memory[at * page] = 1;
            // Zeros that were only read are not among them.
            assert_eq!(memory[(at + 1) * page], 0);
        }
        let written = map.written(memory).unwrap();
        assert_eq!(written.len(), pages / 2);
        assert_eq!(
            written.last(),
            Some(&((pages - 2) * page..(pages - 1) * page))
        );
    }
}
