//! Unpacking what is in an archive.

use std::io::{BufRead, BufReader, Write};

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::read_at::{ReadAt, Section};
use super::zip::{BUFFER, Entry, Method, Packed};
use super::{ArchiveError, EntryProblem};

/// Writes one file after another.
pub(super) struct Unpacker<'a, W> {
    zip: &'a dyn ReadAt,
    into: W,
    inflate: Decompress,
    unpacked: Box<[u8]>,
}

/// The file that is being written.
struct Target<'a, W> {
    entry: &'a Entry,
    into: &'a mut W,
    checksum: Crc,
    /// Bytes that are still missing.
    left: usize,
}

impl<'a, W: Write> Unpacker<'a, W> {
    pub(super) fn new(zip: &'a dyn ReadAt, into: W) -> Self {
        Self {
            zip,
            into,
            inflate: Decompress::new(false),
            unpacked: vec![0; BUFFER].into(),
        }
    }

    /// Writes the bytes of a file, as many and the ones that the archive says.
    pub(super) fn unpack(&mut self, entry: &Entry, packed: &Packed) -> Result<(), ArchiveError> {
        let section = Section::new(self.zip, packed.range.clone());
        let bytes = BufReader::with_capacity(BUFFER, section);
        let mut target = Target {
            entry,
            into: &mut self.into,
            checksum: Crc::new(),
            left: packed.len as usize,
        };
        match packed.method {
            Method::Stored => copy(bytes, &mut target)?,
            Method::Deflated => {
                self.inflate.reset(false);
                inflate(&mut self.inflate, bytes, &mut self.unpacked, &mut target)?;
            }
        }
        if target.left > 0 {
            return Err(entry.fails(EntryProblem::Size));
        }
        if target.checksum.sum() != packed.checksum {
            return Err(entry.fails(EntryProblem::Checksum));
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<W, ArchiveError> {
        self.into.flush().map_err(ArchiveError::Write)?;
        Ok(self.into)
    }
}

impl<W: Write> Target<'_, W> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        let left = self.left.checked_sub(bytes.len());
        self.left = left.ok_or_else(|| self.entry.fails(EntryProblem::Size))?;
        self.checksum.update(bytes);
        self.into.write_all(bytes).map_err(ArchiveError::Write)
    }
}

fn copy<W: Write>(
    mut packed: impl BufRead,
    target: &mut Target<'_, W>,
) -> Result<(), ArchiveError> {
    loop {
        let bytes = packed.fill_buf().map_err(ArchiveError::Read)?;
        if bytes.is_empty() {
            return Ok(());
        }
        target.put(bytes)?;
        let read = bytes.len();
        packed.consume(read);
    }
}

fn inflate<W: Write>(
    inflate: &mut Decompress,
    mut packed: impl BufRead,
    unpacked: &mut [u8],
    target: &mut Target<'_, W>,
) -> Result<(), ArchiveError> {
    loop {
        let before = (inflate.total_in(), inflate.total_out());
        let bytes = packed.fill_buf().map_err(ArchiveError::Read)?;
        let damaged = || target.entry.fails(EntryProblem::Damaged);
        let status = inflate
            .decompress(bytes, unpacked, FlushDecompress::None)
            .map_err(|_| damaged())?;
        let (read, written) = (
            (inflate.total_in() - before.0) as usize,
            (inflate.total_out() - before.1) as usize,
        );
        if status != Status::StreamEnd && (read, written) == (0, 0) {
            // It wants more than there is.
            return Err(damaged());
        }
        packed.consume(read);
        target.put(&unpacked[..written])?;
        if status == Status::StreamEnd {
            let rest = packed.fill_buf().map_err(ArchiveError::Read)?;
            return match rest {
                [] => Ok(()),
                _ => Err(target.entry.fails(EntryProblem::Damaged)),
            };
        }
    }
}
