//! The table of file descriptors.

use std::fmt;

use crate::listing::Listing;
use crate::node::NodeId;
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

pub(crate) struct Descriptor {
    pub(crate) target: Target,
    pub(crate) rights: Rights,
    pub(crate) inheriting: Rights,
    pub(crate) flags: FdFlags,
    /// Where the next read or write starts, in bytes.
    pub(crate) offset: u64,
    /// What `readdir` goes through.
    pub(crate) listing: Option<Listing>,
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

impl Descriptor {
    pub(crate) fn new(target: Target, rights: Rights, inheriting: Rights, flags: FdFlags) -> Self {
        Self {
            target,
            rights,
            inheriting,
            flags,
            offset: 0,
            listing: None,
        }
    }

    pub(crate) fn check(&self, right: Rights) -> Result<(), Errno> {
        if self.rights.contains(right) {
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

/// The descriptors, lowest numbers given out first as in POSIX.
pub(crate) struct Fds {
    /// Empty until first used: many calls use none.
    slots: Vec<Option<Descriptor>>,
    max: usize,
}

impl Fds {
    pub(crate) fn new(max: u32) -> Self {
        Self {
            slots: Vec::new(),
            max: usize::try_from(max).unwrap_or(usize::MAX),
        }
    }

    fn slots(&mut self) -> &mut Vec<Option<Descriptor>> {
        if self.slots.is_empty() {
            let open = |target, rights, inheriting| {
                Some(Descriptor::new(
                    target,
                    rights,
                    inheriting,
                    FdFlags::empty(),
                ))
            };
            let (input, output) = (
                Rights::STREAM | Rights::FD_READ,
                Rights::STREAM | Rights::FD_WRITE,
            );
            self.slots.extend([
                open(Target::Stdin, input, Rights::empty()),
                open(Target::Stdout, output, Rights::empty()),
                open(Target::Stderr, output, Rights::empty()),
                open(
                    Target::Root,
                    Rights::DIRECTORY,
                    Rights::DIRECTORY | Rights::FILE,
                ),
            ]);
        }
        &mut self.slots
    }

    fn slot(&mut self, fd: Fd) -> Option<&mut Option<Descriptor>> {
        self.slots().get_mut(usize::try_from(fd.0).ok()?)
    }

    pub(crate) fn get(&mut self, fd: Fd) -> Result<&mut Descriptor, Errno> {
        self.slot(fd).and_then(Option::as_mut).ok_or(Errno::Badf)
    }

    /// The number that the next [`insert`](Fds::insert) gives out.
    pub(crate) fn vacant(&mut self) -> Result<Fd, Errno> {
        let max = self.max;
        let slots = self.slots();
        let index = slots
            .iter()
            .position(Option::is_none)
            .unwrap_or(slots.len());
        if index >= max {
            return Err(Errno::Mfile);
        }
        u32::try_from(index).map(Fd).map_err(|_| Errno::Mfile)
    }

    pub(crate) fn insert(&mut self, descriptor: Descriptor) -> Result<Fd, Errno> {
        let fd = self.vacant()?;
        match self.slot(fd) {
            Some(slot) => *slot = Some(descriptor),
            None => self.slots.push(Some(descriptor)),
        }
        Ok(fd)
    }

    pub(crate) fn remove(&mut self, fd: Fd) -> Result<Descriptor, Errno> {
        self.slot(fd).and_then(Option::take).ok_or(Errno::Badf)
    }

    /// Puts a descriptor in the place of an open one, which is returned.
    pub(crate) fn replace(&mut self, fd: Fd, descriptor: Descriptor) -> Result<Descriptor, Errno> {
        self.get(fd).map(|open| std::mem::replace(open, descriptor))
    }
}
