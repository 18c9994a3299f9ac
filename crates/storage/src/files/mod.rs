//! Shared files and directories: their records and their bytes.

mod change;
mod claims;
mod key;
mod open_file;
mod quota;
mod record;
mod refresh;
mod tree;
mod visitors;

use std::ops::Range;
use std::sync::Arc;

use faasm_model::SharedPath;

pub use open_file::OpenFile;
pub use quota::{FilesOptions, Usage};
pub use record::FileRecord;

use crate::announce::Announcer;
use crate::objects::Objects;
use crate::page::MAX_PAGE;
use crate::records::{self, Blobs, ByteStream, Committer, Content, Layout};
use crate::{DataDirLock, Page, Result};
use open_file::Reading;
use tree::Tree;

/// Where bytes are stored.
const CONTENT: Layout = Layout {
    folder: "content",
    suffix: "",
};

/// The shared files of a deployment. Cheap to clone.
///
/// A directory that was [made](Files::create_directory) is there until it is removed. One
/// that was not is there while something is in it: a file is put with all directories
/// above it, and takes them along.
///
/// Records are held in memory and looked up there. Bytes that no record names any more
/// are deleted; an [`OpenFile`] keeps those that it was opened on.
///
/// A change goes on to its end even if the future that asked for it is dropped.
#[derive(Clone)]
pub struct Files {
    committer: Arc<Committer<Tree>>,
    reading: Arc<Reading>,
    announcer: Announcer,
}

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metadata {
    /// A file.
    File(Arc<FileRecord>),
    /// A directory.
    Directory,
}

/// One entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name in the directory.
    pub name: String,
    /// What it is.
    pub metadata: Metadata,
}

impl Files {
    /// Most items of one [`Page`]; a greater `limit` counts as this, and 0 as 1.
    pub const MAX_PAGE: usize = MAX_PAGE;

    /// Loads all records, and deletes bytes that no file refers to.
    pub(crate) async fn load(
        objects: Objects,
        options: FilesOptions,
        announcer: Announcer,
        lock: Arc<DataDirLock>,
    ) -> Result<Self> {
        let blobs = Blobs::open(&objects, CONTENT).await?;
        let blobs = blobs.with_handles(&objects, options.max_open, options.max_handles);
        let committer = records::load(objects, Tree::new(options), blobs, lock).await?;
        Ok(Self {
            committer: Arc::new(committer),
            reading: Arc::default(),
            announcer,
        })
    }

    /// The file at `path`. Touches nothing but memory.
    pub fn get(&self, path: &SharedPath) -> Option<Arc<FileRecord>> {
        self.committer.index.file(path).ok()
    }

    /// What is at `path`; `None` stands for the root, which is always there. Touches
    /// nothing but memory.
    pub fn metadata(&self, path: Option<&SharedPath>) -> Option<Metadata> {
        self.committer.index.metadata(path)
    }

    /// Refuses a file of `size` bytes at `path` that a [`put`](Self::put) would refuse now,
    /// before anybody spools it. The put looks again: others may be faster. Touches nothing
    /// but memory.
    ///
    /// # Errors
    /// [`Error::Conflict`](crate::Error::Conflict) or [`Error::Quota`](crate::Error::Quota).
    pub fn check(&self, path: &SharedPath, size: u64) -> Result<()> {
        self.committer.index.check_file(path, size)
    }

    /// Opens the file at `path` for reading: a look-up, and one file opened if it is not
    /// among those that are kept open. If the storage is elsewhere and the bytes are not on
    /// this machine, it waits until they are: call it where that is allowed, and from no task
    /// of a runtime that has one thread.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::Error::Unavailable),
    /// [`Error::NotFound`](crate::Error::NotFound),
    /// [`Error::IsADirectory`](crate::Error::IsADirectory),
    /// [`Error::TooManyOpen`](crate::Error::TooManyOpen),
    /// [`Error::DamagedFile`](crate::Error::DamagedFile) if its bytes are missing or too few,
    /// or [`Error::Io`](crate::Error::Io).
    pub fn open(&self, path: &SharedPath) -> Result<OpenFile> {
        let Committer { index, blobs, .. } = &*self.committer;
        loop {
            let record = index.file(path)?;
            if let Some(blob) = blobs.open_file(record.hash, record.size)? {
                return Ok(OpenFile::new(blob, record, Arc::clone(&self.reading)));
            }
            // A put or a delete may have come in between and taken the bytes with it.
            if index.file(path).is_ok_and(|now| Arc::ptr_eq(&now, &record)) {
                blobs.mark_damaged(record.hash);
                return Err(record.damaged());
            }
        }
    }

    /// The bytes of `file` in `range`, as far as there are any, as a stream. That of a
    /// whole file ends with [`Error::DamagedFile`](crate::Error::DamagedFile) if it is not what
    /// was put.
    pub fn read(&self, file: OpenFile, range: Range<u64>) -> ByteStream {
        let record = Arc::clone(file.record());
        let whole = range.start == 0 && range.end >= record.size;
        let pieces = file.pieces(range);
        match whole {
            true => self.committer.checked(&record, pieces),
            false => pieces,
        }
    }

    /// The entries of a directory by name; those behind `after`, `limit` at most. `None`
    /// stands for the root.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) or
    /// [`Error::NotADirectory`](crate::Error::NotADirectory).
    pub fn list(
        &self,
        directory: Option<&SharedPath>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Entry, String>> {
        self.committer.index.list(directory, after, limit)
    }

    /// All files below a directory by path; those behind `after`, `limit` at most. `None`
    /// stands for the root. A page may be short, or empty, and not be the last: where there
    /// are many directories that were made, a page takes no longer for them.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub fn walk(
        &self,
        directory: Option<&SharedPath>,
        after: Option<&SharedPath>,
        limit: usize,
    ) -> Result<Page<Arc<FileRecord>, SharedPath>> {
        self.committer.index.walk(directory, after, limit)
    }

    /// The bytes of all files.
    pub(crate) fn blobs(&self) -> &Blobs {
        &self.committer.blobs
    }

    /// How much there is.
    pub fn usage(&self) -> Usage {
        self.committer.index.usage()
    }
}
