//! Lists of appended elements. An element is kept in parts, of which the last is shorter
//! than the others or empty: so each shows by itself whether it is whole.

use bytes::Bytes;
use faasm_model::StateKey;
use redb::{ReadTransaction, ReadableTable};

use super::quota::Account;
use super::seal::{seal, unseal};
use super::tables::{ELEMENTS, LISTS, Tables, corrupted, row_key};
use super::{Fault, Shared};
use crate::tier::{CHUNK_BYTES, ELEMENT_OVERHEAD_BYTES, MAX_PATCH_BYTES, Usage};

const PART_BYTES: usize = CHUNK_BYTES as usize;

type Result<T> = std::result::Result<T, Fault>;

pub(super) fn append(
    tables: &mut Tables<'_>,
    shared: &Shared,
    key: &StateKey,
    element: &[u8],
) -> Result<u64> {
    let bytes = element.len() as u64 + ELEMENT_OVERHEAD_BYTES;
    let list = tables.lists.get(row_key(key))?.map(|row| row.value());
    let had = Usage {
        bytes: 0,
        keys: tables.is_known(key)?.into(),
    };
    let has = Usage { bytes, keys: 1 };
    let account = Account::after(tables, &shared.options, &key.user, had, has)?;
    let (generation, index, size) = match list {
        Some(list) => list,
        None => (tables.next_generation()?, 0, 0),
    };
    let Some(count) = index.checked_add(1) else {
        return Err(corrupted(format!("the list of {key}")));
    };

    for (part, content) in (0_u32..).zip(parts(element)) {
        let mut sealed = content.to_vec();
        seal(place(generation, index, part), &mut sealed);
        tables
            .elements
            .insert((generation, index, part), sealed.as_slice())?;
    }
    if list.is_none() {
        tables.live.insert(generation, ())?;
    }
    account.store(tables)?;
    let list = (generation, count, size.saturating_add(bytes));
    tables.lists.insert(row_key(key), list)?;
    Ok(count)
}

pub(super) fn clear(tables: &mut Tables<'_>, shared: &Shared, key: &StateKey) -> Result<()> {
    let Some((generation, _, bytes)) = tables.lists.get(row_key(key))?.map(|row| row.value())
    else {
        return Ok(());
    };
    let kept = tables.values.get(row_key(key))?.is_some();
    let had = Usage { bytes, keys: 1 };
    let has = Usage {
        bytes: 0,
        keys: kept.into(),
    };
    let account = Account::after(tables, &shared.options, &key.user, had, has)?;

    account.store(tables)?;
    tables.lists.remove(row_key(key))?;
    tables.loosen(generation, shared)
}

/// Elements from `first` on: at most `count`, and not much more than [`MAX_PATCH_BYTES`].
pub(super) fn read(
    txn: &ReadTransaction,
    key: &StateKey,
    first: u64,
    count: u64,
) -> Result<Vec<Bytes>> {
    let Some(list) = txn.open_table(LISTS)?.get(row_key(key))? else {
        return Ok(Vec::new());
    };
    let (generation, there, _) = list.value();
    let end = first.saturating_add(count).min(there);
    let table = txn.open_table(ELEMENTS)?;
    let mut elements = Vec::new();
    let mut bytes = 0;
    for index in first..end {
        let element = element(&table, generation, index)?;
        let element = element.ok_or_else(|| corrupted(format!("element {index} of {key}")))?;
        bytes += element.len() as u64 + ELEMENT_OVERHEAD_BYTES;
        if bytes > MAX_PATCH_BYTES && index > first {
            break;
        }
        elements.push(element.into());
    }
    Ok(elements)
}

/// An element; `None` when it is not as it was written.
fn element(
    table: &impl ReadableTable<(u64, u64, u32), &'static [u8]>,
    generation: u64,
    index: u64,
) -> Result<Option<Vec<u8>>> {
    let mut element = Vec::new();
    // More parts than the largest element has are not read.
    for part in 0..=(MAX_PATCH_BYTES / CHUNK_BYTES) as u32 {
        let Some(sealed) = table.get((generation, index, part))? else {
            return Ok(None);
        };
        let Some(content) = unseal(place(generation, index, part), sealed.value()) else {
            return Ok(None);
        };
        element.extend_from_slice(content);
        if content.len() < PART_BYTES {
            return Ok(Some(element));
        }
    }
    Ok(None)
}

fn parts(element: &[u8]) -> impl Iterator<Item = &[u8]> {
    let parts = element.chunks_exact(PART_BYTES);
    let last = parts.remainder();
    parts.chain(std::iter::once(last))
}

fn place(generation: u64, index: u64, part: u32) -> [u64; 3] {
    // One more than 0, which is that of chunks.
    [generation, index.wrapping_add(1), part.into()]
}
