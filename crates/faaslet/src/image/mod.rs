//! Proto-Faaslets: what a function's initialiser leaves behind, taken once after upload and
//! given to every call.
//!
//! An image is the linear memory, the globals and the table entries of a module whose
//! initialiser has run. The memory is in a sealed file that every call maps copy-on-write, so
//! that a start costs the same whatever the image's size.

mod bare;
mod pages;
mod restore;
mod snapshot;
mod spaces;
mod survey;
mod take;
mod write;

use std::ops::Range;
use std::os::fd::OwnedFd;

use faasm_budget::Charge;
use wasmtime::ModuleExport;

pub(crate) use bare::{Bare, MEMORY, bare, has_initialiser, is_bare};
pub(crate) use snapshot::Damaged;
pub(crate) use take::take;

use snapshot::Value;

/// A page of linear memory.
const WASM_PAGE: u64 = 64 << 10;

/// A page of an image, which is stored if it is not all zeros. Hosts with larger pages map more.
const PAGE: u64 = 4 << 10;

/// An image that calls can start from.
pub(crate) struct Image {
    /// Pages of 64 KiB that the memory has.
    pages: u64,
    /// The part of the memory that is mapped; the rest is zeros.
    range: Range<u64>,
    /// The bytes of the range. Sealed: nobody can change or shorten it.
    file: OwnedFd,
    globals: Vec<(ModuleExport, Value<ModuleExport>)>,
    tables: Vec<TableState>,
    /// Bytes that are stored: whole pages of 4 KiB that are not all zeros.
    bytes: u64,
    _charge: Charge,
}

/// What is different in a table.
struct TableState {
    table: ModuleExport,
    size: u64,
    entries: Vec<(u64, Option<ModuleExport>)>,
}

impl Image {
    /// Bytes of linear memory that a call has from the start.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.pages * WASM_PAGE
    }

    /// Bytes of memory that the image takes, however many calls use it.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes that it is charged for: those between that are zeros take memory once they are read.
    pub(crate) fn charged(&self) -> u64 {
        self.range.end - self.range.start
    }
}
