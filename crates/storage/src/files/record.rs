//! What is kept of a shared file beside its bytes, and of a directory.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use faasm_model::{ContentHash, SharedPath};
use object_store::path::Path as Key;
use serde::{Deserialize, Serialize};

use crate::records::{Content, Record};
use crate::{Error, SpooledFile};

/// A shared file as it was put.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Where functions open it.
    pub path: SharedPath,
    /// Its size, in bytes.
    pub size: u64,
    /// The hash of its bytes.
    pub hash: ContentHash,
    /// When its bytes were put, in nanoseconds since 1970; later than those that they
    /// replaced.
    pub modified_ns: u64,
    /// When it was last renamed to its path, in nanoseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renamed_ns: Option<u64>,
}

/// A directory that was made. One that was not has no record: it is there as long as
/// something is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DirectoryRecord {
    path: SharedPath,
    /// When it was made, in nanoseconds since 1970.
    made_ns: u64,
}

/// The record of a path. A path has one, whatever is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "this is neither the record of a file nor that of a directory"
)]
pub(super) enum Node {
    File(Arc<FileRecord>),
    Directory(Arc<DirectoryRecord>),
}

impl FileRecord {
    /// For `content` that is put now in the place of `replaced`.
    pub(super) fn put(path: SharedPath, content: &SpooledFile, replaced: Option<&Node>) -> Self {
        Self {
            path,
            size: content.size(),
            hash: content.hash(),
            modified_ns: now_after(replaced),
            renamed_ns: None,
        }
    }

    /// For the same file that is renamed now in the place of `replaced`.
    pub(super) fn renamed(&self, path: SharedPath, replaced: Option<&Node>) -> Self {
        Self {
            path,
            renamed_ns: Some(now_after(replaced)),
            ..self.clone()
        }
    }
}

impl Node {
    /// A directory that is made now.
    pub(super) fn directory(path: SharedPath) -> Self {
        let made_ns = now_after(None);
        Self::Directory(Arc::new(DirectoryRecord { path, made_ns }))
    }

    pub(super) fn file(&self) -> Option<&Arc<FileRecord>> {
        match self {
            Self::File(file) => Some(file),
            Self::Directory(_) => None,
        }
    }
}

impl Record for Node {
    type Name = SharedPath;
    type Content = Arc<FileRecord>;

    fn name(&self) -> &SharedPath {
        match self {
            Self::File(file) => &file.path,
            Self::Directory(directory) => &directory.path,
        }
    }

    /// Named by the path's hash: paths are longer, and wilder, than names of objects.
    fn key(folder: &str, path: &SharedPath) -> Key {
        let hash = ContentHash::of(path.as_str().as_bytes());
        Key::from_iter([folder, &format!("{hash}.json")])
    }

    fn content(&self) -> Option<&Arc<FileRecord>> {
        self.file()
    }

    fn put_at(&self) -> u64 {
        match self {
            Self::File(file) => file.renamed_ns.unwrap_or(file.modified_ns),
            Self::Directory(directory) => directory.made_ns,
        }
    }
}

impl Content for Arc<FileRecord> {
    fn hash(&self) -> ContentHash {
        self.hash
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn damaged(&self) -> Error {
        Error::DamagedFile {
            path: self.path.clone(),
        }
    }
}

/// Now, in nanoseconds since 1970, but later than all that `replaced` says of itself.
fn now_after(replaced: Option<&Node>) -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = since.map_or(0, |d| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX));
    let modified = replaced.and_then(Node::file).map_or(0, |f| f.modified_ns);
    let put = replaced.map_or(0, Record::put_at);
    now.max(modified.max(put).saturating_add(1))
}
