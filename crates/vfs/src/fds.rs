//! Descriptors, and the open files that they and their duplicates share.

use std::fmt;

use crate::listing::Listing;
use crate::node::NodeId;
use crate::slots::Slots;
use crate::{Errno, FdFlags, Filetype, Rights};

/// A file descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fd(pub u32);

impl fmt::Display for Fd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a descriptor is open on. The standard streams are the caller's to read and write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FdKind {
    /// The call's input stream.
    Stdin,
    /// The call's output stream.
    Stdout,
    /// The call's error stream.
    Stderr,
    /// A file of this filesystem.
    File,
    /// A directory of this filesystem.
    Directory,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Stdin,
    Stdout,
    Stderr,
    /// The preopened `/`; it has no node until files are touched.
    Root,
    File(NodeId),
    Directory(NodeId),
}

/// One number of the table. Rights are its own, the rest is the open file's.
#[derive(Clone, Copy)]
pub(crate) struct Descriptor {
    pub(crate) rights: Rights,
    pub(crate) inheriting: Rights,
    /// The number of its open file.
    file: usize,
}

/// What POSIX calls an open file description: duplicates of a descriptor share it.
pub(crate) struct OpenFile {
    pub(crate) target: Target,
    pub(crate) flags: FdFlags,
    /// Where the next read or write starts, in bytes.
    pub(crate) offset: u64,
    /// What `readdir` goes through.
    pub(crate) listing: Option<Listing>,
    descriptors: u32,
}

/// A descriptor and its open file.
pub(crate) struct Opened<'a> {
    pub(crate) descriptor: &'a mut Descriptor,
    pub(crate) file: &'a mut OpenFile,
}

impl Target {
    pub(crate) fn kind(self) -> FdKind {
        match self {
            Target::Stdin => FdKind::Stdin,
            Target::Stdout => FdKind::Stdout,
            Target::Stderr => FdKind::Stderr,
            Target::File(_) => FdKind::File,
            Target::Root | Target::Directory(_) => FdKind::Directory,
        }
    }

    pub(crate) fn filetype(self) -> Filetype {
        match self {
            Target::Stdin | Target::Stdout | Target::Stderr => Filetype::CharacterDevice,
            Target::File(_) => Filetype::RegularFile,
            Target::Root | Target::Directory(_) => Filetype::Directory,
        }
    }

    /// The node that the descriptor keeps.
    pub(crate) fn pinned(self) -> Option<NodeId> {
        match self {
            Target::File(id) | Target::Directory(id) => Some(id),
            Target::Stdin | Target::Stdout | Target::Stderr | Target::Root => None,
        }
    }
}

impl OpenFile {
    pub(crate) fn new(target: Target, flags: FdFlags) -> Self {
        Self {
            target,
            flags,
            offset: 0,
            listing: None,
            descriptors: 1,
        }
    }
}

impl Opened<'_> {
    pub(crate) fn check(&self, right: Rights) -> Result<(), Errno> {
        if self.descriptor.rights.contains(right) {
            Ok(())
        } else if right == Rights::FD_READ || right == Rights::FD_WRITE {
            // POSIX: not open for reading, or for writing.
            Err(Errno::Badf)
        } else {
            Err(Errno::Notcapable)
        }
    }
}

impl Rights {
    /// What can be done with a file at most.
    pub(crate) const FILE: Rights = Rights::FD_DATASYNC
        .union(Rights::FD_READ)
        .union(Rights::FD_SEEK)
        .union(Rights::FD_FDSTAT_SET_FLAGS)
        .union(Rights::FD_SYNC)
        .union(Rights::FD_TELL)
        .union(Rights::FD_WRITE)
        .union(Rights::FD_ADVISE)
        .union(Rights::FD_ALLOCATE)
        .union(Rights::FD_FILESTAT_GET)
        .union(Rights::FD_FILESTAT_SET_SIZE)
        .union(Rights::FD_FILESTAT_SET_TIMES)
        .union(Rights::POLL_FD_READWRITE);

    /// What can be done with a directory at most.
    pub(crate) const DIRECTORY: Rights = Rights::FD_DATASYNC
        .union(Rights::FD_FDSTAT_SET_FLAGS)
        .union(Rights::FD_SYNC)
        .union(Rights::PATH_CREATE_DIRECTORY)
        .union(Rights::PATH_CREATE_FILE)
        .union(Rights::PATH_LINK_SOURCE)
        .union(Rights::PATH_LINK_TARGET)
        .union(Rights::PATH_OPEN)
        .union(Rights::FD_READDIR)
        .union(Rights::PATH_READLINK)
        .union(Rights::PATH_RENAME_SOURCE)
        .union(Rights::PATH_RENAME_TARGET)
        .union(Rights::PATH_FILESTAT_GET)
        .union(Rights::PATH_FILESTAT_SET_SIZE)
        .union(Rights::PATH_FILESTAT_SET_TIMES)
        .union(Rights::FD_FILESTAT_GET)
        .union(Rights::FD_FILESTAT_SET_TIMES)
        .union(Rights::PATH_SYMLINK)
        .union(Rights::PATH_REMOVE_DIRECTORY)
        .union(Rights::PATH_UNLINK_FILE);

    /// What can be done with a standard stream in either direction. That seek and tell are missing
    /// is how a C library knows a terminal.
    const STREAM: Rights = Rights::FD_FDSTAT_SET_FLAGS
        .union(Rights::FD_FILESTAT_GET)
        .union(Rights::POLL_FD_READWRITE);
}

/// The descriptors and the open files.
pub(crate) struct Fds {
    /// Empty until first used: many calls use none.
    descriptors: Slots<Descriptor>,
    files: Slots<OpenFile>,
    max: usize,
}

impl Fds {
    pub(crate) fn new(max: u32) -> Self {
        Self {
            descriptors: Slots::new(),
            files: Slots::new(),
            max: usize::try_from(max).unwrap_or(usize::MAX),
        }
    }

    /// Opens the standard streams and the root, if nobody has needed them yet.
    fn start(&mut self) {
        if !self.descriptors.is_untouched() {
            return;
        }
        let none = Rights::empty();
        let input = Rights::STREAM | Rights::FD_READ;
        let output = Rights::STREAM | Rights::FD_WRITE;
        for (target, rights, inheriting) in [
            (Target::Stdin, input, none),
            (Target::Stdout, output, none),
            (Target::Stderr, output, none),
            (
                Target::Root,
                Rights::DIRECTORY,
                Rights::DIRECTORY | Rights::FILE,
            ),
        ] {
            self.add(OpenFile::new(target, FdFlags::empty()), rights, inheriting);
        }
    }

    fn add(&mut self, file: OpenFile, rights: Rights, inheriting: Rights) -> usize {
        let file = self.files.insert(file);
        self.descriptors.insert(Descriptor {
            rights,
            inheriting,
            file,
        })
    }

    pub(crate) fn get(&mut self, fd: Fd) -> Result<Opened<'_>, Errno> {
        self.start();
        let descriptor = usize::try_from(fd.0)
            .ok()
            .and_then(|number| self.descriptors.get_mut(number))
            .ok_or(Errno::Badf)?;
        let file = self.files.get_mut(descriptor.file).ok_or(Errno::Badf)?;
        Ok(Opened { descriptor, file })
    }

    /// The number that the next descriptor gets.
    pub(crate) fn vacant(&mut self) -> Result<Fd, Errno> {
        self.start();
        let number = self.descriptors.vacant();
        if number >= self.max {
            return Err(Errno::Mfile);
        }
        u32::try_from(number).map(Fd).map_err(|_| Errno::Mfile)
    }

    pub(crate) fn insert(
        &mut self,
        file: OpenFile,
        rights: Rights,
        inheriting: Rights,
    ) -> Result<Fd, Errno> {
        let fd = self.vacant()?;
        self.add(file, rights, inheriting);
        Ok(fd)
    }

    /// Another descriptor of the same open file.
    pub(crate) fn duplicate(&mut self, fd: Fd) -> Result<Fd, Errno> {
        let descriptor = *self.get(fd)?.descriptor;
        let copy = self.vacant()?;
        self.get(fd)?.file.descriptors += 1;
        self.descriptors.insert(descriptor);
        Ok(copy)
    }

    /// Closes a descriptor; the open file, if this was the last one on it.
    pub(crate) fn remove(&mut self, fd: Fd) -> Result<Option<OpenFile>, Errno> {
        self.get(fd)?;
        let number = usize::try_from(fd.0).map_err(|_| Errno::Badf)?;
        let descriptor = self.descriptors.remove(number).ok_or(Errno::Badf)?;
        Ok(self.release(&descriptor))
    }

    /// Moves a descriptor to the number of another open one; the open file that was there, if
    /// nothing else is open on it.
    pub(crate) fn renumber(&mut self, from: Fd, to: Fd) -> Result<Option<OpenFile>, Errno> {
        self.get(to)?;
        self.get(from)?;
        if from == to {
            return Ok(None);
        }
        let number = usize::try_from(from.0).map_err(|_| Errno::Badf)?;
        let moved = self.descriptors.remove(number).ok_or(Errno::Badf)?;
        let closed = std::mem::replace(self.get(to)?.descriptor, moved);
        Ok(self.release(&closed))
    }

    /// Every number that may be open.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = Fd> + use<> {
        (0..self.descriptors.len()).filter_map(|number| u32::try_from(number).ok().map(Fd))
    }

    /// Whether a file or directory is open, beside the root.
    pub(crate) fn has_files(&self) -> bool {
        let mut open = self.files.iter();
        open.any(|file| file.target.pinned().is_some())
    }

    fn release(&mut self, descriptor: &Descriptor) -> Option<OpenFile> {
        let file = self.files.get_mut(descriptor.file)?;
        file.descriptors = file.descriptors.saturating_sub(1);
        if file.descriptors > 0 {
            return None;
        }
        self.files.remove(descriptor.file)
    }
}
