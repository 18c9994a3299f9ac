//! Paths as keys of a sorted map.
//!
//! A key is a path with NUL in the place of `/`. No path contains a control character, so
//! keys sort as [`SharedPath`]s do, all that is below a directory is together, and there
//! is room for a key right behind it.

use faasm_model::SharedPath;

pub(super) const SEPARATOR: char = '\0';

/// Sorts behind [`SEPARATOR`] and before all that a name may contain.
const BEHIND: char = '\u{1}';

/// The key of `path`.
pub(super) fn of(path: &SharedPath) -> String {
    path.as_str().replace('/', "\0")
}

/// What all keys of what is below `directory` begin with.
pub(super) fn prefix(directory: Option<&SharedPath>) -> String {
    directory.map_or_else(String::new, |path| below(&of(path)))
}

/// The [`prefix`] of the directory with this key.
pub(super) fn below(key: &str) -> String {
    format!("{key}{SEPARATOR}")
}

/// Sorts behind the entry `name` of the directory with this prefix and all that is below
/// it, and before the directory's next entry. No entry has the characters that are special
/// here; what begins like one and goes on with them sorts as the entry does.
pub(super) fn behind(prefix: &str, name: &str) -> String {
    let entry = name.split([SEPARATOR, BEHIND]).next().unwrap_or(name);
    format!("{prefix}{entry}{BEHIND}")
}

/// The keys of the directories that what has this key is in.
pub(super) fn ancestors(key: &str) -> impl Iterator<Item = &str> {
    key.match_indices(SEPARATOR).map(|(end, _)| &key[..end])
}
