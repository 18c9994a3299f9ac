//! Bytes that are read at positions.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// Bytes that many may read at once, each where it wants: a file, or memory.
///
/// An [`Archive`](crate::Archive) reads through this while a guest runs. Whoever must not wait for
/// a disk there wraps the file, and finds another place to wait.
pub trait ReadAt: Send + Sync {
    /// How many bytes there are.
    ///
    /// # Errors
    /// Those of the file.
    fn size(&self) -> io::Result<u64>;

    /// Reads at `offset` (bytes) into `buf`; how many bytes, 0 only at the end or for an empty
    /// `buf`.
    ///
    /// # Errors
    /// Those of the file; [`ErrorKind::Interrupted`] is tried again.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl ReadAt for File {
    fn size(&self) -> io::Result<u64> {
        self.metadata().map(|metadata| metadata.len())
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buf, offset)
    }
}

impl ReadAt for &[u8] {
    fn size(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        self.get(start..).unwrap_or_default().read(buf)
    }
}

impl ReadAt for Vec<u8> {
    fn size(&self) -> io::Result<u64> {
        self.as_slice().size()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.as_slice().read_at(buf, offset)
    }
}

/// Reads where there must be bytes: at least one, unless `buf` is empty.
pub(super) fn read_some(bytes: &dyn ReadAt, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    if buf.is_empty() {
        return Ok(0);
    }
    loop {
        match bytes.read_at(buf, offset) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            read => return read.map(|read| read.min(buf.len())),
        }
    }
}

/// A range of the bytes, read from its start to its end.
pub(super) struct Section<'a> {
    bytes: &'a dyn ReadAt,
    rest: Range<u64>,
}

impl<'a> Section<'a> {
    pub(super) fn new(bytes: &'a dyn ReadAt, range: Range<u64>) -> Self {
        Self { bytes, rest: range }
    }
}

impl Read for Section<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.rest.end.saturating_sub(self.rest.start);
        let wanted = usize::try_from(left).map_or(buf.len(), |left| left.min(buf.len()));
        let read = read_some(self.bytes, &mut buf[..wanted], self.rest.start)?;
        self.rest.start += read as u64;
        Ok(read)
    }
}
