//! What a database is for.

use redb::{StorageError, TableError, WriteTransaction};

/// Tables of a database, and the work that it does by itself.
pub trait Schema: Send + Sync + 'static {
    /// All tables, open in one write transaction.
    type Tables<'txn>;

    /// What the database is, for the server's log: "the call log".
    const NAME: &'static str;

    /// The file's name in its directory.
    const FILE_NAME: &'static str;

    /// Bytes of pages kept in memory.
    const CACHE_BYTES: usize;

    /// Bytes of the disk left free by writes that [`Store::has_room_for`] is asked about,
    /// for those that are not.
    ///
    /// [`Store::has_room_for`]: crate::Store::has_room_for
    const SPARE_BYTES: u64;

    /// Opens the tables; makes those that are missing.
    ///
    /// # Errors
    /// Those of the database.
    fn open(txn: &WriteTransaction) -> Result<Self::Tables<'_>, TableError>;

    /// Whether [`chore`](Self::chore) has something to do. Asked by the writing thread
    /// before it sleeps, and before each commit.
    fn has_chores(&self) -> bool {
        false
    }

    /// Does a small step of what is to be done beside the writes that were asked for, at
    /// the start of a transaction; `false` when it changed nothing. What it finds in the
    /// tables is committed; what it does may be lost, and is then to be done again.
    ///
    /// # Errors
    /// Those of the database. Until another write has succeeded there are no more chores.
    fn chore(&self, _tables: &mut Self::Tables<'_>) -> Result<bool, StorageError> {
        Ok(false)
    }
}
