//! One embedded database file, as the call log and the state keep theirs.
//!
//! A [`Store`] has one thread that writes: it commits together what was asked for while
//! the last commit was under way, so that many writers share one flush of the disk.
//! Readers never wait for it. When the disk fails, the file is opened again, and the store
//! goes on once there is room. What is in the file says a [`Schema`].
//!
//! ```
//! use faasm_database::{Error, Fault, Schema, Store};
//! use redb::{Table, TableDefinition, TableError, WriteTransaction};
//!
//! const HITS: TableDefinition<&str, u64> = TableDefinition::new("hits");
//!
//! struct Hits;
//!
//! impl Schema for Hits {
//!     type Tables<'txn> = Table<'txn, &'static str, u64>;
//!     const NAME: &'static str = "the hits";
//!     const FILE_NAME: &'static str = "hits.redb";
//!     const CACHE_BYTES: usize = 1 << 20;
//!     const SPARE_BYTES: u64 = 1 << 20;
//!     fn open(txn: &WriteTransaction) -> Result<Self::Tables<'_>, TableError> {
//!         txn.open_table(HITS)
//!     }
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! let store = Store::open(dir.path(), Hits)?;
//! store.write(0, |hits| Ok::<_, Fault<Error>>(hits.insert("page", 1).map(|_| ())?)).await?;
//! let hits = store.read(|view| {
//!     let hits = view.open_table(HITS)?.get("page")?.map(|count| count.value());
//!     Ok::<_, Fault<Error>>(hits)
//! });
//! assert_eq!(hits.await?, Some(1));
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod error;
mod fault;
mod file;
mod job;
mod reader;
mod schema;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod writer;

pub use error::Error;
pub use fault::Fault;
pub use schema::Schema;
pub use store::{Store, Waker};
