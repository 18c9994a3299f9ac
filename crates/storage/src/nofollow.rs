//! Files below a directory that are reached without following a link.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, Mode, OFlags};

/// An open directory.
pub(crate) struct Dir(OwnedFd);

/// A file that is removed again unless it gets a name.
pub(crate) struct Temporary<'a> {
    dir: &'a Dir,
    name: String,
}

impl Dir {
    /// Opens `path`, which must not be a link.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::open(path, flags, Mode::empty())?))
    }

    /// Opens a regular file for reading.
    pub(crate) fn open_file(&self, name: &str) -> io::Result<File> {
        // Not blocking, for a pipe in the file's place would wait for a writer.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = File::from(rustix::fs::openat(&self.0, name, flags, Mode::empty())?);
        match file.metadata()?.is_file() {
            true => Ok(file),
            false => Err(io::Error::other(format!("{name} is not a file"))),
        }
    }

    pub(crate) fn remove_file(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }

    /// Writes `bytes` to a new file with a name of its own.
    pub(crate) fn write_temporary(&self, bytes: &[u8]) -> io::Result<Temporary<'_>> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("tmp-{}-{number}", std::process::id());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.0, &name, flags, Mode::RUSR | Mode::WUSR)?;
        let temporary = Temporary { dir: self, name };
        File::from(file).write_all(bytes)?;
        Ok(temporary)
    }
}

impl Temporary<'_> {
    /// Puts the file in the place of `name` at once.
    pub(crate) fn rename_to(self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(
            &self.dir.0,
            &self.name,
            &self.dir.0,
            name,
        )?)
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        // After a rename there is nothing to remove, and no other file has this name.
        let _ = self.dir.remove_file(&self.name);
    }
}

/// `None` for what does not exist.
pub(crate) fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}
