//! The Python runtime as a thing on disk: found, checked, installed, packed and built.
//!
//! A **runtime** is a directory with a [`Runtime::MANIFEST`] and the files that it names:
//! the interpreter as a WebAssembly module, its standard library, the licence. What runs
//! it is not known here. A [`Store`] keeps runtimes that are installed, one of them the
//! current one.
//!
//! ```
//! use faasm_python::{Error, Runtime, Store};
//!
//! # let home = tempfile::tempdir().unwrap();
//! let store = Store::in_data_home(home.path());
//! assert!(store.current()?.is_none());
//! let missing = store.install_archive("runtime.tar.gz".as_ref(), None, &mut |_| {});
//! assert!(matches!(missing, Err(Error::Io { .. })));
//! # Ok::<(), Error>(())
//! ```
//!
//! Runtimes come from elsewhere, so nothing in an archive or a manifest is believed
//! before it was checked: names, sizes and hashes. Files of an installed runtime are
//! replaced by renaming and never rewritten, since a server may have them mapped.
#![forbid(unsafe_code)]

mod archive;
mod build;
mod digest;
mod error;
mod find;
mod manifest;
mod pack;
mod runtime;
mod sources;
mod stage;
mod store;

pub use digest::{InvalidSha256, Sha256};
pub use error::Error;
pub use find::{Search, data_home};
pub use manifest::Part;
pub use pack::Packed;
pub use runtime::Runtime;
pub use store::{Installed, Outcome, Store};
