//! What is kept of a shared file beside its bytes.

use std::time::{SystemTime, UNIX_EPOCH};

use faasm_model::{ContentHash, SharedPath};
use object_store::path::Path as Key;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::records::Record;

/// A shared file as it was put.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Where functions open it.
    pub path: SharedPath,
    /// Its size, in bytes.
    pub size: u64,
    /// The hash of its bytes.
    pub hash: ContentHash,
    /// When it was put, in nanoseconds since 1970; later than what it replaced.
    pub modified_ns: u64,
}

impl FileRecord {
    /// The time for a file that is put now in the place of `replaced`.
    pub(super) fn time_after(replaced: Option<&Self>) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = since.map_or(0, |d| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX));
        let earliest = replaced.map_or(0, |record| record.modified_ns.saturating_add(1));
        now.max(earliest)
    }
}

impl Record for FileRecord {
    type Name = SharedPath;
    const FOLDER: &'static str = "files";

    fn name(&self) -> &SharedPath {
        &self.path
    }

    /// Named by the path's hash: paths are longer, and wilder, than names of objects.
    fn key(path: &SharedPath) -> Key {
        let hash = ContentHash::of(path.as_str().as_bytes());
        Key::from_iter([Self::FOLDER, &format!("{hash}.json")])
    }

    fn hash(&self) -> ContentHash {
        self.hash
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn put_at(&self) -> u64 {
        self.modified_ns
    }

    fn damaged(&self) -> Error {
        Error::DamagedFile {
            path: self.path.clone(),
        }
    }
}
