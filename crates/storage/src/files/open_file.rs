//! A shared file that is being read.

use std::fs::File;
use std::io::ErrorKind;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, stream};
use tokio::task::spawn_blocking;

use super::FileRecord;
use crate::objects::READ_BYTES;
use crate::records::Record;
use crate::{ByteStream, Error, Result};

/// An open shared file: the bytes that were there when it was opened, whatever happens to
/// the path.
#[derive(Debug)]
pub struct OpenFile {
    file: File,
    record: Arc<FileRecord>,
}

impl OpenFile {
    /// `None` if `file` does not have the size of `record`.
    pub(super) fn new(file: File, record: Arc<FileRecord>) -> std::io::Result<Option<Self>> {
        let whole = file.metadata()?.len() == record.size;
        Ok(whole.then_some(Self { file, record }))
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
        let left = self.len().saturating_sub(offset);
        let wanted = usize::try_from(left).map_or(buf.len(), |left| left.min(buf.len()));
        if wanted == 0 {
            return Ok(0);
        }
        loop {
            match self.file.read_at(&mut buf[..wanted], offset) {
                Ok(0) => return Err(self.record.damaged()),
                Ok(read) => return Ok(read),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(self.failed(e)),
            }
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

    fn failed(&self, error: std::io::Error) -> Error {
        Error::io("read", Path::new(self.record.path.as_str()))(error)
    }
}
