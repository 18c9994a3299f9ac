//! The secret that the servers of a cluster share.

use std::fmt;
use std::str::FromStr;

/// What the secret itself is hashed for, so that no text of any length is kept.
const CONTEXT: &str = "faasm 2026 cluster key";

/// The secret that the servers of a cluster share, and nobody else has. It is used for
/// nothing itself: each use has a [key of its own](Self::derive).
///
/// ```
/// use faasm_model::ClusterKey;
///
/// let key: ClusterKey = "no more than an example of 32 or more".parse()?;
/// assert_ne!(key.derive("one thing"), key.derive("another"));
/// assert!("too short".parse::<ClusterKey>().is_err());
/// # Ok::<(), faasm_model::InvalidClusterKey>(())
/// ```
#[derive(Clone)]
pub struct ClusterKey([u8; 32]);

/// The text is too short for a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a cluster key has at least {} characters; `openssl rand -hex 32` makes one",
    ClusterKey::MIN_CHARS
)]
pub struct InvalidClusterKey;

impl ClusterKey {
    /// Fewest characters of the text.
    pub const MIN_CHARS: usize = 32;

    /// The key for one purpose. Who knows it learns nothing of the secret, nor of the keys for
    /// other purposes.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        blake3::derive_key(purpose, &self.0)
    }
}

impl FromStr for ClusterKey {
    type Err = InvalidClusterKey;

    /// White space around the text does not count: keys come from files.
    fn from_str(text: &str) -> Result<Self, InvalidClusterKey> {
        let text = text.trim();
        match text.chars().count() >= Self::MIN_CHARS {
            true => Ok(Self(blake3::derive_key(CONTEXT, text.as_bytes()))),
            false => Err(InvalidClusterKey),
        }
    }
}

impl fmt::Debug for ClusterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClusterKey(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn the_same_text_gives_the_same_keys_on_every_server() {
        let [one, other] = [TEXT, &format!(" {TEXT}\n")].map(|text| text.parse::<ClusterKey>());
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_eq!(one.derive("a"), other.derive("a"));
        assert_ne!(one.derive("a"), one.derive("b"));
    }

    #[test]
    fn a_short_text_is_refused_and_no_text_is_shown() {
        assert!(TEXT[1..].parse::<ClusterKey>().is_err());
        let shown = format!("{:?}", TEXT.parse::<ClusterKey>().unwrap());
        assert!(!shown.contains("0123"), "{shown}");
    }
}
