//! What the server says of a stored function.

use faasm_model::{ContentHash, LimitOverrides, Name};
use serde::{Deserialize, Serialize};

/// The kinds of functions that a server stores; each has names of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionKind {
    /// WebAssembly modules.
    Wasm,
    /// Python files, and archives of them.
    Python,
}

impl FunctionKind {
    /// The first segment of their paths.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Wasm => "f",
            Self::Python => "p",
        }
    }
}

/// A stored function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionRecord {
    /// The owner.
    pub user: Name,
    /// The name among the owner's functions.
    pub function: Name,
    /// The hash of the bytes that were put.
    pub hash: ContentHash,
    /// Their number.
    pub size: u64,
    /// When they were put, in milliseconds since 1970.
    pub uploaded_at_ms: u64,
    /// The function's own limits.
    #[serde(default)]
    pub limits: LimitOverrides,
}

/// A stored function and the limits that its calls get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionInfo {
    /// The function.
    #[serde(flatten)]
    pub record: FunctionRecord,
    /// Its own limits over the server's defaults.
    pub effective_limits: EffectiveLimits,
    /// What its initialiser has left, from which every call starts.
    #[serde(default)]
    pub image: Option<Image>,
}

/// An image of an initialised function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Memory that it takes in the server, in bytes, however many calls use it.
    pub bytes: u64,
    /// Linear memory that a call has from the start, in bytes.
    pub memory_bytes: u64,
}

/// The limits in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectiveLimits {
    /// Greatest size of the linear memory, in bytes.
    pub memory_bytes: u64,
    /// Greatest wall-clock time, in milliseconds.
    pub time_ms: u64,
    /// Greatest number of table elements.
    pub table_elements: u64,
    /// Greatest sum of stdout, stderr and output data, in bytes.
    pub output_bytes: u64,
}
