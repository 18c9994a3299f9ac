//! What is where in the database.

use faasm_database::Schema;
use faasm_model::CallSummary;
use redb::{ReadableTable, Table, TableDefinition, TableError, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::Fault;

/// Counters by name.
pub(super) const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
/// A [`Row`] for every call.
pub(super) const ROWS: TableDefinition<u64, &[u8]> = TableDefinition::new("rows");
/// How often each call that has not ended was begun.
pub(super) const ATTEMPTS: TableDefinition<u64, u32> = TableDefinition::new("attempts");
/// `Invocation`s of calls that have not ended, in chunks.
pub(super) const INVOCATIONS: TableDefinition<ChunkKey, &[u8]> =
    TableDefinition::new("invocations");
/// `FinishedCall`s, in chunks.
pub(super) const RESULTS: TableDefinition<ChunkKey, &[u8]> = TableDefinition::new("results");
/// Ended calls by the time of their end.
pub(super) const ENDED: TableDefinition<(u64, u64), ()> = TableDefinition::new("ended");
/// Calls by user.
pub(super) const BY_USER: TableDefinition<(&str, u64), ()> = TableDefinition::new("by_user");
/// The call and the hash of its request, by user and idempotency key.
pub(super) const KEYS: TableDefinition<(&str, &str), (u64, [u8; 32])> =
    TableDefinition::new("keys");

/// The next id to hand out, in [`META`].
pub(super) const NEXT_ID: &str = "next_id";

/// A call's id and the number of the chunk.
pub(super) type ChunkKey = (u64, u32);

/// Values a little below a power of two fit the pages of the database; those of 64 KiB
/// take twice their size.
pub(super) const CHUNK_BYTES: usize = 65_280;

/// Memory that is asked for at once to read a record: enough for 32 MiB.
const MOST_RESERVED_CHUNKS: usize = 514;

/// What is kept of a call outside its large records.
#[derive(Serialize, Deserialize)]
pub(super) struct Row {
    pub summary: CallSummary,
    pub idempotency_key: Option<String>,
}

/// All tables, open in one write transaction.
pub(super) struct Tables<'txn> {
    pub meta: Table<'txn, &'static str, u64>,
    pub rows: Table<'txn, u64, &'static [u8]>,
    pub attempts: Table<'txn, u64, u32>,
    pub invocations: Table<'txn, ChunkKey, &'static [u8]>,
    pub results: Table<'txn, ChunkKey, &'static [u8]>,
    pub ended: Table<'txn, (u64, u64), ()>,
    pub by_user: Table<'txn, (&'static str, u64), ()>,
    pub keys: Table<'txn, (&'static str, &'static str), (u64, [u8; 32])>,
}

/// The database of the call log.
pub(super) struct Calls;

impl Schema for Calls {
    type Tables<'txn> = Tables<'txn>;

    const NAME: &'static str = "the call log";
    const FILE_NAME: &'static str = "calls.redb";
    /// The hot pages are the few of the newest calls.
    const CACHE_BYTES: usize = 32 << 20;
    /// For the results of what was accepted before. Free pages inside the file are left to
    /// those too.
    const SPARE_BYTES: u64 = 1 << 20;

    fn open(txn: &WriteTransaction) -> Result<Tables<'_>, TableError> {
        Ok(Tables {
            meta: txn.open_table(META)?,
            rows: txn.open_table(ROWS)?,
            attempts: txn.open_table(ATTEMPTS)?,
            invocations: txn.open_table(INVOCATIONS)?,
            results: txn.open_table(RESULTS)?,
            ended: txn.open_table(ENDED)?,
            by_user: txn.open_table(BY_USER)?,
            keys: txn.open_table(KEYS)?,
        })
    }
}

/// Every chunk of the call `id`.
pub(super) fn chunks_of(id: u64) -> std::ops::RangeInclusive<ChunkKey> {
    (id, 0)..=(id, u32::MAX)
}

/// Writes `bytes` in chunks as the record of the call `id`, which has none.
pub(super) fn put_chunks(
    table: &mut Table<'_, ChunkKey, &'static [u8]>,
    id: u64,
    bytes: &[u8],
) -> Result<(), Fault> {
    for (number, chunk) in (0_u32..).zip(bytes.chunks(CHUNK_BYTES)) {
        table.insert((id, number), chunk)?;
    }
    Ok(())
}

/// Removes the record of the call `id` and returns how many chunks it had.
pub(super) fn remove_chunks(
    table: &mut Table<'_, ChunkKey, &'static [u8]>,
    id: u64,
) -> Result<usize, Fault> {
    let mut removed = 0;
    table.retain_in(chunks_of(id), |_, _| {
        removed += 1;
        false
    })?;
    Ok(removed)
}

/// Puts the record of the call `id` together; `None` when chunks are missing.
pub(super) fn read_chunks(
    table: &impl ReadableTable<ChunkKey, &'static [u8]>,
    id: u64,
) -> Result<Option<Vec<u8>>, Fault> {
    let last = table.range(chunks_of(id))?.next_back().transpose()?;
    let chunks = last.map_or(0, |(key, _)| key.value().1 as usize + 1);
    // The number is not to be trusted with all of the memory.
    let mut bytes = Vec::with_capacity(chunks.min(MOST_RESERVED_CHUNKS) * CHUNK_BYTES);
    for (expected, chunk) in (0_u32..).zip(table.range(chunks_of(id))?) {
        let (key, value) = chunk?;
        if key.value().1 != expected {
            return Ok(None);
        }
        bytes.extend_from_slice(value.value());
    }
    Ok((!bytes.is_empty()).then_some(bytes))
}
