//! Where faasm keeps what must outlive a call: functions, shared files, bodies on
//! their way in, and a cache of compiled code.
//!
//! [`Storage`] opens a data directory that a [`DataDirLock`] reserves for this process.
//! In it are
//!
//! | path | what |
//! |---|---|
//! | `lock` | names the server that uses the directory |
//! | `objects/functions/{user}/{function}.json` | a [`FunctionRecord`]: writing it is an upload's commit |
//! | `objects/code/{hash}.wasm` | code, once however many functions have it |
//! | `objects/files/{hash of the path}.json` | a [`FileRecord`], in the same way, or that a directory was made |
//! | `objects/content/{hash}` | shared files' bytes, once however many files have them |
//! | `objects/storage.json` | what tells the storage from others |
//! | `objects/clock` | nothing: when it was put is the present time where the objects are |
//! | `objects/artifacts/{engine}/` | compiled code and images that other servers have put here |
//! | `spool/` | bodies that are being received; emptied at start. On the file system of `objects/`: they are moved there, not copied |
//! | `cache/code/{engine}/{hash}.cwasm`, `.image` and their kin, each with `.mac` | compiled code, images, and the proof that they are ours |
//! | `keys/artifact.key` | the key of those proofs |
//! | `cache/objects/{folder}/{hash}` | content of a storage that is elsewhere, what was used last, up to a limit |
//!
//! `objects/` may instead be a bucket or another server's ([`Location`]), shared by several
//! servers. Each [refreshes](Storage::refresh_all) what others have changed, and
//! [announces](Storage::announce_to) what it changes. What nothing refers to any more goes at once
//! from a data directory; a [`Collector`] finds the rest.
//!
//! What is under `objects/` is durable when the method that wrote it returns: files and
//! directory entries are synced. Nothing here knows what the bytes mean. What all storages do is in
//! one suite, `conformance`, behind a feature of that name.
//!
//! ```
//! use bytes::Bytes;
//! use faasm_model::{FunctionName, SharedPath};
//! use faasm_storage::{DataDirLock, Storage};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let temp = tempfile::tempdir()?;
//! # let data_dir = temp.path();
//! let storage = Storage::open(DataDirLock::acquire(data_dir, "an example")?).await?;
//!
//! let mut body = storage.spool().create(1 << 20);
//! body.write(Bytes::from_static(b"\0asm\x01\0\0\0")).await?;
//! let body = body.finish().await?;
//!
//! let name = FunctionName::new("demo", "empty")?;
//! let record = storage.functions().put(name.clone(), body, None).await?;
//! assert_eq!(storage.functions().get(&name).as_ref(), Some(&record));
//! assert_eq!(storage.functions().code(&record).await?.len(), 8);
//!
//! let mut body = storage.spool().create(1 << 20);
//! body.write(Bytes::from_static(b"words")).await?;
//! let path = SharedPath::new("/data/text")?;
//! storage.files().put(path.clone(), body.finish().await?).await?;
//! let file = storage.files().open(&path)?;
//! let mut bytes = [0; 5];
//! assert_eq!(file.read_at(&mut bytes, 0)?, 5);
//! assert_eq!(&bytes, b"words");
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod announce;
mod artifact_key;
mod artifacts;
mod cache;
mod collect;
mod compat;
#[cfg(feature = "conformance")]
pub mod conformance;
mod dirs;
mod error;
mod files;
mod functions;
mod identity;
mod keyed_locks;
mod lock;
mod nofollow;
mod objects;
mod options;
mod page;
mod records;
mod shared_artifacts;
mod spool;
mod storage;
mod visitors;

pub use announce::{Announce, Changed};
pub use artifacts::{ArtifactKind, Artifacts};
pub use collect::{Collected, Collector};
pub use compat::Compat;
pub use error::{Error, Result};
pub use files::{Entry, FileRecord, Files, FilesOptions, Metadata, OpenFile, Usage};
pub use functions::{FunctionRecord, Functions, Initialised};
pub use lock::DataDirLock;
pub use objects::{InvalidLocation, Location, MODIFIED_HEADER, NO_OBJECT_HEADER, S3Settings};
pub use options::{StorageOptions, access_token};
pub use page::Page;
pub use records::ByteStream;
pub use spool::{Spool, SpoolWriter, SpooledFile};
pub use storage::Storage;
pub use visitors::{Lent, ObjectInfo, ObjectKey, ObjectKind};
