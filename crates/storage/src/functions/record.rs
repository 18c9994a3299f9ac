//! What is kept of a function beside its code.

use std::sync::Arc;

use faasm_model::{ContentHash, FunctionName, LimitOverrides};
use object_store::path::Path as Key;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::records::{Content, Fault, Record};

/// A function as it was uploaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionRecord {
    /// Whose function it is, and its name.
    pub name: FunctionName,
    /// The hash of its code.
    pub hash: ContentHash,
    /// The size of its code, in bytes.
    pub size: u64,
    /// When it was uploaded, in milliseconds since 1970.
    pub uploaded_at_ms: u64,
    /// Its own limits.
    pub limits: LimitOverrides,
    /// What its initialiser has left; `None` if it has no initialiser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initialised: Option<Initialised>,
}

/// What the initialiser of a function has left when it was uploaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Initialised {
    /// Nothing: calls do without it.
    Nothing,
    /// The [image](crate::ArtifactKind::Image) of this name.
    Image(ContentHash),
}

impl Record for Arc<FunctionRecord> {
    type Name = FunctionName;
    type Content = Self;

    fn name(&self) -> &FunctionName {
        &self.name
    }

    fn key(folder: &str, name: &FunctionName) -> Key {
        let file = format!("{}.json", name.function);
        Key::from_iter([folder, name.user.as_str(), &file])
    }

    fn content(&self) -> Option<&Self> {
        Some(self)
    }

    fn put_at(&self) -> u64 {
        self.uploaded_at_ms
    }

    fn check(&self) -> Result<(), Fault> {
        Ok(self.limits.check()?)
    }
}

impl Content for Arc<FunctionRecord> {
    fn hash(&self) -> ContentHash {
        self.hash
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn damaged(&self) -> Error {
        Error::DamagedCode { hash: self.hash }
    }
}
