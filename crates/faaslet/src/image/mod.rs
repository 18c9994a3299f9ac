//! Proto-Faaslets: what a function's initialiser leaves behind, taken once after upload and
//! given to every call.
//!
//! An image is the linear memory, the globals and the table entries of a module whose
//! initialiser has run. The memory is in a sealed file that every call maps copy-on-write, so
//! that a start costs the same whatever the image's size.

mod bare;
mod effects;
mod pages;
mod restore;
mod snapshot;
mod spaces;
mod survey;
mod take;
mod write;

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use faasm_budget::Charge;
use faasm_model::ContentHash;
use wasmtime::ModuleExport;

pub(crate) use bare::{Bare, MEMORY, bare, has_initialiser, is_bare};
pub(crate) use effects::keeps_tables;
pub(crate) use snapshot::{Damaged, Snapshot, VERSION as FORMAT};
pub(crate) use spaces::Spaces;
pub(crate) use take::{Origin, take};

use snapshot::Value;

/// A page of linear memory.
const WASM_PAGE: u64 = 64 << 10;

/// Bytes that are copied at once.
const PIECE: usize = 1 << 20;

/// A page of an image, which is stored if it is not all zeros. Hosts with larger pages map more.
const PAGE: u64 = 4 << 10;

/// An image that calls can start from.
pub(crate) struct Image {
    /// What tells it from others.
    id: ContentHash,
    /// Pages of 64 KiB that the memory has.
    pages: u64,
    /// The part of the memory that is mapped; the rest is zeros.
    range: Range<u64>,
    /// The bytes of the range. Sealed: nobody can change or shorten it.
    file: File,
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
    /// Reads the memory from `offset` on as the image has it.
    pub(crate) fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let end = offset + bytes.len() as u64;
        bytes.fill(0);
        let (from, to) = (offset.max(self.range.start), end.min(self.range.end));
        if from >= to {
            return Ok(());
        }
        let part = (from - offset) as usize..(to - offset) as usize;
        self.file
            .read_exact_at(&mut bytes[part], from - self.range.start)
    }

    /// Puts all bytes of the range at `offset` of `file`.
    fn copy_to(&self, file: &File, offset: u64) -> io::Result<()> {
        let mut piece = vec![0; PIECE];
        let length = self.range.end - self.range.start;
        for done in (0..length).step_by(PIECE) {
            let count = (length - done).min(PIECE as u64) as usize;
            let piece = &mut piece[..count];
            self.file.read_exact_at(piece, done)?;
            file.write_all_at(piece, offset + done)?;
        }
        Ok(())
    }

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
