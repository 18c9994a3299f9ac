//! Names of users and functions.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A user's or a function's name: 1 to 128 of `A-Z a-z 0-9 . _ -`, not `.` or `..`.
///
/// Cheap to clone. The rule makes a name safe as a path segment, a label and a header.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(Arc<str>);

/// Why a string is not a [`Name`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a name is 1 to 128 characters of A-Z a-z 0-9 . _ - and is not . or ..; {0}")]
pub struct InvalidName(String);

impl Name {
    /// Longest name, in bytes.
    pub const MAX_LEN: usize = 128;

    /// Checks `text` against the rule of names.
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        if text.is_empty() {
            return Err(InvalidName("this one is empty".into()));
        }
        if text.len() > Self::MAX_LEN {
            return Err(InvalidName(format!("this one has {} bytes", text.len())));
        }
        if text == "." || text == ".." {
            return Err(InvalidName(format!("this one is {text:?}")));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if let Some(bad) = text.chars().find(|&c| !allowed(c)) {
            return Err(InvalidName(format!("this one contains {bad:?}")));
        }
        Ok(Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        Self::new(&text)
    }
}

impl std::str::FromStr for Name {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        Self::new(text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0.as_ref().to_owned()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A function's full name: the user who owns it (the tenant) and its name there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FunctionName {
    /// The owner.
    pub user: Name,
    /// The name among the owner's functions.
    pub function: Name,
}

impl FunctionName {
    /// Checks both parts.
    pub fn new(user: &str, function: &str) -> Result<Self, InvalidName> {
        Ok(Self {
            user: Name::new(user)?,
            function: Name::new(function)?,
        })
    }
}

impl fmt::Display for FunctionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.user, self.function)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_allowed_characters_are_accepted() {
        for good in ["a", "A-Z_0.9", "...", "-", &"x".repeat(128)] {
            assert!(Name::new(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn everything_else_is_refused_with_the_rule() {
        for bad in [
            "",
            ".",
            "..",
            "a/b",
            "a b",
            "ä",
            "a\0",
            "%2e",
            &"x".repeat(129),
        ] {
            let error = Name::new(bad).unwrap_err().to_string();
            assert!(error.contains("1 to 128 characters"), "{bad}: {error}");
        }
    }

    #[test]
    fn a_name_read_from_json_is_checked_too() {
        assert!(serde_json::from_str::<Name>("\"ok\"").is_ok());
        assert!(serde_json::from_str::<Name>("\"../x\"").is_err());
    }
}
