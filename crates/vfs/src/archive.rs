//! Zip archives as lower trees.

mod error;
mod index;
mod names;
mod read_at;
mod time;
mod unpack;
mod zip;

use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

pub use error::{ArchiveError, EntryProblem};
pub use read_at::ReadAt;

use crate::{Errno, Lower, LowerDirEntry, LowerFile, Metadata, NodeKind};
use index::{Body, Index};
use read_at::read_some;
use unpack::Unpacker;
use zip::Method;

/// The files of a zip archive, as a tree that cannot be written to.
///
/// Whoever made the archive may mean harm: whatever is not plain is an [`ArchiveError`], which says
/// what to do about it. Paths that imply directories have them. What is in the archive takes about
/// 32 bytes of memory an entry, and its path.
///
/// ```
/// use faasm_vfs::{Archive, ArchiveError, ArchiveLimits};
///
/// let unpacked = Archive::unpack(&b"hello".as_slice(), &ArchiveLimits::default(), Vec::new());
/// assert!(matches!(unpacked, Err(ArchiveError::NotAZip)));
/// ```
pub struct Archive {
    index: Index,
    bytes: Arc<dyn ReadAt>,
}

/// What an archive may have at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveLimits {
    /// Files and directories, those counted that only paths speak of. The zip format itself has no
    /// more than 65,534 entries.
    pub max_entries: usize,
    /// Bytes of all files together, unpacked.
    pub max_bytes: u64,
    /// Bytes in the path of an entry.
    pub max_path_bytes: usize,
    /// Names in the path of an entry.
    pub max_depth: usize,
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        Self {
            max_entries: 50_000,
            max_bytes: 256 << 20,
            max_path_bytes: 1024,
            max_depth: 32,
        }
    }
}

impl Archive {
    /// The archive in `bytes`, whose files are read where they lie: all of them must be packed
    /// without compression. Their checksums are not looked at.
    ///
    /// This reads the list of entries and what stands before each, and may wait for a disk.
    ///
    /// # Errors
    /// What is wrong with the archive.
    pub fn open(bytes: Arc<dyn ReadAt>, limits: &ArchiveLimits) -> Result<Self, ArchiveError> {
        let entries = zip::entries(&*bytes, limits)?;
        let mut bodies = Vec::with_capacity(entries.len());
        for entry in &entries {
            bodies.push(match &entry.file {
                None => Body::Directory,
                Some(file) if file.method == Method::Stored => Body::File {
                    start: file.range.start,
                    len: file.len,
                },
                Some(_) => return Err(entry.fails(EntryProblem::Compressed)),
            });
        }
        let index = Index::new(&entries, bodies.into_iter(), limits)?;
        Ok(Self { index, bytes })
    }

    /// The archive in `zip`, whose files are unpacked into `into`, one behind the other, and read
    /// there from then on. `into` must be empty; if this fails, what is in it is good for nothing.
    ///
    /// This takes as long as unpacking takes, and may wait for a disk.
    ///
    /// # Errors
    /// What is wrong with the archive; [`ArchiveError::Write`].
    pub fn unpack(
        zip: &dyn ReadAt,
        limits: &ArchiveLimits,
        into: impl ReadAt + Write + 'static,
    ) -> Result<Self, ArchiveError> {
        let entries = zip::entries(zip, limits)?;
        let mut end = 0;
        let bodies = entries.iter().map(|entry| match &entry.file {
            None => Body::Directory,
            Some(file) => {
                let (start, len) = (end, file.len);
                end += u64::from(len);
                Body::File { start, len }
            }
        });
        // First, as it may find something wrong.
        let index = Index::new(&entries, bodies, limits)?;
        let mut unpacker = Unpacker::new(zip, into);
        for entry in &entries {
            if let Some(file) = &entry.file {
                unpacker.unpack(entry, file)?;
            }
        }
        let bytes = Arc::new(unpacker.finish()?);
        Ok(Self { index, bytes })
    }
}

impl Archive {
    /// Bytes of memory that the list of what is in it takes.
    #[must_use]
    pub fn index_bytes(&self) -> u64 {
        self.index.bytes()
    }
}

impl Lower for Archive {
    fn metadata(&self, path: &str) -> Result<Metadata, Errno> {
        let found = self.index.find(path).ok_or(Errno::Noent)?;
        Ok(found.into())
    }

    fn list(
        &self,
        path: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<LowerDirEntry>, Errno> {
        match self.metadata(path)?.kind {
            NodeKind::File => Err(Errno::Notdir),
            NodeKind::Directory => Ok(self.index.list(path, after.unwrap_or_default(), limit)),
        }
    }

    fn open(&self, path: &str) -> Result<Arc<dyn LowerFile>, Errno> {
        let found = self.index.find(path).ok_or(Errno::Noent)?;
        match found.body {
            Body::Directory => Err(Errno::Isdir),
            Body::File { start, len } => Ok(Arc::new(ArchiveFile {
                bytes: self.bytes.clone(),
                range: start..start + u64::from(len),
                modified: found.modified,
            })),
        }
    }
}

/// An open file of an archive.
struct ArchiveFile {
    bytes: Arc<dyn ReadAt>,
    range: Range<u64>,
    modified: u64,
}

impl LowerFile for ArchiveFile {
    fn len(&self) -> u64 {
        self.range.end - self.range.start
    }

    fn mtime(&self) -> u64 {
        self.modified
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize, Errno> {
        let left = self.len().saturating_sub(offset);
        let wanted = usize::try_from(left).map_or(buf.len(), |left| left.min(buf.len()));
        let buf = &mut buf[..wanted];
        // At the end there is nothing to add to.
        let at = self.range.start.saturating_add(offset);
        read_some(&*self.bytes, buf, at).map_err(|_| Errno::Io)
    }
}
