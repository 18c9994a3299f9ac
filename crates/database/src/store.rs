//! The handle of a database.

use std::path::Path;
use std::sync::Arc;

use redb::ReadTransaction;

use crate::file::DatabaseFile;
use crate::reader::Reader;
pub use crate::writer::Waker;
use crate::writer::Writer;
use crate::{Error, Fault, Schema};

/// An open database.
///
/// Dropping it finishes what is queued and closes the file, which blocks shortly;
/// [`close`](Self::close) does the same without blocking.
pub struct Store<S: Schema> {
    file: Arc<DatabaseFile<S>>,
    reader: Reader<S>,
    writer: Writer<S>,
}

impl<S: Schema> Store<S> {
    /// Opens the database in the directory `dir`; makes both where they do not exist.
    ///
    /// After a crash this checks the whole file, which takes as long as reading it.
    ///
    /// # Errors
    /// [`Error::InUse`] when another store has the file open; [`Error::NoSpace`];
    /// [`Error::Storage`].
    pub fn open(dir: &Path, schema: S) -> Result<Self, Error> {
        let file = Arc::new(DatabaseFile::open(dir)?);
        Ok(Self {
            reader: Reader::new(Arc::clone(&file)),
            writer: Writer::start(Arc::clone(&file), schema)?,
            file,
        })
    }

    /// Has `change` made and committed, together with others. It checks everything first
    /// and writes afterwards: when it is refused, the others are committed all the same.
    /// `bytes` is about what it writes.
    ///
    /// # Errors
    /// The one with which `change` was refused; [`Error::NoSpace`], [`Error::Storage`];
    /// [`Error::Closed`].
    pub async fn write<T, E, F>(&self, bytes: usize, change: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnMut(&mut S::Tables<'_>) -> Result<T, Fault<E>> + Send + 'static,
    {
        self.writer.write(bytes, change).await
    }

    /// Runs `look` on one committed state of the database, off the async runtime. It may
    /// run twice, when the file had to be opened again.
    ///
    /// # Errors
    /// The one with which `look` ended; [`Error::Storage`]; [`Error::Closed`].
    pub async fn read<T, E, F>(&self, look: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: Fn(&ReadTransaction) -> Result<T, Fault<E>> + Send + Sync + 'static,
    {
        // The writer opens the file again before it does anything else.
        let repair = self.writer.write(0, |_| Ok(()));
        self.reader.read(look, repair).await
    }

    /// Waits until every write that was asked for before is committed, or has failed.
    /// Makes no commit itself.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn settled(&self) -> Result<(), Error> {
        self.writer.settled().await
    }

    /// Whether new data of `bytes` may come in. It never fills the disk to the brim: what
    /// makes room again needs some too, and each failed commit costs a check of the whole
    /// file.
    pub fn has_room_for(&self, bytes: usize) -> bool {
        // A large value is written once, its neighbours' pages and the index around it too.
        let needed = S::SPARE_BYTES.saturating_add((bytes as u64).saturating_mul(2));
        self.file.free_bytes().is_none_or(|free| free >= needed)
    }

    /// How many durable commits there were since the file was opened. Not a number of
    /// writes: many share a commit.
    pub fn commits(&self) -> u64 {
        self.writer.commits()
    }

    /// Makes the writing thread look for chores.
    pub fn waker(&self) -> Waker<S> {
        self.writer.waker()
    }

    /// Finishes what was asked for before and lets go of the file.
    pub async fn close(&self) {
        self.writer.close().await;
    }
}
