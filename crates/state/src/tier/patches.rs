//! Patches that were looked at before anything is done with them.

use super::{
    CHUNK_BYTES, Error, MAX_PATCH_BYTES, MAX_PATCH_CHUNKS, MAX_VALUE_BYTES, Patch, Result,
};

/// Patches of one operation, sorted: they do not overlap, lie in the largest value there
/// may be, and keep the limits.
#[derive(Debug)]
pub struct Patches {
    sorted: Vec<Patch>,
    end: u64,
}

/// A part of a patch inside one chunk.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The number of the chunk.
    pub chunk: u32,
    /// Where the bytes begin in the chunk.
    pub start: usize,
    /// The bytes.
    pub bytes: &'a [u8],
}

impl Patches {
    /// Checks `patches`, whoever sent them.
    ///
    /// # Errors
    /// [`Error::TooLarge`]; [`Error::Overlap`].
    pub fn new(mut patches: Vec<Patch>) -> Result<Self> {
        let (mut bytes, mut end) = (0_u64, 0);
        for patch in &patches {
            let length = patch.bytes.len() as u64;
            bytes = bytes.saturating_add(length);
            end = patch.offset.saturating_add(length).max(end);
        }
        at_most("the bytes of all patches together", bytes, MAX_PATCH_BYTES)?;
        at_most("the end of a patch", end, MAX_VALUE_BYTES)?;
        patches.retain(|patch| !patch.bytes.is_empty());
        patches.sort_unstable_by_key(|patch| patch.offset);
        for pair in patches.windows(2) {
            if pair[1].offset < pair[0].offset + pair[0].bytes.len() as u64 {
                return Err(Error::Overlap(pair[1].offset));
            }
        }
        let checked = Self {
            sorted: patches,
            end,
        };
        let touched = checked.chunk_numbers().count() as u64 * CHUNK_BYTES;
        let most = MAX_PATCH_CHUNKS * CHUNK_BYTES;
        at_most("the chunks that the patches touch", touched, most)?;
        Ok(checked)
    }

    /// Checks that all of them lie in a value of `size` bytes.
    ///
    /// # Errors
    /// [`Error::TooLarge`].
    pub fn within(&self, size: u64) -> Result<()> {
        at_most("the end of a patch", self.end, size)
    }

    /// About how much is written when they are applied to a value of `size` bytes.
    pub fn cost(&self, size: u64) -> usize {
        let size = size.max(self.end);
        let chunk = |number: u64| CHUNK_BYTES.min(size - number * CHUNK_BYTES);
        self.chunk_numbers().map(chunk).sum::<u64>() as usize
    }

    /// What is to be written, in ascending order.
    pub fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        self.sorted.iter().flat_map(|patch| {
            let first = patch.offset % CHUNK_BYTES;
            let (head, rest) = patch
                .bytes
                .split_at_checked((CHUNK_BYTES - first) as usize)
                .unwrap_or((&patch.bytes, &[]));
            let parts = std::iter::once(head).chain(rest.chunks(CHUNK_BYTES as usize));
            // A value has far fewer chunks than fit: its end was checked.
            let numbers = (patch.offset / CHUNK_BYTES) as u32..;
            numbers
                .zip(parts)
                .enumerate()
                .map(move |(i, (chunk, bytes))| Piece {
                    chunk,
                    start: if i == 0 { first as usize } else { 0 },
                    bytes,
                })
        })
    }

    /// The chunks that are touched, each once.
    fn chunk_numbers(&self) -> impl Iterator<Item = u64> {
        let mut next = 0;
        self.sorted.iter().flat_map(move |patch| {
            let last = (patch.offset + patch.bytes.len() as u64 - 1) / CHUNK_BYTES;
            let numbers = (patch.offset / CHUNK_BYTES).max(next)..last + 1;
            next = last + 1;
            numbers
        })
    }
}

/// Checks a size in bytes.
///
/// # Errors
/// [`Error::TooLarge`].
pub fn at_most(what: &'static str, size: u64, limit: u64) -> Result<()> {
    match size <= limit {
        true => Ok(()),
        false => Err(Error::TooLarge { what, size, limit }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(offset: u64, length: u64) -> Patch {
        let bytes = vec![1; length as usize].into();
        Patch { offset, bytes }
    }

    #[test]
    fn patches_are_cut_at_the_ends_of_chunks() {
        let patches = vec![
            patch(3 * CHUNK_BYTES, 0),
            patch(CHUNK_BYTES - 2, CHUNK_BYTES + 5),
            patch(1, 2),
        ];
        let patches = Patches::new(patches).unwrap();
        let pieces: Vec<_> = patches
            .pieces()
            .map(|p| (p.chunk, p.start, p.bytes.len()))
            .collect();
        let chunk = CHUNK_BYTES as usize;
        assert_eq!(
            pieces,
            [(0, 1, 2), (0, chunk - 2, 2), (1, 0, chunk), (2, 0, 3)]
        );
        assert_eq!(patches.cost(0), 2 * chunk + chunk.min(3 * chunk));
        assert_eq!(patches.within(3 * CHUNK_BYTES), Ok(()));
        assert!(patches.within(3 * CHUNK_BYTES - 1).is_err());
    }

    #[test]
    fn hostile_patches_are_refused() {
        let overlap = Patches::new(vec![patch(10, 5), patch(0, 11)]).unwrap_err();
        assert_eq!(overlap, Error::Overlap(10));
        for outside in [
            patch(u64::MAX, 1),
            patch(u64::MAX, 0),
            patch(MAX_VALUE_BYTES, 1),
        ] {
            let error = Patches::new(vec![outside]).unwrap_err();
            assert!(matches!(error, Error::TooLarge { .. }), "{error}");
        }
        assert!(Patches::new(vec![patch(0, MAX_PATCH_BYTES), patch(MAX_PATCH_BYTES, 1)]).is_err());
        let scattered = (0..=MAX_PATCH_CHUNKS).map(|n| patch(n * CHUNK_BYTES, 1));
        assert!(Patches::new(scattered.clone().collect()).is_err());
        assert!(Patches::new(scattered.skip(1).collect()).is_ok());
    }
}
