//! Who the others are.

use std::fmt;
use std::sync::Arc;

/// The longest id, in bytes.
pub(crate) const MAX_ID: usize = 64;

/// The id of a process: 1 to 64 visible ASCII characters, chosen anew at every start.
///
/// It is an id of the process and not of the machine or its address, so that whoever takes
/// over an address is never mistaken for the one that was there before.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(Arc<str>);

/// A text that is no [`PeerId`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the id of a peer is 1 to 64 visible ASCII characters")]
pub struct InvalidPeerId;

impl PeerId {
    /// Checks an id.
    ///
    /// # Errors
    ///
    /// It is empty, too long, or has other characters.
    pub fn new(id: &str) -> Result<Self, InvalidPeerId> {
        let fits = (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
        if fits {
            Ok(Self(id.into()))
        } else {
            Err(InvalidPeerId)
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Another process, and where it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Who has to answer there.
    pub id: PeerId,
    /// `host:port`.
    pub address: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_short_and_visible() {
        assert!(PeerId::new("worker-7").is_ok());
        assert!(PeerId::new(&"a".repeat(64)).is_ok());
        for bad in ["", "a b", "ä", "a\n", &"a".repeat(65)] {
            assert_eq!(PeerId::new(bad), Err(InvalidPeerId), "{bad:?}");
        }
    }
}
