//! Shared files: their records and their bytes.

mod key;
mod open_file;
mod quota;
mod record;
mod tree;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use faasm_model::SharedPath;

pub use open_file::OpenFile;
pub use quota::{FilesOptions, Usage};
pub use record::FileRecord;

use crate::objects::Objects;
use crate::page::MAX_PAGE;
use crate::records::{self, Blobs, ByteStream, Committer, Index, Layout, Record};
use crate::{DataDirLock, Error, Page, Result, SpooledFile};
use tree::Tree;

/// Where bytes are stored.
const CONTENT: Layout = Layout {
    folder: "content",
    suffix: "",
};

/// Files that [`Files::delete_tree`] deletes at once.
const STEP: usize = 256;

/// The shared files of a deployment, in directories that are there as long as something
/// is in them. Cheap to clone.
///
/// Records are held in memory and looked up there. Bytes that no record names any more
/// are deleted; an [`OpenFile`] keeps those that it was opened on.
///
/// A change goes on to its end even if the future that asked for it is dropped.
#[derive(Clone)]
pub struct Files {
    committer: Arc<Committer<Tree>>,
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
        lock: Arc<DataDirLock>,
    ) -> Result<Self> {
        let blobs = Blobs::open(&objects, CONTENT).await?;
        let committer = records::load(objects, Tree::new(options), blobs, lock).await?;
        Ok(Self {
            committer: Arc::new(committer),
        })
    }

    /// The file at `path`. Touches nothing but memory.
    pub fn get(&self, path: &SharedPath) -> Option<Arc<FileRecord>> {
        self.committer.index.get(path)
    }

    /// What is at `path`; `None` stands for the root, which is always there. Touches
    /// nothing but memory.
    pub fn metadata(&self, path: Option<&SharedPath>) -> Option<Metadata> {
        self.committer.index.metadata(path)
    }

    /// Stores `content` as the file at `path`. It is durable, and what
    /// [`get`](Self::get) returns, when this returns. Of concurrent puts of one path the
    /// last is in force in the end; readers see one or another, whole.
    ///
    /// # Errors
    /// [`Error::Conflict`] if a directory is at the path or a file above it, or is about to
    /// be, [`Error::Quota`] if there would be too much, [`Error::NoSpace`],
    /// [`Error::Store`] or [`Error::Io`]; the file is then as it was before.
    pub async fn put(&self, path: SharedPath, content: SpooledFile) -> Result<Arc<FileRecord>> {
        let committer = Arc::clone(&self.committer);
        tokio::spawn(async move {
            let turn = committer.turn(&path).await;
            let _claim = committer.index.claim(&path, content.size())?;
            committer.blobs.acquire(&content).await?;
            let replaced = committer.index.get(&path);
            let record = FileRecord {
                size: content.size(),
                hash: content.hash(),
                modified_ns: FileRecord::time_after(replaced.as_deref()),
                path,
            };
            let committed = committer.commit(&turn, record).await?;
            if let Some(replaced) = committed.replaced {
                committer.blobs.release(replaced.hash).await;
            }
            Ok(committed.record)
        })
        .await?
    }

    /// Deletes the file at `path`, durably; `false` if there is nothing.
    ///
    /// # Errors
    /// [`Error::IsADirectory`], [`Error::Store`] or [`Error::Io`]. The file may then still
    /// be there; deleting it again is safe.
    pub async fn delete(&self, path: &SharedPath) -> Result<bool> {
        if self.metadata(Some(path)) == Some(Metadata::Directory) {
            return Err(Error::IsADirectory(path.clone()));
        }
        Ok(self.delete_all(vec![path.clone()]).await? > 0)
    }

    /// Deletes all files below `directory`, durably, and returns their number. It goes in
    /// steps, from the first path to the last: others see part of it gone, and a file that
    /// is put meanwhile may stay.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NotADirectory`], [`Error::Store`] or [`Error::Io`].
    /// Part of the files may then be gone; deleting the rest again is safe.
    pub async fn delete_tree(&self, directory: &SharedPath) -> Result<u64> {
        let mut deleted = 0;
        let mut page = self.walk(Some(directory), None, STEP)?;
        loop {
            let paths = page.items.iter().map(|record| record.path.clone());
            deleted += self.delete_all(paths.collect()).await?;
            let Some(after) = page.next else {
                return Ok(deleted);
            };
            page = match self.walk(Some(directory), Some(&after), STEP) {
                Err(Error::NotFound(_)) => return Ok(deleted),
                page => page?,
            };
        }
    }

    /// Deletes files, whose paths are sorted, and returns the number of those that were
    /// there.
    async fn delete_all(&self, paths: Vec<SharedPath>) -> Result<u64> {
        let committer = Arc::clone(&self.committer);
        tokio::spawn(async move {
            let mut turns = Vec::new();
            // In order, so that no two who want several turns wait for each other.
            for path in &paths {
                turns.push(committer.turn(path).await);
            }
            let deleted = committer.delete(&turns).await?;
            drop(turns);
            for record in &deleted {
                committer.blobs.release(record.hash).await;
            }
            Ok(deleted.len() as u64)
        })
        .await?
    }

    /// Opens the file at `path` for reading: a look-up, and one file opened.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::IsADirectory`], [`Error::DamagedFile`] if its bytes are
    /// missing or too few, or [`Error::Io`].
    pub fn open(&self, path: &SharedPath) -> Result<OpenFile> {
        loop {
            let record = match self.metadata(Some(path)) {
                Some(Metadata::File(record)) => record,
                Some(Metadata::Directory) => return Err(Error::IsADirectory(path.clone())),
                None => return Err(Error::NotFound(path.clone())),
            };
            if let Some(file) = self.open_record(&record)? {
                return Ok(file);
            }
            // A put or a delete may have come in between and taken the bytes with it.
            if self.get(path).is_some_and(|now| Arc::ptr_eq(&now, &record)) {
                self.committer.blobs.mark_damaged(record.hash);
                return Err(record.damaged());
            }
        }
    }

    /// `None` if the bytes are not there, or not as many as there should be.
    fn open_record(&self, record: &Arc<FileRecord>) -> Result<Option<OpenFile>> {
        let open = || match self.committer.blobs.open_file(record.hash)? {
            Some(file) => OpenFile::new(file, Arc::clone(record)),
            None => Ok(None),
        };
        open().map_err(Error::io("open", Path::new(record.path.as_str())))
    }

    /// The bytes of `file` in `range`, as far as there are any, as a stream. That of a
    /// whole file ends with [`Error::DamagedFile`] if it is not what was put.
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
    /// [`Error::NotFound`] or [`Error::NotADirectory`].
    pub fn list(
        &self,
        directory: Option<&SharedPath>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Entry, String>> {
        self.committer.index.list(directory, after, limit)
    }

    /// All files below a directory by path; those behind `after`, `limit` at most. `None`
    /// stands for the root.
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

    /// How much there is.
    pub fn usage(&self) -> Usage {
        self.committer.index.usage()
    }
}
