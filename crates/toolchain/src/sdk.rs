//! The SDK, carried inside the program: an installed binary has no source tree.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use faasm_model::ContentHash;

use crate::Error;

macro_rules! sdk_files {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../../sdk/c/", $path)))),*]
    };
}

/// Paths below the SDK's directory, and what is in them.
const FILES: &[(&str, &str)] = sdk_files![
    "include/faasm/compat.h",
    "include/faasm/core.h",
    "include/faasm/faasm.h",
    "include/faasm/host_interface.h",
    "include/faasm/input.h",
    "include/faasm/mpi_types.h",
    "include/faasm/state.h",
    "include/faasm/state.hpp",
    "include/mpi.h",
    "include/unistd.h",
    "src/libfaasm.c",
    "src/mpi.c",
    "src/start.c",
    "src/state.c",
];

/// Where a program starts: all that one cannot be linked without.
pub(crate) const START: &str = include_str!("../../../sdk/c/src/start.c");

/// All of MPI that there is.
pub(crate) const MPI_HEADER: &str = include_str!("../../../sdk/c/include/mpi.h");

/// What only programs with MPI are linked with.
const MPI_SOURCE: &str = "src/mpi.c";

/// The SDK unpacked in a directory.
#[derive(Debug)]
pub(crate) struct Sdk {
    dir: PathBuf,
}

impl Sdk {
    /// Unpacks the SDK into `cache`, where diagnostics can point to it, or into
    /// `fallback` if the cache cannot be used.
    pub(crate) fn unpack(cache: Option<&Path>, fallback: &Path) -> Result<Self, Error> {
        if let Some(dir) = cache.and_then(|cache| unpack_into_cache(cache).ok()) {
            return Ok(Self { dir });
        }
        let dir = fallback.join("sdk");
        write_files(&dir).map_err(Error::io("unpack the SDK into", &dir))?;
        Ok(Self { dir })
    }

    pub(crate) fn include_dir(&self) -> PathBuf {
        self.dir.join("include")
    }

    /// The C files that belong to every program, and to every one `with_mpi`.
    pub(crate) fn sources(&self, with_mpi: bool) -> Vec<PathBuf> {
        let sources = FILES.iter().map(|(path, _)| *path);
        let sources = sources.filter(|path| path.starts_with("src/"));
        sources
            .filter(|path| with_mpi || *path != MPI_SOURCE)
            .map(|path| self.dir.join(path))
            .collect()
    }
}

/// `cache/sdk-<hash>`, complete: made elsewhere and renamed, so that another process
/// never sees half of it.
fn unpack_into_cache(cache: &Path) -> io::Result<PathBuf> {
    let dir = cache.join(format!("sdk-{}", hash()));
    if is_intact(&dir) {
        return Ok(dir);
    }
    fs::create_dir_all(cache)?;
    let new = tempfile::Builder::new().prefix(".sdk-").tempdir_in(cache)?;
    let complete = new.path().join("sdk");
    write_files(&complete)?;
    // Fails if someone else was faster, or if something broken is in the way.
    match fs::rename(&complete, &dir) {
        Err(_) if is_intact(&dir) => Ok(dir),
        renamed => renamed.map(|()| dir),
    }
}

fn hash() -> ContentHash {
    let mut all = Vec::new();
    for (path, text) in FILES {
        for part in [path, text] {
            all.extend_from_slice(&part.len().to_le_bytes());
            all.extend_from_slice(part.as_bytes());
        }
    }
    ContentHash::of(&all)
}

fn is_intact(dir: &Path) -> bool {
    FILES
        .iter()
        .all(|(path, text)| fs::read(dir.join(path)).is_ok_and(|is| is == text.as_bytes()))
}

fn write_files(dir: &Path) -> io::Result<()> {
    for (path, text) in FILES {
        let path = dir.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpacking_twice_gives_the_same_directory() {
        let cache = tempfile::tempdir().unwrap();
        let first = unpack_into_cache(cache.path()).unwrap();
        assert_eq!(unpack_into_cache(cache.path()).unwrap(), first);
        assert!(first.join("include/faasm/faasm.h").is_file());
        let left: Vec<_> = fs::read_dir(cache.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn a_changed_copy_in_the_cache_is_not_used() {
        let cache = tempfile::tempdir().unwrap();
        let dir = unpack_into_cache(cache.path()).unwrap();
        fs::write(dir.join("src/start.c"), "int changed;").unwrap();
        assert!(unpack_into_cache(cache.path()).is_err());
    }

    #[test]
    fn every_file_of_the_sdk_is_carried() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdk/c");
        for dir in ["include/faasm", "include", "src"] {
            for entry in fs::read_dir(root.join(dir)).unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_dir() {
                    continue;
                }
                let path = format!("{dir}/{}", entry.file_name().to_str().unwrap());
                assert!(
                    FILES.iter().any(|(p, _)| *p == path),
                    "{path} is not listed"
                );
            }
        }
    }
}
