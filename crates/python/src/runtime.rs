//! One runtime in its directory.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use faasm_model::ContentHash;

use crate::manifest::{Manifest, Unusable};
use crate::{Error, Part};

/// A Python runtime on disk, whose files are there in the sizes that they should have.
#[derive(Clone, Debug)]
pub struct Runtime {
    dir: PathBuf,
    manifest: Manifest,
}

impl Runtime {
    /// The name of the file that says what the others have to be.
    pub const MANIFEST: &str = "manifest.json";

    /// Opens the runtime in `dir`. This is cheap: contents are not looked at, as
    /// [`Runtime::verify`] does.
    ///
    /// Links are followed now, so that the runtime stays the same when another one
    /// becomes the current one.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let bad = |reason: String| Error::BadRuntime {
            path: dir.to_owned(),
            reason,
        };
        let real = dir.canonicalize().map_err(|error| bad(error.to_string()))?;
        let path = real.join(Self::MANIFEST);
        let manifest = File::open(&path).map_err(Unusable::Read);
        let manifest = match manifest.and_then(Manifest::read) {
            Ok(manifest) => manifest,
            Err(Unusable::OtherInterface(found)) => {
                let whose = format!("the Python runtime in {dir:?}");
                return Err(Error::OtherInterface { whose, found });
            }
            Err(unusable) => return Err(bad(unusable.to_string())),
        };
        let runtime = Self {
            dir: real,
            manifest,
        };
        for part in Part::ALL {
            let path = runtime.path(part);
            let meta = fs::metadata(&path).map_err(|error| bad(format!("{path:?}: {error}")))?;
            if !meta.is_file() || meta.len() != runtime.size(part) {
                return Err(Error::Damaged(path));
            }
        }
        Ok(runtime)
    }

    /// Checks the content of each file; this reads all of them.
    pub fn verify(&self) -> Result<(), Error> {
        for part in Part::ALL {
            let path = self.path(part);
            if !self.manifest.content(part).is_in(&path)? {
                return Err(Error::Damaged(path));
            }
        }
        Ok(())
    }

    /// 16 hexadecimal digits that stand for exactly this runtime.
    pub fn id(&self) -> &str {
        &self.manifest.id
    }

    /// What it is: `cpython`.
    pub fn name(&self) -> &str {
        &self.manifest.name
    }

    /// Which version: `3.13.5`.
    pub fn version(&self) -> &str {
        &self.manifest.version
    }

    /// Hash of the sources that it was built from, if they are known.
    pub fn source(&self) -> Option<ContentHash> {
        self.manifest.source
    }

    /// The directory, without symbolic links.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The interpreter.
    pub fn wasm(&self) -> PathBuf {
        self.path(Part::Wasm)
    }

    /// The standard library, a zip file whose entries are not compressed.
    pub fn library(&self) -> PathBuf {
        self.path(Part::Library)
    }

    /// Where a server keeps what it makes of this runtime. It need not be there, and may
    /// be a place that cannot be written to.
    pub fn cache_dir(&self) -> PathBuf {
        self.dir.join("cache")
    }

    /// Where a file of the runtime is.
    pub fn path(&self, part: Part) -> PathBuf {
        self.dir.join(part.file_name())
    }

    /// The size of a file of the runtime, in bytes.
    pub fn size(&self, part: Part) -> u64 {
        self.manifest.content(part).size
    }

    pub(crate) fn manifest(&self) -> &Manifest {
        &self.manifest
    }
}
