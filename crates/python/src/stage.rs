//! A runtime that is being put together where nobody looks for one.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::digest::Hashing;
use crate::manifest::{Manifest, Unusable};
use crate::{Error, Part, Runtime};

/// Why it did not come together.
#[derive(Debug)]
pub(crate) enum Fault {
    /// What it is made from does not make one, and why.
    Content(String),
    /// The fault is not that of what it is made from.
    Other(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl Fault {
    /// A part that breaks off or cannot be read.
    pub(crate) fn unreadable(name: &str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Content(format!("its {name} cannot be read: {error}"))
    }
}

/// The directory, and what of the runtime is in it.
pub(crate) struct Stage {
    dir: PathBuf,
    manifest: Manifest,
    missing: Vec<Part>,
}

impl Stage {
    /// Begins in an empty directory with the manifest, which says what else may come.
    /// `whose` it is stands in an error.
    pub(crate) fn begin(dir: &Path, manifest: impl Read, whose: &str) -> Result<Self, Fault> {
        let manifest = Manifest::read(manifest).map_err(|unusable| match unusable {
            Unusable::OtherInterface(found) => Fault::Other(Error::OtherInterface {
                whose: whose.to_owned(),
                found,
            }),
            unusable => Fault::Content(unusable.to_string()),
        })?;
        let path = dir.join(Runtime::MANIFEST);
        let write = || {
            let mut file = File::create_new(&path)?;
            file.write_all(&manifest.bytes)?;
            file.sync_all()
        };
        write().map_err(Error::io("write", &path))?;
        Ok(Self {
            dir: dir.to_owned(),
            manifest,
            missing: Part::ALL.to_vec(),
        })
    }

    /// Takes a file that is said to have `size` bytes.
    pub(crate) fn add(&mut self, part: Part, size: u64, from: impl Read) -> Result<(), Fault> {
        let name = part.file_name();
        let expected = self.manifest.content(part);
        if size != expected.size {
            let reason = format!(
                "its {name} has {size} bytes, and {} by the manifest",
                expected.size
            );
            return Err(Fault::Content(reason));
        }
        let Some(at) = self.missing.iter().position(|missing| *missing == part) else {
            return Err(Fault::Content(format!("it has two of {name}")));
        };
        let path = self.dir.join(name);
        let mut file = File::create_new(&path).map_err(Error::io("write", &path))?;
        // One byte more shows a source that does not end where it said.
        let mut from = Hashing::new(from.take(size.saturating_add(1)));
        let mut buffer = vec![0; 256 << 10];
        loop {
            let n = from.read(&mut buffer).map_err(Fault::unreadable(name))?;
            let Some(piece @ [_, ..]) = buffer.get(..n) else {
                break;
            };
            file.write_all(piece).map_err(Error::io("write", &path))?;
        }
        if from.finish().1 != expected.sha256 {
            let reason = format!("its {name} has not the hash that the manifest says");
            return Err(Fault::Content(reason));
        }
        file.sync_all().map_err(Error::io("save", &path))?;
        self.missing.remove(at);
        Ok(())
    }

    /// The complete runtime's manifest, once all is on disk.
    pub(crate) fn finish(self) -> Result<Manifest, Fault> {
        if let Some(part) = self.missing.first() {
            return Err(Fault::Content(format!("it has no {}", part.file_name())));
        }
        sync_dir(&self.dir)?;
        Ok(self.manifest)
    }

    /// Makes a copy of the runtime in the directory `from`.
    pub(crate) fn copy(dir: &Path, from: &Path) -> Result<Manifest, Fault> {
        let open = |name: &str| {
            let path = from.join(name);
            let file = File::open(path).map_err(Fault::unreadable(name))?;
            let size = file.metadata().map_err(Fault::unreadable(name))?.len();
            Ok::<_, Fault>((file, size))
        };
        let (manifest, _) = open(Runtime::MANIFEST)?;
        let whose = format!("the Python runtime in {from:?}");
        let mut stage = Self::begin(dir, manifest, &whose)?;
        for part in Part::ALL {
            let (file, size) = open(part.file_name())?;
            stage.add(part, size, file)?;
        }
        stage.finish()
    }
}

/// Makes what was done to a directory's entries last.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), Error> {
    let sync = || fs::File::open(dir)?.sync_all();
    sync().map_err(Error::io("save", dir))
}
