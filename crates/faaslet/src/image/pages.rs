//! The linear memory as an image sees it: the pages that are not all zeros.

use wasmtime::Store;

use super::bare::Segment;
use super::{Image, PAGE, WASM_PAGE};
use crate::faaslet::Faaslet;
use crate::stop::Stop;

/// Bytes of memory between two looks at the initialiser's deadline: a fraction of a millisecond.
const PIECE: usize = 4 << 20;

/// The memory at some moment.
#[derive(PartialEq)]
pub(super) struct Fingerprint {
    /// Pages of 64 KiB.
    pages: u64,
    content: blake3::Hash,
}

/// Puts a module's data into its memory.
pub(super) fn fill(store: &mut Store<Faaslet>, segments: &[Segment]) -> wasmtime::Result<()> {
    let memory = store.data().memory;
    for Segment { offset, bytes } in segments {
        let fits = memory.and_then(|memory| {
            let start = *offset as usize;
            let range = start..start.checked_add(bytes.len())?;
            memory.data_mut(&mut *store).get_mut(range)
        });
        fits.ok_or(wasmtime::Trap::MemoryOutOfBounds)?
            .copy_from_slice(bytes);
    }
    Ok(())
}

/// Tells memories apart.
pub(super) fn fingerprint(store: &Store<Faaslet>) -> Result<Fingerprint, Stop> {
    let mut hasher = blake3::Hasher::new();
    for_each_used(store, |offset, page| {
        hasher.update(&offset.to_le_bytes()).update(page);
    })?;
    Ok(Fingerprint {
        pages: count(store),
        content: hasher.finalize(),
    })
}

/// Pages of 64 KiB that the memory has.
pub(super) fn count(store: &Store<Faaslet>) -> u64 {
    memory(store).len() as u64 / WASM_PAGE
}

/// Where pages are not all zeros, by offset and length in bytes.
pub(super) fn runs(store: &Store<Faaslet>) -> Result<Vec<(u64, u64)>, Stop> {
    let mut runs = Vec::new();
    for_each_used(store, |offset, _| add(&mut runs, offset))?;
    Ok(runs)
}

/// Where pages are not as `base` has them, by offset and length in bytes.
pub(super) fn changes(store: &Store<Faaslet>, base: &Image) -> wasmtime::Result<Vec<(u64, u64)>> {
    let mut runs = Vec::new();
    let mut before = vec![0; PIECE];
    let mut offset = 0;
    for piece in memory(store).chunks(PIECE) {
        store.data().check()?;
        let before = &mut before[..piece.len()];
        base.read_at(before, offset)?;
        let pages = before
            .chunks(PAGE as usize)
            .zip(piece.chunks(PAGE as usize));
        for (before, after) in pages {
            if before != after {
                add(&mut runs, offset);
            }
            offset += PAGE;
        }
    }
    Ok(runs)
}

fn add(runs: &mut Vec<(u64, u64)>, offset: u64) {
    match runs.last_mut() {
        Some((start, length)) if *start + *length == offset => *length += PAGE,
        _ => runs.push((offset, PAGE)),
    }
}

/// The bytes of all `runs` of the memory.
pub(super) fn copy(store: &Store<Faaslet>, runs: &[(u64, u64)]) -> Result<Vec<u8>, Stop> {
    let memory = memory(store);
    let total: u64 = runs.iter().map(|(_, length)| length).sum();
    let mut bytes = Vec::with_capacity(total as usize);
    for (offset, length) in runs {
        for piece in memory[*offset as usize..(offset + length) as usize].chunks(PIECE) {
            store.data().check()?;
            bytes.extend_from_slice(piece);
        }
    }
    Ok(bytes)
}

/// Shows `see` every page that is not all zeros, and where it is, within the initialiser's time.
fn for_each_used(store: &Store<Faaslet>, mut see: impl FnMut(u64, &[u8])) -> Result<(), Stop> {
    let mut offset = 0;
    for piece in memory(store).chunks(PIECE) {
        store.data().check()?;
        for page in piece.chunks(PAGE as usize) {
            if !is_zero(page) {
                see(offset, page);
            }
            offset += PAGE;
        }
    }
    Ok(())
}

/// Whether a page, whose length is a multiple of 8, is all zeros.
fn is_zero(page: &[u8]) -> bool {
    let (words, _) = page.as_chunks();
    let or = |all, word: &[u8; 8]| all | u64::from_ne_bytes(*word);
    words.iter().fold(0, or) == 0
}

fn memory(store: &Store<Faaslet>) -> &[u8] {
    let memory = store.data().memory;
    memory.map_or(&[][..], |memory| memory.data(store))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_bit_anywhere_makes_a_page_one_to_keep() {
        let mut page = vec![0; PAGE as usize];
        assert!(is_zero(&page));
        for at in [0, 7, 8, 2_049, PAGE as usize - 1] {
            page[at] = 0x80;
            assert!(!is_zero(&page), "{at}");
            page[at] = 0;
        }
    }
}
