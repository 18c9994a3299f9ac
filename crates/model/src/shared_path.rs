//! Paths of shared files.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Where a shared file, or a directory of them, is: names with `/` between them, below a
/// root that has no path of its own.
///
/// 1 to 1,024 bytes of UTF-8 without control characters, in names of 1 to 255 bytes that
/// are not `.` or `..`. Cheap to clone. Ordered name by name, so that what is below a
/// directory follows it at once: `a`, `a/x`, `a.txt`.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SharedPath(Arc<str>);

/// Why a string is not a [`SharedPath`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// There is nothing in it.
    #[error("a file's path has at least one name; this one is empty")]
    Empty,
    /// It is too long.
    #[error("a file's path has at most {max} bytes; this one has {0}", max = SharedPath::MAX_LEN)]
    TooLong(usize),
    /// Two slashes in a row, or one at the end.
    #[error("a file's path has a name on both sides of each /, and no / at its end")]
    EmptyName,
    /// One of its names is too long.
    #[error("a name in a file's path has at most {max} bytes; one here has {0}", max = SharedPath::MAX_NAME_LEN)]
    LongName(usize),
    /// A name that would lead elsewhere.
    #[error("a file's path has no . or .. among its names")]
    DotName,
    /// NUL, a line break or the like.
    #[error("a file's path has no control characters; this one contains {0:?}")]
    Control(char),
}

impl SharedPath {
    /// Longest path, in bytes.
    pub const MAX_LEN: usize = 1024;

    /// Longest name in a path, in bytes.
    pub const MAX_NAME_LEN: usize = 255;

    /// Checks `text`, of which one leading `/` does not count: `/a/b` is `a/b`.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn new(text: &str) -> Result<Self, InvalidPath> {
        let path = text.strip_prefix('/').unwrap_or(text);
        if path.is_empty() {
            return Err(InvalidPath::Empty);
        }
        if path.len() > Self::MAX_LEN {
            return Err(InvalidPath::TooLong(path.len()));
        }
        if let Some(control) = path.chars().find(|c| c.is_control()) {
            return Err(InvalidPath::Control(control));
        }
        path.split('/').try_for_each(check_name)?;
        Ok(Self(path.into()))
    }

    /// The path as text, without a leading `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names that it consists of.
    pub fn names(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// The directory that it is in; `None` stands for the root.
    pub fn parent(&self) -> Option<Self> {
        let (parent, _) = self.0.rsplit_once('/')?;
        Some(Self(parent.into()))
    }
}

fn check_name(name: &str) -> Result<(), InvalidPath> {
    match name {
        "" => Err(InvalidPath::EmptyName),
        "." | ".." => Err(InvalidPath::DotName),
        _ if name.len() > SharedPath::MAX_NAME_LEN => Err(InvalidPath::LongName(name.len())),
        _ => Ok(()),
    }
}

impl Ord for SharedPath {
    fn cmp(&self, other: &Self) -> Ordering {
        self.names().cmp(other.names())
    }
}

impl PartialOrd for SharedPath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl TryFrom<String> for SharedPath {
    type Error = InvalidPath;
    fn try_from(text: String) -> Result<Self, InvalidPath> {
        Self::new(&text)
    }
}

impl std::str::FromStr for SharedPath {
    type Err = InvalidPath;
    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        Self::new(text)
    }
}

impl From<SharedPath> for String {
    fn from(path: SharedPath) -> Self {
        path.0.as_ref().to_owned()
    }
}

impl fmt::Display for SharedPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SharedPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> SharedPath {
        SharedPath::new(text).unwrap()
    }

    #[test]
    fn a_leading_slash_is_the_root_and_no_part_of_the_path() {
        assert_eq!(path("/data/x"), path("data/x"));
        assert_eq!(path("/data/x").as_str(), "data/x");
    }

    #[test]
    fn names_may_be_anything_printable() {
        let longest = format!("{0}/{0}/{0}/{0}/x", "n".repeat(255));
        let just_fits = &longest[1..];
        for good in [
            "a", "...", ".hidden", "a..b/ ", "%2e%2e", "C:\\x", "ä/ü?#*", just_fits,
        ] {
            assert_eq!(path(good).as_str(), good);
        }
    }

    #[test]
    fn what_leads_elsewhere_or_cannot_be_a_name_is_refused_with_its_rule() {
        let long_name = format!("a/{}", "n".repeat(256));
        let long_path = "n/".repeat(512) + "x";
        for (bad, rule) in [
            ("", InvalidPath::Empty),
            ("/", InvalidPath::Empty),
            ("//x", InvalidPath::EmptyName),
            ("a//b", InvalidPath::EmptyName),
            ("a/", InvalidPath::EmptyName),
            ("..", InvalidPath::DotName),
            ("/../x", InvalidPath::DotName),
            ("a/./b", InvalidPath::DotName),
            ("a/..", InvalidPath::DotName),
            ("a\0b", InvalidPath::Control('\0')),
            ("a/b\n", InvalidPath::Control('\n')),
            ("\u{85}", InvalidPath::Control('\u{85}')),
            (&long_name, InvalidPath::LongName(256)),
            (&long_path, InvalidPath::TooLong(1025)),
        ] {
            assert_eq!(SharedPath::new(bad), Err(rule), "{bad:?}");
        }
    }

    #[test]
    fn a_path_read_from_json_is_checked_too() {
        assert_eq!(
            serde_json::from_str::<SharedPath>("\"/a\"").unwrap(),
            path("a")
        );
        assert!(serde_json::from_str::<SharedPath>("\"../x\"").is_err());
    }

    #[test]
    fn a_directory_is_followed_by_what_is_in_it() {
        let mut paths = ["a.txt", "b", "a/y", "a", "a/x/z", "a/x"].map(path);
        paths.sort();
        assert_eq!(paths, ["a", "a/x", "a/x/z", "a/y", "a.txt", "b"].map(path));
    }

    #[test]
    fn parents_end_at_the_root() {
        assert_eq!(path("a/b/c").parent(), Some(path("a/b")));
        assert_eq!(path("a").parent(), None);
    }
}
