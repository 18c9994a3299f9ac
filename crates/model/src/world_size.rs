//! How many ranks an MPI world has.

use serde::{Deserialize, Serialize};

/// The number of ranks of an MPI world: 1 to [`MAX`](Self::MAX).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct WorldSize(u32);

/// Why a number is not a [`WorldSize`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an MPI world has 1 to {max} ranks, not {0}", max = WorldSize::MAX)]
pub struct InvalidWorldSize(u32);

impl WorldSize {
    /// Most ranks of a world.
    pub const MAX: u32 = 256;

    /// The world of a rank that is alone.
    pub const ONE: Self = Self(1);

    /// What a call gets that asks for a world without saying how large.
    pub const DEFAULT: Self = Self(5);

    /// Checks that there can be a world of `ranks`.
    ///
    /// # Errors
    /// If there are none, or too many.
    pub fn new(ranks: u32) -> Result<Self, InvalidWorldSize> {
        match ranks {
            1..=Self::MAX => Ok(Self(ranks)),
            _ => Err(InvalidWorldSize(ranks)),
        }
    }

    /// The number of ranks.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for WorldSize {
    type Error = InvalidWorldSize;
    fn try_from(ranks: u32) -> Result<Self, InvalidWorldSize> {
        Self::new(ranks)
    }
}

impl From<WorldSize> for u32 {
    fn from(size: WorldSize) -> Self {
        size.0
    }
}

impl std::str::FromStr for WorldSize {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let ranks: u32 = text.parse().map_err(|error| format!("{error}"))?;
        Self::new(ranks).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worlds_have_1_to_256_ranks() {
        for good in [1, 5, 256] {
            assert_eq!(WorldSize::new(good).map(WorldSize::get), Ok(good));
        }
        for bad in [0, 257, u32::MAX] {
            assert_eq!(WorldSize::new(bad), Err(InvalidWorldSize(bad)));
            assert!(serde_json::from_str::<WorldSize>(&bad.to_string()).is_err());
        }
        assert!("eight".parse::<WorldSize>().is_err());
    }
}
