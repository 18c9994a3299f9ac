//! Where what is made of the runtime is kept: by the form that a build of faasm gives it, so that
//! two builds on a machine do not replace each other's.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use faasm_storage::{Artifacts, Error};

/// Forms that are kept, of those that were used last.
const KEPT: usize = 4;

/// What is kept in `cache` in a form that `form` names, which no other form has for a name.
pub(super) fn open(cache: &Path, form: &str) -> Result<Artifacts, Error> {
    let own = cache.join(form);
    let artifacts = Artifacts::at(&own)?;
    // Another user's cannot be tidied up, and need not be.
    if let Err(error) = mark_used(&own).and_then(|()| remove_old(cache, &own)) {
        tracing::debug!(%error, "the cache of the Python runtime was not tidied up");
    }
    Ok(artifacts)
}

fn mark_used(dir: &Path) -> io::Result<()> {
    File::open(dir)?.set_modified(SystemTime::now())
}

fn remove_old(cache: &Path, own: &Path) -> io::Result<()> {
    let mut others: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in fs::read_dir(cache)? {
        // What another server has just removed.
        let Ok(entry) = entry else { continue };
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        if metadata.is_dir() && entry.path() != own {
            others.push((metadata.modified()?, entry.path()));
        }
    }
    others.sort_unstable_by(|one, other| other.cmp(one));
    // What a server runs of it stays, as it is open.
    for (_, dir) in others.into_iter().skip(KEPT - 1) {
        if let Err(error) = fs::remove_dir_all(&dir) {
            tracing::debug!(dir = %dir.display(), %error, "an old form of Python stays");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_has_a_place_and_those_used_last_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let uses = ["a", "b", "a", "c", "d", "a", "e"];
        for (n, form) in uses.iter().enumerate() {
            drop(open(dir.path(), form).unwrap());
            // As if some time had passed since.
            let used = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(n as u64);
            let place = File::open(dir.path().join(form)).unwrap();
            place.set_modified(used).unwrap();
        }
        let mut kept: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        kept.sort_unstable();
        assert_eq!(kept, ["a", "c", "d", "e"]);
    }
}
