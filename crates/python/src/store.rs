//! The directory of installed runtimes.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::archive::Archive;
use crate::find::data_home;
use crate::manifest::Manifest;
use crate::stage::{Fault, Stage, sync_dir};
use crate::{Error, Part, Runtime, Sha256};

/// Where a runtime is put together. Whoever has the lock owns what is there.
const NEW: &str = ".new";
/// Where a runtime goes before it is removed file by file.
const OLD: &str = ".old";
/// Where the next `current` is made.
const NEXT: &str = ".next";
const LOCK: &str = ".lock";

/// Installed runtimes: a directory for each, and a symbolic link to the current one.
///
/// Any number of processes may use a store at a time. What changes it takes turns; what
/// was interrupted leaves the store as it was, and is cleared away by the next change.
#[derive(Clone, Debug)]
pub struct Store {
    dir: PathBuf,
}

/// A runtime that is installed and the current one now.
#[derive(Clone, Debug)]
pub struct Installed {
    /// The runtime.
    pub runtime: Runtime,
    /// What it took.
    pub outcome: Outcome,
}

/// What installing came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was not there before.
    Added,
    /// It was there, and each of its files was as it has to be.
    Kept,
    /// It was there, and some of its files were damaged.
    Repaired,
}

impl Store {
    /// The link to the runtime that is used.
    pub(crate) const CURRENT: &str = "current";

    /// That of the user: see [`data_home`].
    pub fn of_user() -> Result<Self, Error> {
        Ok(Self::in_data_home(&data_home()?))
    }

    /// That below a directory with data of faasm.
    pub fn in_data_home(home: &Path) -> Self {
        Self {
            dir: home.join("python"),
        }
    }

    /// Where the runtimes' directories are.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Installs the runtime in an archive: a file as [`Runtime::pack`] writes it. It must
    /// have the checksum `sha256`, or the one in `<archive>.sha256` if that is there.
    ///
    /// `say` is told what takes time.
    pub fn install_archive(
        &self,
        archive: &Path,
        sha256: Option<Sha256>,
        say: &mut dyn FnMut(&str),
    ) -> Result<Installed, Error> {
        let archive = Archive::open(archive, sha256)?;
        self.install(say, |dir| archive.unpack(dir))
    }

    /// Installs the runtime in an archive that comes from somewhere else: as an error
    /// calls it, from `name`.
    pub fn install_stream(
        &self,
        name: &str,
        bytes: impl Read,
        sha256: Option<Sha256>,
        say: &mut dyn FnMut(&str),
    ) -> Result<Installed, Error> {
        let name = name.into();
        let archive = Archive {
            name,
            bytes,
            sha256,
        };
        self.install(say, |dir| archive.unpack(dir))
    }

    /// Installs a copy of the runtime in a directory.
    pub fn install_dir(&self, from: &Path, say: &mut dyn FnMut(&str)) -> Result<Installed, Error> {
        self.install(say, |dir| {
            Stage::copy(dir, from).map_err(|fault| match fault {
                Fault::Content(reason) => Error::BadRuntime {
                    path: from.to_owned(),
                    reason,
                },
                Fault::Other(error) => error,
            })
        })
    }

    /// The names of the installed runtimes' directories, sorted. They may be damaged.
    pub fn names(&self) -> Result<Vec<String>, Error> {
        let entries = match fs::read_dir(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(Error::io("list", &self.dir))?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(Error::io("list", &self.dir))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // `current` is a link, and so no directory.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) && !name.starts_with('.') {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Removes the runtime with this id, or whose directory has this name. If it was the
    /// current one, there is none then.
    pub fn remove(&self, id: &str) -> Result<PathBuf, Error> {
        let names = self.names()?;
        let found = names.iter().find(|name| *name == id || id_of(name) == id);
        let Some(name) = found else {
            return Err(Error::UnknownId {
                id: id.to_owned(),
                there: names,
            });
        };
        let _lock = self.lock(&mut |_| {})?;
        let (link, dir) = (self.dir.join(Self::CURRENT), self.dir.join(name));
        if fs::read_link(&link).is_ok_and(|current| current == Path::new(name)) {
            fs::remove_file(&link).map_err(Error::io("remove", &link))?;
        }
        // Half of a runtime never has its name.
        let old = self.dir.join(OLD);
        fs::rename(&dir, &old).map_err(Error::io("remove", &dir))?;
        remove_all(&old)?;
        Ok(dir)
    }

    /// Installs what `make` puts into an empty directory.
    fn install(
        &self,
        say: &mut dyn FnMut(&str),
        make: impl FnOnce(&Path) -> Result<Manifest, Error>,
    ) -> Result<Installed, Error> {
        fs::create_dir_all(&self.dir).map_err(Error::io("make", &self.dir))?;
        let _lock = self.lock(say)?;
        let new = self.dir.join(NEW);
        fs::create_dir(&new).map_err(Error::io("make", &new))?;
        let placed = make(&new).and_then(|manifest| self.place(&new, &manifest));
        remove_all(&new)?;
        let (runtime, outcome) = placed?;
        self.make_current(&runtime)?;
        Ok(Installed { runtime, outcome })
    }

    /// Moves what is complete to where it belongs.
    fn place(&self, new: &Path, manifest: &Manifest) -> Result<(Runtime, Outcome), Error> {
        let dir = self.dir.join(manifest.directory());
        let outcome = match fs::symlink_metadata(&dir) {
            Ok(meta) if meta.is_dir() => mend(new, &dir, manifest)?,
            Ok(_) => return Err(Error::InTheWay(dir)),
            Err(_) => {
                fs::rename(new, &dir).map_err(Error::io("install", &dir))?;
                Outcome::Added
            }
        };
        sync_dir(&self.dir)?;
        Ok((Runtime::open(&dir)?, outcome))
    }

    fn make_current(&self, runtime: &Runtime) -> Result<(), Error> {
        let name = runtime.manifest().directory();
        let current = self.dir.join(Self::CURRENT);
        match fs::symlink_metadata(&current) {
            Ok(meta) if !meta.is_symlink() => return Err(Error::InTheWay(current)),
            _ if fs::read_link(&current).is_ok_and(|is| is == Path::new(&name)) => return Ok(()),
            _ => {}
        }
        let next = self.dir.join(NEXT);
        symlink(&name, &next).map_err(Error::io("make", &next))?;
        fs::rename(&next, &current).map_err(Error::io("replace", &current))?;
        sync_dir(&self.dir)
    }

    /// Waits for its turn to change the store, and clears away what somebody began who
    /// was killed then.
    fn lock(&self, say: &mut dyn FnMut(&str)) -> Result<File, Error> {
        let lock = lock_file(&self.dir.join(LOCK), || {
            say("waiting for another process that installs a Python runtime");
        })?;
        for left in [NEW, OLD] {
            remove_all(&self.dir.join(left))?;
        }
        let next = self.dir.join(NEXT);
        match fs::remove_file(&next) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io("remove", &next)(error))
            }
            _ => Ok(lock),
        }
    }
}

/// Replaces the files of an installed runtime that are not what they have to be. Each one
/// is whole at any moment, and who has the old one open keeps it.
fn mend(new: &Path, dir: &Path, manifest: &Manifest) -> Result<Outcome, Error> {
    let mut outcome = Outcome::Kept;
    let mut replace = |name: &str| {
        outcome = Outcome::Repaired;
        let path = dir.join(name);
        match fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_dir() => Err(Error::InTheWay(path)),
            _ => fs::rename(new.join(name), &path).map_err(Error::io("replace", &path)),
        }
    };
    for part in Part::ALL {
        let name = part.file_name();
        if !manifest
            .content(part)
            .is_in(&dir.join(name))
            .unwrap_or(false)
        {
            replace(name)?;
        }
    }
    let is = File::open(dir.join(Runtime::MANIFEST)).map(Manifest::read);
    if !is.is_ok_and(|is| is.is_ok_and(|is| is.bytes == manifest.bytes)) {
        replace(Runtime::MANIFEST)?;
    }
    sync_dir(dir)?;
    Ok(outcome)
}

/// Locks a file until it is dropped. If somebody else has it, `wait` is called first.
pub(crate) fn lock_file(path: &Path, wait: impl FnOnce()) -> Result<File, Error> {
    let file = File::create(path).map_err(Error::io("write", path))?;
    if file.try_lock().is_err() {
        wait();
        file.lock().map_err(Error::io("lock", path))?;
    }
    Ok(file)
}

/// Removes a directory, if it is there.
pub(crate) fn remove_all(dir: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("remove", dir)(error))
        }
        _ => Ok(()),
    }
}

/// The last part of a runtime's directory's name.
fn id_of(name: &str) -> &str {
    name.rsplit('-').next().unwrap_or_default()
}
