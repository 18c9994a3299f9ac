//! Worlds whose ranks are in several processes.

use std::ops::Range;
use std::sync::Arc;

/// Which ranks of a world are in which part of it. A part is what one process runs: ranks that
/// follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The first rank after each part.
    ends: Arc<[u32]>,
}

impl Placement {
    /// Parts of so many ranks each, in their order. Nothing if there is none, if one has no rank, or
    /// if they are more than can be counted.
    #[must_use]
    pub fn new(sizes: &[u32]) -> Option<Self> {
        let mut end = 0_u32;
        let ends: Option<Arc<[u32]>> = sizes
            .iter()
            .map(|size| {
                end = end.checked_add(*size).filter(|_| *size > 0)?;
                Some(end)
            })
            .collect();
        let ends = ends.filter(|ends| !ends.is_empty())?;
        Some(Self { ends })
    }

    /// All ranks in one part.
    pub(crate) fn whole(size: u32) -> Self {
        Self {
            ends: [size.max(1)].into(),
        }
    }

    /// How many parts there are.
    #[must_use]
    pub fn parts(&self) -> usize {
        self.ends.len()
    }

    /// How many ranks the world has.
    #[must_use]
    pub fn size(&self) -> u32 {
        self.ends.last().copied().unwrap_or(0)
    }

    /// The ranks of a part; none if there is no such part.
    #[must_use]
    pub fn ranks(&self, part: usize) -> Range<u32> {
        let Some(end) = self.ends.get(part) else {
            return 0..0;
        };
        let first = part.checked_sub(1).and_then(|before| self.ends.get(before));
        first.copied().unwrap_or(0)..*end
    }

    /// The part that a rank is in.
    #[must_use]
    pub fn part_of(&self, rank: u32) -> usize {
        self.ends.partition_point(|end| *end <= rank)
    }
}

/// Brings messages to the other parts of a world.
pub trait Link: Send + Sync + 'static {
    /// Sends a message to another part: to its [`World::receive`](crate::World::receive), after all
    /// that were sent to it before. It does not wait: what is on the way at once is bounded by the
    /// world. Whoever finds out that a part or a message is lost [ends](crate::World::abort) the
    /// world.
    fn send(&self, part: usize, message: Vec<u8>);
}

/// One part of a world that has several.
#[derive(Clone)]
pub struct Part {
    /// Where all ranks are.
    pub placement: Placement,
    /// Which part this is.
    pub own: usize,
    /// What brings messages to the others.
    pub link: Arc<dyn Link>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_in_parts_one_after_the_other() {
        let placement = Placement::new(&[3, 1, 4]).unwrap();
        assert_eq!((placement.size(), placement.parts()), (8, 3));
        assert_eq!(
            [0, 1, 2, 3].map(|part| placement.ranks(part)),
            [0..3, 3..4, 4..8, 0..0]
        );
        let parts: Vec<usize> = (0..8).map(|rank| placement.part_of(rank)).collect();
        assert_eq!(parts, [0, 0, 0, 1, 2, 2, 2, 2]);
        for bad in [&[][..], &[0], &[2, 0], &[u32::MAX, 1]] {
            assert_eq!(Placement::new(bad), None);
        }
    }
}
