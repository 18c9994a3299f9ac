//! Names of state values.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Name;

/// The name of a state value among its user's: 1 to 512 bytes of UTF-8 without control
/// characters and `/`.
///
/// Cheap to clone. The rule makes a key safe as one segment of a path.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key(Arc<str>);

/// Why a string is not a [`Key`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a state key is 1 to 512 bytes of printable UTF-8 without / and control characters; {0}")]
pub struct InvalidKey(String);

impl Key {
    /// Longest key, in bytes.
    pub const MAX_LEN: usize = 512;

    /// Checks `text` against the rule of keys.
    pub fn new(text: &str) -> Result<Self, InvalidKey> {
        if text.is_empty() {
            return Err(InvalidKey("this one is empty".into()));
        }
        if text.len() > Self::MAX_LEN {
            return Err(InvalidKey(format!("this one has {} bytes", text.len())));
        }
        let forbidden = |c: char| c == '/' || c.is_control();
        if let Some(bad) = text.chars().find(|&c| forbidden(c)) {
            return Err(InvalidKey(format!("this one contains {bad:?}")));
        }
        Ok(Self(text.into()))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Key {
    type Error = InvalidKey;
    fn try_from(text: String) -> Result<Self, InvalidKey> {
        Self::new(&text)
    }
}

impl std::str::FromStr for Key {
    type Err = InvalidKey;
    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        Self::new(text)
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.0.as_ref().to_owned()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A state value's full name: the user who owns it (the tenant) and its key there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StateKey {
    /// The owner.
    pub user: Name,
    /// The key among the owner's values.
    pub key: Key,
}

impl fmt::Display for StateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.user, self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_printable_text_of_one_segment() {
        for good in ["a", "my key: ä", "..", "a.b-c_d", &"x".repeat(512)] {
            assert!(Key::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a/b",
            "a\nb",
            "\0",
            "\u{7f}",
            "a\u{85}b",
            &"x".repeat(513),
        ] {
            let error = Key::new(bad).unwrap_err().to_string();
            assert!(error.contains("1 to 512 bytes"), "{bad}: {error}");
        }
    }
}
