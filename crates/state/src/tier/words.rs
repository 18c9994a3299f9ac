//! What the global tier and its callers speak of.

use std::any::Any;

use bytes::Bytes;
use faasm_model::Key;

/// One set of a value; patches of it keep its number. Never used twice in a tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Generation(pub u64);

/// How often a key was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version(pub u64);

/// Proves that its holder had a key's global lock, and in which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fence(pub u64);

/// What is known of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Which set of the value this is.
    pub generation: Generation,
    /// Raised by every change.
    pub version: Version,
    /// In bytes.
    pub size: u64,
}

/// What a value must be like to be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// It may be anything.
    Any,
    /// There must be none.
    Absent,
    /// It must have this version.
    Version(Version),
    /// It must be of this generation, patched or not.
    Generation(Generation),
}

/// New bytes for a part of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// Where they begin, in bytes.
    pub offset: u64,
    /// The bytes.
    pub bytes: Bytes,
}

/// Keeps a generation readable until it is dropped.
pub type Pin = Box<dyn Any + Send + Sync>;

/// A key in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedKey {
    /// The key.
    pub key: Key,
    /// Its value, if it has one.
    pub value: Option<Meta>,
    /// How many elements were appended to it.
    pub elements: u64,
}

/// What a user has in the tier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Sizes of all values and elements together, in bytes; each element with its
    /// [`ELEMENT_OVERHEAD_BYTES`](super::ELEMENT_OVERHEAD_BYTES).
    pub bytes: u64,
    /// Keys that have a value or elements.
    pub keys: u64,
}
