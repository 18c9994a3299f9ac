//! Places among the shared files, as they are written on the command line.

use std::fmt;
use std::str::FromStr;

use faasm_model::{InvalidPath, SharedPath};

use crate::exit::Usage;

/// A path, or the root, which has none. `data/x`, `/data/x` and `faasm://data/x` are the
/// same; a `/` at the end says that it is a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remote {
    path: Option<SharedPath>,
    slash: bool,
}

impl Remote {
    /// The path; `None` is the root.
    pub fn path(&self) -> Option<&SharedPath> {
        self.path.as_ref()
    }

    /// The path, where it can be that of a file.
    pub fn file(&self) -> Option<&SharedPath> {
        self.path().filter(|_| !self.slash)
    }

    /// The path of the file that `name` becomes if it is put here: a directory takes it
    /// under its own name.
    pub fn place(&self, name: Option<&str>) -> Result<SharedPath, Usage> {
        match (self.file(), name) {
            (Some(path), _) => Ok(path.clone()),
            (None, Some(name)) => self.join(name).map_err(|e| Usage(format!("{name:?}: {e}"))),
            (None, None) => Err(Usage(format!(
                "{self} is a directory: name the file in it, too"
            ))),
        }
    }

    /// The path of what is at `below` in this directory.
    pub fn join(&self, below: &str) -> Result<SharedPath, InvalidPath> {
        match self.path() {
            Some(directory) => SharedPath::new(&format!("{directory}/{below}")),
            None => SharedPath::new(below),
        }
    }
}

impl FromStr for Remote {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        if text.is_empty() {
            // A variable that is not set, rather than the root.
            return Err(InvalidPath::Empty);
        }
        let path = text.strip_prefix("faasm://").unwrap_or(text);
        let path = path.strip_prefix('/').unwrap_or(path);
        if path.is_empty() {
            return Ok(Self {
                path: None,
                slash: true,
            });
        }
        let stem = path.strip_suffix('/').unwrap_or(path);
        // What is left of a first slash would be taken for the root's once more.
        if stem.starts_with('/') {
            return Err(InvalidPath::EmptyName);
        }
        Ok(Self {
            path: Some(SharedPath::new(stem)?),
            slash: stem != path,
        })
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{path}"),
            None => f.write_str("/"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(text: &str) -> Remote {
        text.parse().unwrap()
    }

    #[test]
    fn a_place_is_written_as_functions_write_it() {
        for text in ["data/x", "/data/x", "faasm://data/x", "faasm:///data/x"] {
            let place = remote(text);
            assert_eq!(place.file().unwrap().as_str(), "data/x");
            assert_eq!(place.to_string(), "data/x");
        }
        for root in ["/", "faasm://", "faasm:///"] {
            assert_eq!(remote(root).path(), None);
            assert_eq!(remote(root).to_string(), "/");
        }
        for bad in [
            "", "//x", "a//b", "a//", "..", "a/../b", "./a", "a\nb", "//",
        ] {
            assert!(bad.parse::<Remote>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_directory_takes_a_file_under_its_own_name() {
        for (directory, placed) in [("data/", "data/x"), ("/", "x"), ("data/y", "data/y")] {
            let path = remote(directory).place(Some("x")).unwrap();
            assert_eq!(path.as_str(), placed);
        }
        assert!(remote("data/").place(None).is_err());
        assert!(remote("data/").place(Some("a\nb")).is_err());
    }
}
