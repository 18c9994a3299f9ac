//! What functions and shared files have in common: small records, most of which name
//! content.
//!
//! Content is stored once by its hash, records are held in memory, and writing a record
//! is the commit of an upload.

mod blobs;
mod checked;
mod commit;
mod contents;
mod handles;
mod load;
mod named;
mod refresh;
mod stored;

use std::fmt::{Debug, Display};
use std::hash::Hash;

use faasm_model::ContentHash;
use object_store::path::Path as Key;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use blobs::{Blobs, Layout};
pub use checked::ByteStream;
pub(crate) use checked::collect;
pub(crate) use commit::{Committer, MAX_RECORD_BYTES, Turn};
pub(crate) use handles::OpenBlob;
pub(crate) use load::load;
pub(crate) use named::Named;
pub(crate) use refresh::CONCURRENT_READS;

use crate::Error;

/// Why a stored record is left out.
pub(crate) type Fault = Box<dyn std::error::Error + Send + Sync>;

/// A record, cheap to clone.
pub(crate) trait Record:
    Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// What tells it from others of its kind.
    type Name: Clone + Debug + Display + Eq + Hash + Send + Sync + 'static;

    /// What it says of its content.
    type Content: Content;

    fn name(&self) -> &Self::Name;

    /// Where the record with `name` is stored, in `folder`.
    fn key(folder: &str, name: &Self::Name) -> Key;

    /// The content that it is a holder of, if it is of any.
    fn content(&self) -> Option<&Self::Content>;

    /// When it was put, in a unit of its own.
    fn put_at(&self) -> u64;

    /// Refuses what an upload would not have been given.
    fn check(&self) -> Result<(), Fault> {
        Ok(())
    }
}

/// What is known of stored content. It may be what keeps the content.
pub(crate) trait Content: Clone + Send + Sync + 'static {
    fn hash(&self) -> ContentHash;

    /// The size, in bytes.
    fn size(&self) -> u64;

    /// The error that says that the content is not what was put.
    fn damaged(&self) -> Error;
}

/// All records of a kind, in memory.
pub(crate) trait Index: Send + Sync + 'static {
    type Record: Record;

    /// The folder that the records are stored in.
    fn folder(&self) -> &'static str;

    fn get(&self, name: &NameIn<Self>) -> Option<Self::Record>;

    /// The names of all records.
    fn names(&self) -> Vec<NameIn<Self>>;

    /// Puts `record` in the place of the one that is returned.
    fn insert(&self, record: Self::Record) -> Option<Self::Record>;

    fn remove(&self, name: &NameIn<Self>) -> Option<Self::Record>;

    /// Refuses a record that was read and cannot be beside those that are there.
    fn admit(&self, _loaded: &Self::Record) -> Result<(), Fault> {
        Ok(())
    }
}

/// What tells apart the records of an index.
pub(crate) type NameIn<I> = <<I as Index>::Record as Record>::Name;
