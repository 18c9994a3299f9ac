//! What has changed between two copies of some bytes.

use std::ops::Range;

use bytes::Bytes;

use crate::tier::Patch;

/// Changes are found by aligned words of so many bytes: workers that change different
/// words of a value do not undo each other's changes.
const WORD: usize = 8;

/// What turns `old` into `new`, which both begin at `offset`. What `old` lacks at its end
/// is zeros.
pub(super) fn changes(offset: u64, old: &[u8], new: &Bytes) -> Vec<Patch> {
    let differs = |word: usize| {
        let range = word * WORD..((word + 1) * WORD).min(new.len());
        let new = &new[range.clone()];
        let there = old.get(range.start..).unwrap_or_default();
        let (known, beyond) = new.split_at(there.len().min(new.len()));
        known != &there[..known.len()] || beyond.iter().any(|&byte| byte != 0)
    };
    if old == new.as_ref() {
        return Vec::new();
    }
    let runs = runs(new.len().div_ceil(WORD), differs);
    let bytes = runs.map(|words| words.start * WORD..(words.end * WORD).min(new.len()));
    bytes.map(|range| patch(offset, new, range)).collect()
}

/// The parts of `patches` where `mask`, which begins at `offset`, is not 0.
pub(super) fn within_mask(patches: Vec<Patch>, mask: &[u8], offset: u64) -> Vec<Patch> {
    let mut within = Vec::new();
    for whole in patches {
        let first = (whole.offset - offset) as usize;
        let marked = |byte: usize| mask.get(first + byte).is_some_and(|&m| m != 0);
        let runs = runs(whole.bytes.len(), marked);
        within.extend(runs.map(|range| patch(whole.offset, &whole.bytes, range)));
    }
    within
}

fn patch(offset: u64, bytes: &Bytes, range: Range<usize>) -> Patch {
    Patch {
        offset: offset + range.start as u64,
        bytes: bytes.slice(range),
    }
}

/// The runs of numbers below `count` for which `holds`.
fn runs(count: usize, holds: impl Fn(usize) -> bool) -> impl Iterator<Item = Range<usize>> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let start = (next..count).find(|&i| holds(i))?;
        let end = (start..count).find(|&i| !holds(i)).unwrap_or(count);
        next = end;
        Some(start..end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(old: &[u8], offset: u64, patches: &[Patch]) -> Vec<u8> {
        let mut bytes = old.to_vec();
        for patch in patches {
            let start = (patch.offset - offset) as usize;
            bytes[start..start + patch.bytes.len()].copy_from_slice(&patch.bytes);
        }
        bytes
    }

    #[test]
    fn changes_turn_the_old_bytes_into_the_new_ones_and_touch_only_changed_words() {
        let old = vec![7; 1003];
        let mut new = old.clone();
        for changed in [0, 8, 9, 500, 1002] {
            new[changed] = 1;
        }
        let new = Bytes::from(new);
        let patches = changes(100, &old, &new);
        assert_eq!(apply(&old, 100, &patches), new);
        let lengths: Vec<_> = patches.iter().map(|p| p.bytes.len()).collect();
        assert_eq!(lengths, [16, 8, 3]);
        assert!(changes(100, &new, &new).is_empty());
    }

    #[test]
    fn what_the_old_bytes_lack_was_zeros() {
        let new = Bytes::from_static(b"abc\0\0\0\0\0\0\0\0x");
        assert_eq!(changes(0, b"abc", &new).len(), 1);
        assert_eq!(changes(0, b"abc", &new)[0].offset, 8);
        assert!(changes(0, b"", &Bytes::from_static(&[0; 9])).is_empty());
    }

    #[test]
    fn a_mask_keeps_exactly_the_marked_bytes() {
        let new = Bytes::from_static(b"abcdefgh");
        let patches = changes(8, &[0; 8], &new);
        let kept = within_mask(patches, &[0, 1, 1, 0, 0, 0, 0, 9], 8);
        assert_eq!(apply(&[0; 8], 8, &kept), b"\0bc\0\0\0\0h");
    }
}
