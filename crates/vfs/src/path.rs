//! Reading a path.

use crate::Errno;
use crate::node::View;

/// The longest path, in bytes, as Linux has it without the final NUL.
const MAX_PATH: usize = 4095;
/// Begins paths in the shared tree.
const SHARED: &str = "faasm://";

/// A path, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Path<'a> {
    /// The root it starts from; `None` if it is relative.
    pub(crate) root: Option<View>,
    /// The names between slashes, `.` and `..` among them, none empty.
    pub(crate) names: Vec<&'a str>,
    /// Whether it ends with a slash, and so can only mean a directory.
    pub(crate) slash: bool,
}

impl<'a> Path<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Errno> {
        if bytes.is_empty() {
            return Err(Errno::Noent);
        }
        if bytes.len() > MAX_PATH {
            return Err(Errno::Nametoolong);
        }
        if bytes.contains(&0) {
            return Err(Errno::Inval);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Errno::Ilseq)?;
        let shared = behind_shared(text);
        let root = match shared {
            Some(_) => Some(View::Shared),
            None => text.starts_with('/').then_some(View::Merged),
        };
        let rest = shared.unwrap_or(text);
        Ok(Self {
            root,
            names: rest.split('/').filter(|name| !name.is_empty()).collect(),
            slash: rest.ends_with('/'),
        })
    }
}

/// What follows the last `faasm://`. It may come behind names: a C library puts the working
/// directory before what does not begin with a slash.
fn behind_shared(text: &str) -> Option<&str> {
    let mut found = text.rmatch_indices(SHARED);
    let (start, _) = found.find(|(start, _)| *start == 0 || text[..*start].ends_with('/'))?;
    Some(&text[start + SHARED.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(
        root: Option<View>,
        names: &[&'static str],
        slash: bool,
    ) -> Result<Path<'static>, Errno> {
        Ok(Path {
            root,
            names: names.to_vec(),
            slash,
        })
    }

    #[test]
    fn a_path_is_its_names_its_root_and_its_last_slash() {
        assert_eq!(
            Path::parse(b"a//b/./.."),
            path(None, &["a", "b", ".", ".."], false)
        );
        assert_eq!(Path::parse(b"/"), path(Some(View::Merged), &[], true));
        assert_eq!(Path::parse(b"/a/"), path(Some(View::Merged), &["a"], true));
    }

    #[test]
    fn faasm_urls_name_the_shared_tree_whatever_directory_comes_before() {
        for text in [
            "faasm://x/y",
            "/faasm://x/y",
            "faasm:///x/y",
            "tmp/faasm://x/y",
            "/faasm://lib/faasm://x/y",
        ] {
            assert_eq!(
                Path::parse(text.as_bytes()),
                path(Some(View::Shared), &["x", "y"], false)
            );
        }
        assert_eq!(
            Path::parse(b"faasm://"),
            path(Some(View::Shared), &[], false)
        );
        assert_eq!(
            Path::parse(b"a/notfaasm://x"),
            path(None, &["a", "notfaasm:", "x"], false)
        );
    }

    #[test]
    fn what_is_no_path_says_why() {
        assert_eq!(Path::parse(b""), Err(Errno::Noent));
        assert_eq!(Path::parse(b"a\0b"), Err(Errno::Inval));
        assert_eq!(Path::parse(b"\xff"), Err(Errno::Ilseq));
        assert_eq!(Path::parse(&[b'/'; 4096]), Err(Errno::Nametoolong));
        assert!(Path::parse(&[b'/'; 4095]).is_ok());
    }
}
