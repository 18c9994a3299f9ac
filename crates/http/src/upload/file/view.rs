//! Shared files in JSON.

use faasm_model::{ContentHash, SharedPath};
use faasm_storage::{Entry, FileRecord, Metadata};
use serde::Serialize;
use utoipa::ToSchema;

/// A shared file.
#[derive(Serialize, ToSchema)]
#[schema(as = File)]
pub(super) struct FileView<'a> {
    /// Where functions open it, without a leading `/`.
    #[schema(value_type = String)]
    path: &'a SharedPath,
    /// In bytes.
    size: u64,
    /// BLAKE3 hash of its bytes.
    #[schema(value_type = String)]
    hash: ContentHash,
    /// When it was put, in milliseconds since 1970.
    modified_at_ms: u64,
}

/// What is in a directory.
#[derive(Serialize, ToSchema)]
#[schema(as = FileEntry)]
pub(super) struct EntryView<'a> {
    /// Its name in the directory.
    name: &'a str,
    /// What it is.
    kind: Kind,
    /// The size of a file in bytes; null for a directory.
    size: Option<u64>,
    /// BLAKE3 hash of a file's bytes; null for a directory.
    #[schema(value_type = Option<String>)]
    hash: Option<ContentHash>,
    /// When a file was put, in milliseconds since 1970; null for a directory.
    modified_at_ms: Option<u64>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = FileKind)]
enum Kind {
    File,
    Directory,
}

/// What was deleted.
#[derive(Serialize, ToSchema)]
#[schema(as = DeletedFiles)]
pub(super) struct DeletedView<'a> {
    /// The file, or the directory.
    #[schema(value_type = String)]
    pub(super) path: &'a SharedPath,
    /// How many files were deleted.
    pub(super) deleted: u64,
}

impl<'a> From<&'a FileRecord> for FileView<'a> {
    fn from(record: &'a FileRecord) -> Self {
        Self {
            path: &record.path,
            size: record.size,
            hash: record.hash,
            modified_at_ms: modified_at_ms(record),
        }
    }
}

impl<'a> From<&'a Entry> for EntryView<'a> {
    fn from(entry: &'a Entry) -> Self {
        let (kind, record) = match &entry.metadata {
            Metadata::File(record) => (Kind::File, Some(record)),
            Metadata::Directory => (Kind::Directory, None),
        };
        Self {
            name: &entry.name,
            kind,
            size: record.map(|record| record.size),
            hash: record.map(|record| record.hash),
            modified_at_ms: record.map(|record| modified_at_ms(record)),
        }
    }
}

fn modified_at_ms(record: &FileRecord) -> u64 {
    record.modified_ns / 1_000_000
}
