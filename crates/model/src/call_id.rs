//! Ids of calls.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A call's id: positive, unique in a deployment, below 2^53 so that every JSON parser
/// keeps it exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct CallId(NonZeroU64);

/// The text or number is not a call id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a call id is a positive whole number below 2^53")]
pub struct InvalidCallId;

impl CallId {
    /// The least id.
    pub const MIN: Self = Self(NonZeroU64::MIN);

    /// One more than the greatest id.
    pub const END: u64 = 1 << 53;

    /// Checks the range.
    pub fn new(id: u64) -> Result<Self, InvalidCallId> {
        match NonZeroU64::new(id) {
            Some(positive) if id < Self::END => Ok(Self(positive)),
            _ => Err(InvalidCallId),
        }
    }

    /// The number.
    pub fn get(self) -> u64 {
        self.0.get()
    }
}

impl TryFrom<u64> for CallId {
    type Error = InvalidCallId;
    fn try_from(id: u64) -> Result<Self, InvalidCallId> {
        Self::new(id)
    }
}

impl From<CallId> for u64 {
    fn from(id: CallId) -> u64 {
        id.get()
    }
}

impl FromStr for CallId {
    type Err = InvalidCallId;
    fn from_str(text: &str) -> Result<Self, InvalidCallId> {
        // `u64::from_str` also takes "+1", which is not how an id is written.
        if !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(InvalidCallId);
        }
        text.parse().map_err(|_| InvalidCallId).and_then(Self::new)
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_positive_and_exact_in_a_double() {
        assert_eq!(
            "9007199254740991".parse::<CallId>().unwrap().get(),
            (1 << 53) - 1
        );
        for bad in [
            "",
            "0",
            "-1",
            "+1",
            "1.0",
            "9007199254740992",
            "99999999999999999999",
        ] {
            assert!(bad.parse::<CallId>().is_err(), "{bad}");
        }
    }
}
