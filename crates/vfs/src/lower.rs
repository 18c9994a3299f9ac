//! The read-only tree under the scratch layer.

use std::sync::Arc;

use crate::Errno;

/// A read-only tree of files and directories that many calls share.
///
/// Paths are relative to its root, with `/` between names: `""` is the root, `"data/x"` a file.
/// Names in them are never empty, `.` or `..`. A tree may change between calls of these methods;
/// an open [`LowerFile`] may not. That a file was replaced shows by another length or time of
/// modification; [`metadata`](Lower::metadata) says the same of a file as the open file does.
pub trait Lower: Send + Sync {
    /// What is at `path`.
    ///
    /// # Errors
    /// [`Errno::Noent`] if there is nothing; others (say [`Errno::Io`]) reach the guest.
    fn metadata(&self, path: &str) -> Result<Metadata, Errno>;

    /// The entries of the directory at `path` whose names come behind `after`, in the order of
    /// their names as bytes, without `.` and `..`: `limit` (1 or more) at most, and none only if
    /// there are no more. Entries whose names no path could say (empty, with `/` or NUL, over 255
    /// bytes) are ignored.
    ///
    /// # Errors
    /// [`Errno::Noent`], [`Errno::Notdir`], or others that reach the guest.
    fn list(
        &self,
        path: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<LowerDirEntry>, Errno>;

    /// Whether there is nothing in the directory at `path`.
    ///
    /// # Errors
    /// As [`list`](Lower::list).
    fn is_empty(&self, path: &str) -> Result<bool, Errno> {
        Ok(self.list(path, None, 1)?.is_empty())
    }

    /// Opens the file at `path` for reading.
    ///
    /// # Errors
    /// [`Errno::Noent`], [`Errno::Isdir`], or others that reach the guest.
    fn open(&self, path: &str) -> Result<Arc<dyn LowerFile>, Errno>;

    /// Whether calls may change the tree through `faasm://`, or parts of it. Then somebody must carry out what
    /// [`Vfs::next_change`](crate::Vfs::next_change) says; otherwise guests get [`Errno::Rofs`].
    fn is_writable(&self) -> bool {
        false
    }

    /// Whether calls may change what is at `path`, or make it, through `faasm://`.
    ///
    /// # Errors
    /// What the guest is told that wants to.
    fn check_change(&self, _path: &str) -> Result<(), Errno> {
        match self.is_writable() {
            true => Ok(()),
            false => Err(Errno::Rofs),
        }
    }

    /// Whether there could be a file or directory at `path`, where there is none.
    ///
    /// # Errors
    /// What the guest is told that wants to create it, say [`Errno::Inval`].
    fn check_path(&self, _path: &str) -> Result<(), Errno> {
        Ok(())
    }
}

/// An open file of a [`Lower`] tree: bytes that never change.
pub trait LowerFile: Send + Sync {
    /// Length in bytes.
    fn len(&self) -> u64;

    /// Whether there are no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Time of last modification, in ns since 1970.
    fn mtime(&self) -> u64;

    /// Reads at `offset` into `buf`; how many bytes, 0 only at the end or for an empty `buf`.
    ///
    /// # Errors
    /// Whatever reaches the guest, say [`Errno::Io`].
    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize, Errno>;
}

/// What is known of an entry of a [`Lower`] tree without opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// File or directory.
    pub kind: NodeKind,
    /// Length in bytes; 0 for a directory.
    pub len: u64,
    /// Time of last modification, in ns since 1970.
    pub mtime: u64,
}

/// The kinds of entry that a [`Lower`] tree has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A file of bytes.
    File,
    /// A directory.
    Directory,
}

/// One entry in a listing of a [`Lower`] directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LowerDirEntry {
    /// Its name.
    pub name: String,
    /// File or directory.
    pub kind: NodeKind,
}

/// A [`Lower`] tree with nothing in it.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmptyTree;

impl Lower for EmptyTree {
    fn metadata(&self, path: &str) -> Result<Metadata, Errno> {
        match path {
            "" => Ok(Metadata {
                kind: NodeKind::Directory,
                len: 0,
                mtime: 0,
            }),
            _ => Err(Errno::Noent),
        }
    }

    fn list(
        &self,
        path: &str,
        _after: Option<&str>,
        _limit: usize,
    ) -> Result<Vec<LowerDirEntry>, Errno> {
        self.metadata(path).map(|_| Vec::new())
    }

    fn open(&self, path: &str) -> Result<Arc<dyn LowerFile>, Errno> {
        Err(if path.is_empty() {
            Errno::Isdir
        } else {
            Errno::Noent
        })
    }
}
