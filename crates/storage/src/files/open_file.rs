//! A shared file that is being read.

use std::io::{self, ErrorKind, IoSliceMut};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use bytes::Bytes;
use futures::{StreamExt, stream};
use rustix::io::{Errno, ReadWriteFlags, preadv2};
use tokio::task::spawn_blocking;

use super::FileRecord;
use crate::objects::READ_BYTES;
use crate::records::{Content, OpenBlob};
use crate::{ByteStream, Error, Result};

/// Most bytes that are read at once where it is not known what is in memory: these take
/// less time than to move the work to a thread that may wait, and seldom come from the disk.
const MAX_UNKNOWN_BYTES: usize = 64 << 10;

/// What is known of reading all shared files.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// Whether the file system cannot read without waiting for the disk, as tmpfs.
    always_waits: AtomicBool,
}

/// An open shared file: the bytes that were there when it was opened, whatever happens to
/// the path. Cheap to clone.
#[derive(Clone, Debug)]
pub struct OpenFile {
    blob: OpenBlob,
    record: Arc<FileRecord>,
    reading: Arc<Reading>,
}

impl OpenFile {
    /// `blob` has the bytes of `record`.
    pub(super) fn new(blob: OpenBlob, record: Arc<FileRecord>, reading: Arc<Reading>) -> Self {
        Self {
            blob,
            record,
            reading,
        }
    }

    /// What was put at the path when it was opened.
    pub fn record(&self) -> &Arc<FileRecord> {
        &self.record
    }

    /// The length in bytes.
    pub fn len(&self) -> u64 {
        self.record.size
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads at `offset` into `buf`; how many bytes, 0 only at the end or for an empty
    /// `buf`. May wait for the disk.
    ///
    /// # Errors
    /// [`Error::DamagedFile`] if there are no longer as many bytes as were put,
    /// [`Error::Io`] if they cannot be read.
    pub fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        let buf = self.until_end(buf, offset);
        if buf.is_empty() {
            return Ok(0);
        }
        loop {
            match self.blob.file().read_at(buf, offset) {
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                read => return self.check_read(read),
            }
        }
    }

    /// [`read_at`](Self::read_at) of what is in memory, perhaps less than there is. `None`
    /// if it would wait for the disk. Where the file system does not say that, up to 64 KiB
    /// are read and `None` stands for more.
    ///
    /// # Errors
    /// The same.
    pub fn try_read_at(&self, buf: &mut [u8], offset: u64) -> Result<Option<usize>> {
        let buf = self.until_end(buf, offset);
        if buf.is_empty() {
            return Ok(Some(0));
        }
        if !self.reading.always_waits.load(Relaxed) {
            let bufs = &mut [IoSliceMut::new(buf)];
            match preadv2(self.blob.file(), bufs, offset, ReadWriteFlags::NOWAIT) {
                Err(Errno::AGAIN | Errno::INTR) => return Ok(None),
                Err(Errno::OPNOTSUPP | Errno::NOSYS) => {}
                read => return self.check_read(read.map_err(io::Error::from)).map(Some),
            }
            self.reading.always_waits.store(true, Relaxed);
        }
        match buf.len() <= MAX_UNKNOWN_BYTES {
            true => self.read_at(buf, offset).map(Some),
            false => Ok(None),
        }
    }

    /// The part of `buf` for which there are bytes at `offset`.
    fn until_end<'b>(&self, buf: &'b mut [u8], offset: u64) -> &'b mut [u8] {
        let left = self.len().saturating_sub(offset);
        let wanted = usize::try_from(left).map_or(buf.len(), |left| left.min(buf.len()));
        &mut buf[..wanted]
    }

    /// Of a read where there should be bytes.
    fn check_read(&self, read: io::Result<usize>) -> Result<usize> {
        match read {
            Ok(0) => Err(self.record.damaged()),
            Ok(read) => Ok(read),
            Err(e) => Err(Error::io("read", Path::new(self.record.path.as_str()))(e)),
        }
    }

    /// The bytes in `range`, as far as there are any, piece by piece.
    pub(super) fn pieces(self, range: Range<u64>) -> ByteStream {
        let range = range.start..range.end.min(self.len());
        stream::try_unfold((self, range), |(file, range)| async move {
            if range.is_empty() {
                return Ok(None);
            }
            spawn_blocking(move || {
                let wanted = (range.end - range.start).min(READ_BYTES);
                let mut piece = vec![0; usize::try_from(wanted).unwrap_or(usize::MAX)];
                let read = file.read_at(&mut piece, range.start)?;
                piece.truncate(read);
                let rest = range.start + read as u64..range.end;
                Ok(Some((Bytes::from(piece), (file, rest))))
            })
            .await?
        })
        .boxed()
    }
}
