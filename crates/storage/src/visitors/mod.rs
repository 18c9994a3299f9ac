//! A storage as it is lent to other servers.

mod change;
mod key;

use std::time::UNIX_EPOCH;

use futures::{StreamExt, stream};

pub use key::{ObjectKey, ObjectKind};

use crate::objects::Listed;
use crate::records::MAX_RECORD_BYTES;
use crate::{ByteStream, Error, Page, Result, Storage};

/// Folders that can be listed.
const FOLDERS: [&str; 7] = [
    "functions",
    "python",
    "files",
    "code",
    "sources",
    "content",
    "artifacts",
];

/// The objects of a storage, for other servers. What they change of records is in force here as
/// soon as it is stored, and announced. Content that they put is kept until a record names it, for
/// ten minutes at least, and that of records that go is kept as long for those who still have them.
#[derive(Clone)]
pub struct Lent {
    storage: Storage,
}

/// What is known of an object without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Its key.
    pub key: String,
    /// In bytes.
    pub size: u64,
    /// When it was put, in milliseconds since 1970.
    pub modified_at_ms: u64,
}

impl Lent {
    /// Most items of one [`Page`]; a greater `limit` counts as this.
    pub const MAX_PAGE: usize = 10_000;

    /// Largest record, in bytes.
    pub const MAX_RECORD_BYTES: u64 = MAX_RECORD_BYTES;

    pub(crate) fn new(storage: Storage) -> Self {
        storage.expect_visitors();
        Self { storage }
    }

    /// What is known of an object; `None` if it is not there.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Unavailable`] if the storage is itself elsewhere.
    pub async fn info(&self, key: &ObjectKey) -> Result<Option<ObjectInfo>> {
        let found = self.storage.objects().stat(key.key().clone()).await?;
        Ok(found.map(ObjectInfo::from))
    }

    /// The size and the bytes of an object; `None` if it is not there. Who reads content checks
    /// whether it is what its hash says.
    ///
    /// # Errors
    /// As [`info`](Self::info), and [`Error::TooLarge`] for a record.
    pub async fn read(&self, key: &ObjectKey) -> Result<Option<(u64, ByteStream)>> {
        let storage = &self.storage;
        match *key.kind() {
            ObjectKind::Code(hash) => storage.functions().blobs().read(hash).await,
            ObjectKind::Source(hash) => storage.python().blobs().read(hash).await,
            ObjectKind::Content(hash) => storage.files().blobs().read(hash).await,
            ObjectKind::Artifact => storage.objects().get(key.key().clone()).await,
            _ => {
                let record = storage
                    .objects()
                    .get_small(key.key().clone(), MAX_RECORD_BYTES);
                Ok(record.await?.map(|bytes| {
                    let size = bytes.len() as u64;
                    (size, stream::iter([Ok(bytes)]).boxed())
                }))
            }
        }
    }

    /// The objects whose keys begin with `prefix`, one of a folder: `functions/` and its kin; by
    /// key, those behind `after`, `limit` at most.
    ///
    /// # Errors
    /// [`Error::InvalidObject`] if there is no such folder, or as [`info`](Self::info).
    pub async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<ObjectInfo, String>> {
        let folder = prefix.strip_suffix('/');
        let folder = folder.and_then(|name| FOLDERS.into_iter().find(|folder| *folder == name));
        let folder = folder.ok_or_else(|| Error::InvalidObject {
            key: prefix.chars().take(200).collect(),
            problem: format!("only these folders are listed: {}/", FOLDERS.join("/, ")),
        })?;
        let listed = self.storage.objects().list(folder).await?;
        let behind = |object: &Listed| after.is_none_or(|after| object.key.as_ref() > after);
        let mut objects: Vec<Listed> = listed.into_iter().filter(behind).collect();
        let limit = limit.clamp(1, Self::MAX_PAGE);
        // Only what is answered is sorted: there may be a million more.
        let more = objects.len() > limit;
        if more {
            objects.select_nth_unstable_by(limit, |one, other| one.key.cmp(&other.key));
            objects.truncate(limit);
        }
        objects.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        let items: Vec<_> = objects.into_iter().map(ObjectInfo::from).collect();
        let next = items.last().filter(|_| more).map(|last| last.key.clone());
        Ok(Page { items, next })
    }
}

impl From<Listed> for ObjectInfo {
    fn from(object: Listed) -> Self {
        let since = object
            .modified
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            key: object.key.to_string(),
            size: object.size,
            modified_at_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
        }
    }
}
