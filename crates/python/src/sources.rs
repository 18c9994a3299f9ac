//! What the runtime is built from, carried inside the program: an installed binary has no
//! source tree.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use faasm_model::ContentHash;

use crate::Error;
use crate::store::remove_all;

/// Files of a source tree: paths from its root, and what is in them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sources<'a>(pub(crate) &'a [(&'a str, &'a [u8])]);

/// Those of this program. `build.rs` collects them.
pub(crate) const CARRIED: Sources<'static> =
    Sources(include!(concat!(env!("OUT_DIR"), "/sources.rs")));

impl Sources<'_> {
    /// What a runtime's manifest has as its `source`.
    pub(crate) fn hash(&self) -> ContentHash {
        let mut all = Vec::new();
        for (path, content) in self.0 {
            for part in [path.as_bytes(), content] {
                all.extend_from_slice(&part.len().to_le_bytes());
                all.extend_from_slice(part);
            }
        }
        ContentHash::of(&all)
    }

    /// Writes them to `dir`, and nothing else is there then.
    pub(crate) fn unpack(&self, dir: &Path) -> Result<(), Error> {
        remove_all(dir)?;
        for (path, content) in self.0 {
            let path = dir.join(path);
            let mode = if content.starts_with(b"#!") {
                0o755
            } else {
                0o644
            };
            let write = || {
                fs::create_dir_all(path.parent().unwrap_or(dir))?;
                fs::write(&path, content)?;
                fs::set_permissions(&path, Permissions::from_mode(mode))
            };
            write().map_err(Error::io("write", &path))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_before_is_gone_and_scripts_can_be_run() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("sources");
        Sources(&[("a/old", b"")]).unpack(&dir).unwrap();
        let sources = Sources(&[("a/run", b"#!/bin/sh\n"), ("b.c", b"int x;")]);
        sources.unpack(&dir).unwrap();
        assert!(!dir.join("a/old").exists());
        let mode = |name| fs::metadata(dir.join(name)).unwrap().permissions().mode() & 0o111;
        assert_eq!((mode("a/run"), mode("b.c")), (0o111, 0));
        let other = Sources(&[("a/run", b"#!/bin/sh\ni"), ("b.c", b"nt x;")]);
        assert_ne!(sources.hash(), other.hash());
    }

    #[test]
    fn the_program_carries_the_build_and_nothing_that_a_test_or_a_tool_left() {
        let paths: Vec<_> = CARRIED.0.iter().map(|(path, _)| *path).collect();
        assert!(paths.contains(&super::super::build::SCRIPT), "{paths:?}");
        assert!(paths.is_sorted());
        let odd = |path: &&&str| path.contains("__pycache__") || path.contains("/tests/");
        assert_eq!(paths.iter().find(odd), None);
    }
}
