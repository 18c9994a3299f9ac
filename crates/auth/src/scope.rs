//! The kinds of things that a token may be for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a token lets its bearer do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Store, change and delete functions and state.
    Upload,
    /// Call functions, ask how those calls stand, and cancel them.
    Invoke,
    /// Look at functions, state, shared files and calls.
    Read,
    /// Store and delete shared files.
    Files,
    /// Everything: all other scopes, tokens, quotas, and what concerns the server itself.
    Admin,
}

/// The text is not a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scope is one of upload, invoke, read, files and admin")]
pub struct InvalidScope;

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 5] = [
        Self::Upload,
        Self::Invoke,
        Self::Read,
        Self::Files,
        Self::Admin,
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Invoke => "invoke",
            Self::Read => "read",
            Self::Files => "files",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let mut all = Self::ALL.into_iter();
        all.find(|scope| scope.as_str() == text).ok_or(InvalidScope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_one_word_everywhere() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
            let json = serde_json::to_value(scope).unwrap();
            assert_eq!(json, scope.as_str());
        }
        for bad in ["", "Upload", "write", "upload "] {
            assert_eq!(bad.parse::<Scope>(), Err(InvalidScope), "{bad:?}");
        }
    }
}
