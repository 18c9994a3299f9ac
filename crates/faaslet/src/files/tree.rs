//! The stored shared files as the lower tree of every call.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use faasm_model::{InvalidPath, SharedPath};
use faasm_storage::{self as storage, Error, Files, OpenFile};
use faasm_vfs::{Errno, Lower, LowerDirEntry, LowerFile, Metadata, NodeKind};

use crate::waiting::may_wait;

/// The shared files. What is there is known from memory; bytes are read when they are needed.
pub(crate) struct SharedTree(Files);

impl SharedTree {
    pub(crate) fn new(files: Files) -> Self {
        Self(files)
    }
}

impl Lower for SharedTree {
    fn metadata(&self, path: &str) -> Result<Metadata, Errno> {
        let found = self.0.metadata(existing(path)?.as_ref());
        found.map(|found| metadata(&found)).ok_or(Errno::Noent)
    }

    fn list(
        &self,
        path: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<LowerDirEntry>, Errno> {
        let page = self.0.list(existing(path)?.as_ref(), after, limit);
        let entries = page.map_err(|error| errno(&error))?.items.into_iter();
        let entries = entries.map(|entry| LowerDirEntry {
            kind: metadata(&entry.metadata).kind,
            name: entry.name,
        });
        Ok(entries.collect())
    }

    fn open(&self, path: &str) -> Result<Arc<dyn LowerFile>, Errno> {
        let path = existing(path)?.ok_or(Errno::Isdir)?;
        match self.0.open(&path) {
            Ok(file) => Ok(Arc::new(SharedFile {
                file,
                has_failed: AtomicBool::new(false),
            })),
            Err(error) => {
                let errno = errno(&error);
                if errno == Errno::Io {
                    tracing::error!(%error, "a shared file cannot be opened");
                }
                Err(errno)
            }
        }
    }

    fn is_writable(&self) -> bool {
        true
    }

    fn check_path(&self, path: &str) -> Result<(), Errno> {
        SharedPath::new(path)
            .map(|_| ())
            .map_err(|error| match error {
                InvalidPath::TooLong(_) | InvalidPath::LongName(_) => Errno::Nametoolong,
                InvalidPath::Empty
                | InvalidPath::EmptyName
                | InvalidPath::DotName
                | InvalidPath::Control(_) => Errno::Inval,
            })
    }
}

/// A tree that cannot be written to.
pub(crate) struct ReadOnly(pub(crate) Arc<dyn Lower>);

impl Lower for ReadOnly {
    fn metadata(&self, path: &str) -> Result<Metadata, Errno> {
        self.0.metadata(path)
    }

    fn list(
        &self,
        path: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<LowerDirEntry>, Errno> {
        self.0.list(path, after, limit)
    }

    fn is_empty(&self, path: &str) -> Result<bool, Errno> {
        self.0.is_empty(path)
    }

    fn open(&self, path: &str) -> Result<Arc<dyn LowerFile>, Errno> {
        self.0.open(path)
    }
}

/// An open shared file.
struct SharedFile {
    file: OpenFile,
    /// Whether the log knows: a guest may try again and again.
    has_failed: AtomicBool,
}

impl LowerFile for SharedFile {
    fn len(&self) -> u64 {
        self.file.len()
    }

    fn mtime(&self) -> u64 {
        self.file.record().modified_ns
    }

    /// From the page cache at once; what must come from the disk keeps no other call waiting.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize, Errno> {
        let read = match self.file.try_read_at(buf, offset) {
            Ok(Some(read)) => Ok(read),
            Ok(None) => may_wait(|| self.file.read_at(buf, offset)),
            Err(error) => Err(error),
        };
        read.map_err(|error| {
            if !self.has_failed.swap(true, Ordering::Relaxed) {
                tracing::error!(%error, "a shared file cannot be read");
            }
            errno(&error)
        })
    }
}

fn metadata(found: &storage::Metadata) -> Metadata {
    match found {
        storage::Metadata::File(record) => Metadata {
            kind: NodeKind::File,
            len: record.size,
            mtime: record.modified_ns,
        },
        storage::Metadata::Directory => Metadata {
            kind: NodeKind::Directory,
            len: 0,
            mtime: 0,
        },
    }
}

/// A path that may be there: what cannot be stored is not. `None` is the root.
fn existing(path: &str) -> Result<Option<SharedPath>, Errno> {
    match path {
        "" => Ok(None),
        path => SharedPath::new(path).map(Some).map_err(|_| Errno::Noent),
    }
}

/// What a guest is told when storage fails.
pub(super) fn errno(error: &Error) -> Errno {
    match error {
        Error::NotFound(_) => Errno::Noent,
        Error::IsADirectory(_) => Errno::Isdir,
        Error::NotADirectory(_) => Errno::Notdir,
        Error::Exists(_) => Errno::Exist,
        Error::NotEmpty(_) => Errno::Notempty,
        Error::Conflict { path, obstacle } if path == obstacle => Errno::Isdir,
        Error::Conflict { .. } => Errno::Notdir,
        Error::Quota { .. } => Errno::Dquot,
        Error::NoSpace { .. } => Errno::Nospc,
        Error::TooLarge { .. } => Errno::Fbig,
        Error::TooManyOpen { .. } => Errno::Nfile,
        _ => Errno::Io,
    }
}
