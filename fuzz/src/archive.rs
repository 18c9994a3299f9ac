//! Zip archives that anybody may have made.

use std::sync::Arc;

use faasm_vfs::{Archive, ArchiveLimits};

use super::common::walk::walk;

const LIMITS: ArchiveLimits = ArchiveLimits {
    max_entries: 40,
    max_bytes: 1 << 16,
    max_path_bytes: 100,
    max_depth: 8,
};

/// Runs an input.
///
/// # Panics
/// If an archive is neither refused nor a tree within the limits.
pub fn run(data: &[u8]) {
    if let Ok(archive) = Archive::unpack(&data, &LIMITS, Vec::new()) {
        check(&archive);
    }
    if let Ok(archive) = Archive::open(Arc::new(data.to_vec()), &LIMITS) {
        check(&archive);
    }
}

fn check(archive: &Archive) {
    let contents = walk(archive, 3);
    assert!(contents.len() <= LIMITS.max_entries);
    let bytes: usize = contents.values().flatten().map(Vec::len).sum();
    assert!(bytes as u64 <= LIMITS.max_bytes);
    for path in contents.keys() {
        assert!(path.len() <= LIMITS.max_path_bytes);
        assert!(path.split('/').count() <= LIMITS.max_depth);
        assert!(!path.split('/').any(|name| matches!(name, "" | "." | "..")));
    }
}
