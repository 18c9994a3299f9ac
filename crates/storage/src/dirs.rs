//! Directories whose entries survive power loss.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;

use crate::{Error, Result};

/// Creates `dir` and what is missing above it, each entry on disk before the return.
pub(crate) fn create_durably(dir: &Path) -> Result<()> {
    match fs::create_dir(dir) {
        Ok(()) => {}
        Err(e) if e.kind() == ErrorKind::AlreadyExists && dir.is_dir() => {
            // A killed process may have created it and not synced, but then it could.
            return sync_parent(dir).or_else(ignore_denied);
        }
        Err(e) if e.kind() == ErrorKind::NotFound => {
            let parent = dir.parent().filter(|p| !p.as_os_str().is_empty());
            let Some(parent) = parent else {
                return Err(Error::io("create directory", dir)(e));
            };
            create_durably(parent)?;
            fs::create_dir(dir).map_err(Error::io("create directory", dir))?;
        }
        Err(e) => return Err(Error::io("create directory", dir)(e)),
    }
    sync_parent(dir)
}

/// Makes the entries of `dir` durable: what was created in it and what was removed.
pub(crate) fn sync(dir: &Path) -> Result<()> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(Error::io("sync directory", dir))
}

fn sync_parent(path: &Path) -> Result<()> {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => sync(Path::new(".")),
        Some(parent) => sync(parent),
        None => Ok(()),
    }
}

/// A directory that somebody else made may be in one that we cannot read.
fn ignore_denied(error: Error) -> Result<()> {
    match error {
        Error::Io { source, .. } if source.kind() == ErrorKind::PermissionDenied => Ok(()),
        other => Err(other),
    }
}

/// Removes everything in `dir` for whose file name `unwanted` holds. Links are removed,
/// not followed; the directory itself stays, so it may be a mount point.
pub(crate) fn clean(dir: &Path, unwanted: impl Fn(&str) -> bool) -> Result<()> {
    for entry in fs::read_dir(dir).map_err(Error::io("list", dir))? {
        let entry = entry.map_err(Error::io("list", dir))?;
        if !unwanted(&entry.file_name().to_string_lossy()) {
            continue;
        }
        let path = entry.path();
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let removed = match is_dir {
            true => fs::remove_dir_all(&path),
            false => fs::remove_file(&path),
        };
        removed.map_err(Error::io("remove", &path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_directories_are_created_and_creating_them_again_is_fine() {
        let temp = tempfile::tempdir().unwrap();
        let deep = temp.path().join("a/b/c");
        create_durably(&deep).unwrap();
        create_durably(&deep).unwrap();
        assert!(deep.is_dir());
    }

    #[test]
    fn a_file_in_the_way_of_a_directory_is_an_error() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("x");
        fs::write(&path, "").unwrap();
        assert!(create_durably(&path).is_err());
    }

    #[test]
    fn cleaning_does_not_follow_links() {
        let temp = tempfile::tempdir().unwrap();
        let (kept, cleaned) = (temp.path().join("kept"), temp.path().join("cleaned"));
        create_durably(&kept).unwrap();
        create_durably(&cleaned).unwrap();
        fs::write(kept.join("file"), "").unwrap();
        std::os::unix::fs::symlink(&kept, cleaned.join("link")).unwrap();
        clean(&cleaned, |_| true).unwrap();
        assert!(kept.join("file").exists());
        assert_eq!(fs::read_dir(&cleaned).unwrap().count(), 0);
    }
}
