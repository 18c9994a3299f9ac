//! What people call a token.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a token is for, in words: 1 to 100 characters without control characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Label(String);

/// The text is not a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a label is 1 to 100 characters without control characters")]
pub struct InvalidLabel;

impl Label {
    /// The words.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Label {
    type Err = InvalidLabel;

    fn from_str(text: &str) -> Result<Self, InvalidLabel> {
        let is_sane =
            (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        match is_sane {
            true => Ok(Self(text.to_owned())),
            false => Err(InvalidLabel),
        }
    }
}

impl TryFrom<String> for Label {
    type Error = InvalidLabel;

    fn try_from(text: String) -> Result<Self, InvalidLabel> {
        text.parse()
    }
}

impl From<Label> for String {
    fn from(label: Label) -> Self {
        label.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_a_short_line() {
        assert!("CI of the shop, für Zürich".parse::<Label>().is_ok());
        for bad in ["", "a\nb", "\x1b[2J", &"x".repeat(101)] {
            assert_eq!(bad.parse::<Label>(), Err(InvalidLabel), "{bad:?}");
        }
    }
}
