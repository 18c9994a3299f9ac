//! Which paths the entries of an archive may have.

use super::{ArchiveLimits, EntryProblem};
use crate::tree::MAX_NAME;

/// Checks a path, which has no slash at its end.
pub(super) fn check(path: &str, limits: &ArchiveLimits) -> Result<(), EntryProblem> {
    if path.len() > limits.max_path_bytes {
        return Err(EntryProblem::LongPath {
            limit: limits.max_path_bytes,
        });
    }
    if path.starts_with('/') {
        return Err(EntryProblem::Absolute);
    }
    if path.contains('\\') {
        return Err(EntryProblem::Backslash);
    }
    if path.contains(|char: char| char.is_control()) {
        return Err(EntryProblem::Control);
    }
    let mut depth = 0;
    for name in path.split('/') {
        depth += 1;
        match name {
            "" | "." | ".." => return Err(EntryProblem::Dots),
            name if name.len() > MAX_NAME => return Err(EntryProblem::LongName),
            _ => {}
        }
    }
    if depth > limits.max_depth {
        return Err(EntryProblem::Deep {
            limit: limits.max_depth,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leads_elsewhere_or_cannot_be_said_is_refused_for_that() {
        let limits = ArchiveLimits {
            max_path_bytes: 300,
            max_depth: 3,
            ..ArchiveLimits::default()
        };
        let long = "n".repeat(256);
        for (path, problem) in [
            ("/etc/passwd", EntryProblem::Absolute),
            ("/", EntryProblem::Absolute),
            ("", EntryProblem::Dots),
            ("..", EntryProblem::Dots),
            ("a/../b", EntryProblem::Dots),
            ("./a", EntryProblem::Dots),
            ("a//b", EntryProblem::Dots),
            ("a/", EntryProblem::Dots),
            ("a\\b", EntryProblem::Backslash),
            ("a\0b", EntryProblem::Control),
            ("a\nb", EntryProblem::Control),
            (&long, EntryProblem::LongName),
            (&"ab/".repeat(101), EntryProblem::LongPath { limit: 300 }),
            ("a/b/c/d", EntryProblem::Deep { limit: 3 }),
        ] {
            assert_eq!(check(path, &limits), Err(problem), "{path:?}");
        }
        for path in ["a", "a/b/c", "...", "..a/.b", "ü/日本", &long[1..]] {
            assert_eq!(check(path, &limits), Ok(()), "{path:?}");
        }
    }
}
