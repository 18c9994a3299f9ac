//! Files that have no name before they are whole.

use std::fs::{File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open};
use tempfile::{Builder, NamedTempFile, TempPath};

/// What a file may be used for, before the process' mask.
const MODE: u32 = 0o666;

/// A file on its way to its place.
pub(crate) enum Part {
    /// It is nowhere, and gone if the process is killed.
    Unnamed { file: File, directory: PathBuf },
    /// It has another name: not every file system has files without.
    Named(TempPath),
}

impl Part {
    /// A file that is going to be at `path`, and the same to be written to. Unless it is
    /// [put there](Self::put), dropping both leaves nothing.
    pub(crate) fn create(path: &Path) -> io::Result<(File, Self)> {
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        if let Ok(file) = open(&directory, flags, Mode::from_raw_mode(MODE)) {
            let file = File::from(file);
            return Ok((file.try_clone()?, Self::Unnamed { file, directory }));
        }
        let mut builder = builder();
        builder.permissions(Permissions::from_mode(MODE));
        let (file, path) = builder.tempfile_in(directory)?.into_parts();
        Ok((file, Self::Named(path)))
    }

    /// Gives the file its place; what is there is replaced.
    pub(crate) fn put(self, path: &Path) -> io::Result<()> {
        let named = match self {
            Self::Named(named) => named,
            Self::Unnamed { file, directory } => {
                // A link replaces nothing, a rename does.
                let linked = builder().make_in(directory, |name| link(&file, name));
                linked.map(NamedTempFile::into_temp_path)?
            }
        };
        named.persist(path).map_err(|error| error.error)
    }
}

fn builder() -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(".faasm-");
    builder
}

/// Gives `file` its first name.
fn link(file: &File, name: &Path) -> io::Result<()> {
    let unnamed = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(linkat(CWD, unnamed, CWD, name, AtFlags::SYMLINK_FOLLOW)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write;

    /// The names in a directory.
    fn names(directory: &Path) -> Vec<std::ffi::OsString> {
        let entries = fs::read_dir(directory).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn a_file_is_in_its_place_once_it_is_whole_and_nothing_is_before() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        for text in ["first", "second"] {
            let before = names(directory.path());
            let (mut file, part) = Part::create(&path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            if matches!(part, Part::Unnamed { .. }) {
                assert_eq!(names(directory.path()), before);
            }
            part.put(&path).unwrap();
            assert_eq!(names(directory.path()), ["x"]);
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        let made = directory.path().join("made");
        fs::write(&made, "").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&path), mode(&made), "as any new file has it");
        drop(Part::create(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "second");
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let error = Part::create(&directory.path().join("no/x")).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
