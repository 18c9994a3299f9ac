//! The bytes of values, in chunks. Zeros at the end of a chunk are not stored, and a chunk
//! of nothing else is not there at all.

use bytes::Bytes;
use redb::{ReadableTable, Table};

use super::Fault;
use super::seal::{SEAL_BYTES, seal, unseal};
use super::tables::corrupted;
use crate::tier::CHUNK_BYTES;
use crate::tier::patches::{Patches, Piece};

type Chunks<'txn> = Table<'txn, (u64, u32), &'static [u8]>;

/// `length` bytes of a generation from `offset` on.
pub(super) fn read(
    table: &impl ReadableTable<(u64, u32), &'static [u8]>,
    generation: u64,
    offset: u64,
    length: u64,
) -> Result<Bytes, Fault> {
    let mut bytes = vec![0; length as usize];
    let end = offset.saturating_add(length);
    // Behind the last possible chunk there are zeros only.
    let number = |at: u64| u32::try_from(at / CHUNK_BYTES).unwrap_or(u32::MAX);
    if length == 0 {
        return Ok(bytes.into());
    }
    for row in table.range((generation, number(offset))..=(generation, number(end - 1)))? {
        let (key, sealed) = row?;
        let chunk = key.value().1;
        let content = open(generation, chunk, sealed.value())?;
        let start = u64::from(chunk) * CHUNK_BYTES;
        let from = offset.max(start);
        let to = end.min(start + content.len() as u64);
        if from < to {
            bytes[(from - offset) as usize..(to - offset) as usize]
                .copy_from_slice(&content[(from - start) as usize..(to - start) as usize]);
        }
    }
    Ok(bytes.into())
}

/// Applies patches to a generation of which nothing lies behind `size`.
pub(super) fn write(
    table: &mut Chunks<'_>,
    generation: u64,
    size: u64,
    patches: &Patches,
) -> Result<(), Fault> {
    let pieces: Vec<Piece<'_>> = patches.pieces().collect();
    // All are looked at before the first is changed.
    let mut chunks = Vec::new();
    for pieces in pieces.chunk_by(|a, b| a.chunk == b.chunk) {
        let chunk = pieces[0].chunk;
        let size = CHUNK_BYTES.min(size.saturating_sub(u64::from(chunk) * CHUNK_BYTES));
        let written: usize = pieces.iter().map(|piece| piece.bytes.len()).sum();
        let content = match written as u64 >= size {
            true => Vec::new(),
            false => load(table, generation, chunk)?,
        };
        chunks.push((chunk, pieces, content));
    }
    for (chunk, pieces, content) in chunks {
        put(table, generation, chunk, overlay(content, pieces))?;
    }
    Ok(())
}

/// Writes patches into a generation in which nothing is yet.
pub(super) fn write_new(
    table: &mut Chunks<'_>,
    generation: u64,
    patches: &Patches,
) -> Result<(), Fault> {
    let pieces: Vec<Piece<'_>> = patches.pieces().collect();
    for pieces in pieces.chunk_by(|a, b| a.chunk == b.chunk) {
        let content = overlay(Vec::new(), pieces);
        put(table, generation, pieces[0].chunk, content)?;
    }
    Ok(())
}

/// Where the last byte of a generation ends that is not zero.
pub(super) fn extent(
    table: &impl ReadableTable<(u64, u32), &'static [u8]>,
    generation: u64,
) -> Result<u64, Fault> {
    let all = (generation, 0)..=(generation, u32::MAX);
    let Some((key, sealed)) = table.range(all)?.next_back().transpose()? else {
        return Ok(0);
    };
    let content = sealed.value().len().saturating_sub(SEAL_BYTES);
    Ok(u64::from(key.value().1) * CHUNK_BYTES + content as u64)
}

fn overlay(mut content: Vec<u8>, pieces: &[Piece<'_>]) -> Vec<u8> {
    for piece in pieces {
        let end = piece.start + piece.bytes.len();
        if content.len() < end {
            content.reserve_exact(end + SEAL_BYTES - content.len());
            content.resize(end, 0);
        }
        content[piece.start..end].copy_from_slice(piece.bytes);
    }
    content
}

fn load(table: &Chunks<'_>, generation: u64, chunk: u32) -> Result<Vec<u8>, Fault> {
    let Some(sealed) = table.get((generation, chunk))? else {
        return Ok(Vec::new());
    };
    Ok(open(generation, chunk, sealed.value())?.to_vec())
}

fn put(
    table: &mut Chunks<'_>,
    generation: u64,
    chunk: u32,
    mut content: Vec<u8>,
) -> Result<(), Fault> {
    let used = content.iter().rposition(|&byte| byte != 0);
    content.truncate(used.map_or(0, |last| last + 1));
    if content.is_empty() {
        table.remove((generation, chunk))?;
        return Ok(());
    }
    seal(place(generation, chunk), &mut content);
    table.insert((generation, chunk), content.as_slice())?;
    Ok(())
}

/// What is in a row, if it is what was written.
fn open(generation: u64, chunk: u32, sealed: &[u8]) -> Result<&[u8], Fault> {
    unseal(place(generation, chunk), sealed)
        .filter(|content| content.len() as u64 <= CHUNK_BYTES)
        .ok_or_else(|| corrupted(format!("chunk {chunk} of generation {generation}")))
}

fn place(generation: u64, chunk: u32) -> [u64; 3] {
    [generation, 0, chunk.into()]
}
