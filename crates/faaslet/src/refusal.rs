//! Why a module is not accepted.

use faasm_model::InvalidLimit;

/// A module that cannot be a function; the message says what to change.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The bytes are not a WebAssembly module, or not a valid one.
    #[error("not a valid WebAssembly module: {0}")]
    Invalid(String),
    /// The bytes are a component.
    #[error(
        "this is a WebAssembly component; functions are core modules for WASI preview 1 (target wasm32-wasi or wasm32-wasip1)"
    )]
    Component,
    /// WebAssembly text that does not parse.
    #[error("not valid WebAssembly text: {0}")]
    Text(String),
    /// An import that no host function answers to.
    #[error("unknown import {}: the host provides `wasi_snapshot_preview1` and the host interface in `env`", .0.join(", "))]
    UnknownImports(Vec<String>),
    /// A known import with another signature.
    #[error("an import has the wrong type: {0}")]
    ImportType(String),
    /// An export that a function must have.
    #[error("missing export: {what}")]
    MissingExport {
        /// What is missing, and how to get it.
        what: &'static str,
    },
    /// An export of another type than its name promises.
    #[error("export `{name}` must be {expected}")]
    ExportType {
        /// The export.
        name: String,
        /// Its expected type.
        expected: &'static str,
    },
    /// The module asks for more than any call can have.
    #[error("the module does not fit a Faaslet: {0}")]
    TooLarge(String),
    /// The initialiser did not end well, or did what it may not do.
    #[error("the initialiser failed: {0}")]
    Initialiser(String),
    /// An export has a name that the host gives.
    #[error("no export may have a name that begins with `{0}`")]
    Reserved(&'static str),
    /// A limit that cannot be granted.
    #[error(transparent)]
    Limit(#[from] InvalidLimit),
}
