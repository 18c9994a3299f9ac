//! Paths and room that changes under way have taken already.

use std::collections::BTreeMap;

use faasm_model::SharedPath;

use super::quota::Usage;
use super::tree::has_below;

/// What will be at paths soon. There is at most one claim of a path at a time: it takes the
/// path's turn.
#[derive(Default)]
pub(super) struct Claims {
    by_key: BTreeMap<String, Claimed>,
    /// The sum of what they will take.
    growth: Usage,
}

struct Claimed {
    path: SharedPath,
    kind: Kind,
    growth: Usage,
}

/// What is going to be at a path.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    /// The file that has this key now.
    Renamed(String),
    Directory,
}

impl Claims {
    /// `key` is that of `path`.
    pub(super) fn add(&mut self, key: String, path: SharedPath, kind: Kind, growth: Usage) {
        self.growth += growth;
        self.by_key.insert(key, Claimed { path, kind, growth });
    }

    /// Ends the claim of what has this key, and returns what is there now, or will not be.
    pub(super) fn end(&mut self, key: &str) -> Option<Kind> {
        let claimed = self.by_key.remove(key)?;
        self.growth -= claimed.growth;
        Some(claimed.kind)
    }

    pub(super) fn growth(&self) -> Usage {
        self.growth
    }

    /// The path with this key if there is going to be a file.
    pub(super) fn file(&self, key: &str) -> Option<&SharedPath> {
        let claimed = self.by_key.get(key)?;
        (claimed.kind != Kind::Directory).then_some(&claimed.path)
    }

    /// Whether there is going to be anything whose key begins with `prefix`.
    pub(super) fn has_below(&self, prefix: &str) -> bool {
        has_below(&self.by_key, prefix)
    }
}
