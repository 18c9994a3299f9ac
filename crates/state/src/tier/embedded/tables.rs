//! What is where in the database.

use std::sync::Arc;

use faasm_database::Schema;
use faasm_model::{Name, StateKey};
use redb::{ReadableTable, StorageError, Table, TableDefinition, TableError, WriteTransaction};

use super::{Fault, Shared, garbage};
use crate::tier::{Error, Generation, MAX_VALUE_BYTES, Meta, Usage, Version};

/// Three numbers by user and key.
pub(super) type OfKey = TableDefinition<'static, (&'static str, &'static str), Numbers>;
pub(super) type Numbers = (u64, u64, u64);

/// The generation, version and size of each value.
pub(super) const VALUES: OfKey = TableDefinition::new("values");
/// The generation, number of elements and size of each list of appended elements.
pub(super) const LISTS: OfKey = TableDefinition::new("lists");
/// Sealed chunks of values, by generation and number. What is missing is zeros.
pub(super) const CHUNKS: TableDefinition<(u64, u32), &[u8]> = TableDefinition::new("chunks");
/// Sealed parts of elements, by generation, index and number.
pub(super) const ELEMENTS: TableDefinition<(u64, u64, u32), &[u8]> =
    TableDefinition::new("elements");
/// Generations that a value or a list has.
pub(super) const LIVE: TableDefinition<u64, ()> = TableDefinition::new("live");
/// All other generations of which something may be left; see [`Loose`].
pub(super) const LOOSE: TableDefinition<u64, u8> = TableDefinition::new("loose");
/// Bytes and keys by user.
pub(super) const USAGE: TableDefinition<&str, (u64, u64)> = TableDefinition::new("usage");
/// Counters by name.
const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

/// The next generation, in [`META`].
const NEXT_GENERATION: &str = "generation";
/// The next version of any key, in [`META`]: so none comes twice for a key that was
/// deleted and set again.
const NEXT_VERSION: &str = "version";

/// What a generation is that no value and no list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loose {
    /// It is being written.
    Staged = 1,
    /// It was a value's or a list's; whoever has it pinned reads on.
    Superseded = 2,
    /// Parts of it are gone.
    Dropping = 3,
}

impl Loose {
    /// Reads a row of [`LOOSE`]. A damaged one is never read again.
    pub(super) fn from_row(row: u8) -> Self {
        match row {
            1 => Self::Staged,
            2 => Self::Superseded,
            _ => Self::Dropping,
        }
    }
}

/// The database of the global tier.
pub(super) struct State(pub Arc<Shared>);

/// All tables, open in one write transaction.
pub(super) struct Tables<'txn> {
    pub values: Table<'txn, (&'static str, &'static str), Numbers>,
    pub lists: Table<'txn, (&'static str, &'static str), Numbers>,
    pub chunks: Table<'txn, (u64, u32), &'static [u8]>,
    pub elements: Table<'txn, (u64, u64, u32), &'static [u8]>,
    pub live: Table<'txn, u64, ()>,
    pub loose: Table<'txn, u64, u8>,
    pub usage: Table<'txn, &'static str, (u64, u64)>,
    meta: Table<'txn, &'static str, u64>,
}

impl Schema for State {
    type Tables<'txn> = Tables<'txn>;

    const NAME: &'static str = "the state";
    const FILE_NAME: &'static str = "state.redb";
    /// The index of some gigabytes, and the chunks that are patched again and again.
    const CACHE_BYTES: usize = 32 << 20;
    /// For deleting what is there.
    const SPARE_BYTES: u64 = 2 << 20;

    fn open(txn: &WriteTransaction) -> Result<Tables<'_>, TableError> {
        Ok(Tables {
            values: txn.open_table(VALUES)?,
            lists: txn.open_table(LISTS)?,
            chunks: txn.open_table(CHUNKS)?,
            elements: txn.open_table(ELEMENTS)?,
            live: txn.open_table(LIVE)?,
            loose: txn.open_table(LOOSE)?,
            usage: txn.open_table(USAGE)?,
            meta: txn.open_table(META)?,
        })
    }

    fn has_chores(&self) -> bool {
        self.0.pins.has_garbage()
    }

    fn chore(&self, tables: &mut Tables<'_>) -> Result<bool, StorageError> {
        garbage::drop_some(tables, &self.0.pins)
    }
}

impl Tables<'_> {
    /// A number for a new generation. Writes the counter only.
    pub(super) fn next_generation(&mut self) -> Result<u64, Fault> {
        let generation = self.next(NEXT_GENERATION)?;
        if self.live.get(generation)?.is_some() || self.loose.get(generation)?.is_some() {
            return Err(corrupted(format!("generation {generation} exists already")));
        }
        Ok(generation)
    }

    pub(super) fn next_version(&mut self) -> Result<u64, Fault> {
        self.next(NEXT_VERSION)
    }

    fn next(&mut self, counter: &str) -> Result<u64, Fault> {
        let number = self.meta.get(counter)?.map_or(1, |next| next.value());
        let Some(next) = number.checked_add(1) else {
            return Err(corrupted(format!("the counter {counter} is at its end")));
        };
        self.meta.insert(counter, next)?;
        Ok(number)
    }

    /// Leaves a generation that a value or a list had to those who have it pinned.
    pub(super) fn loosen(&mut self, generation: u64, shared: &Shared) -> Result<(), Fault> {
        self.live.remove(generation)?;
        self.loose.insert(generation, Loose::Superseded as u8)?;
        shared.pins.suspect(generation);
        Ok(())
    }

    /// Whether the key has anything.
    pub(super) fn is_known(&self, key: &StateKey) -> Result<bool, Fault> {
        let row = row_key(key);
        Ok(self.values.get(row)?.is_some() || self.lists.get(row)?.is_some())
    }
}

/// A key as the tables have it.
pub(super) fn row_key(key: &StateKey) -> (&str, &str) {
    (key.user.as_str(), key.key.as_str())
}

/// Reads a row of [`VALUES`].
pub(super) fn meta((generation, version, size): Numbers) -> Result<Meta, Fault> {
    if size > MAX_VALUE_BYTES {
        return Err(corrupted(format!("a value of {size} bytes")));
    }
    Ok(Meta {
        generation: Generation(generation),
        version: Version(version),
        size,
    })
}

/// What a user has.
pub(super) fn usage_of(
    table: &impl ReadableTable<&'static str, (u64, u64)>,
    user: &Name,
) -> Result<Usage, Fault> {
    let row = table.get(user.as_str())?;
    let (bytes, keys) = row.map_or((0, 0), |row| row.value());
    Ok(Usage { bytes, keys })
}

pub(super) fn corrupted(what: String) -> Fault {
    Fault::Refused(Error::Corrupted(what))
}
