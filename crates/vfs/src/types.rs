//! Flags and records of WASI preview 1, with its bit values.

use crate::Errno;

bitflags::bitflags! {
    /// What may be done with a descriptor.
    ///
    /// At open only [`FD_READ`](Rights::FD_READ) and [`FD_WRITE`](Rights::FD_WRITE) choose; the
    /// rest follows from the kind of file. A guest may narrow them later.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Rights: u64 {
        /// `datasync`.
        const FD_DATASYNC = 1 << 0;
        /// `read` and `pread`.
        const FD_READ = 1 << 1;
        /// `seek`.
        const FD_SEEK = 1 << 2;
        /// `fdstat_set_flags`.
        const FD_FDSTAT_SET_FLAGS = 1 << 3;
        /// `sync`.
        const FD_SYNC = 1 << 4;
        /// `tell`.
        const FD_TELL = 1 << 5;
        /// `write` and `pwrite`.
        const FD_WRITE = 1 << 6;
        /// `advise`.
        const FD_ADVISE = 1 << 7;
        /// `allocate`.
        const FD_ALLOCATE = 1 << 8;
        /// `path_create_directory`.
        const PATH_CREATE_DIRECTORY = 1 << 9;
        /// `path_open` with [`Oflags::CREAT`].
        const PATH_CREATE_FILE = 1 << 10;
        /// `path_link`, as the old directory.
        const PATH_LINK_SOURCE = 1 << 11;
        /// `path_link`, as the new directory.
        const PATH_LINK_TARGET = 1 << 12;
        /// `path_open`.
        const PATH_OPEN = 1 << 13;
        /// `readdir`.
        const FD_READDIR = 1 << 14;
        /// `path_readlink`.
        const PATH_READLINK = 1 << 15;
        /// `path_rename`, as the old directory.
        const PATH_RENAME_SOURCE = 1 << 16;
        /// `path_rename`, as the new directory.
        const PATH_RENAME_TARGET = 1 << 17;
        /// `path_filestat_get`.
        const PATH_FILESTAT_GET = 1 << 18;
        /// `path_open` with [`Oflags::TRUNC`].
        const PATH_FILESTAT_SET_SIZE = 1 << 19;
        /// `path_filestat_set_times`.
        const PATH_FILESTAT_SET_TIMES = 1 << 20;
        /// `filestat_get`.
        const FD_FILESTAT_GET = 1 << 21;
        /// `filestat_set_size`.
        const FD_FILESTAT_SET_SIZE = 1 << 22;
        /// `filestat_set_times`.
        const FD_FILESTAT_SET_TIMES = 1 << 23;
        /// `path_symlink`.
        const PATH_SYMLINK = 1 << 24;
        /// `path_remove_directory`.
        const PATH_REMOVE_DIRECTORY = 1 << 25;
        /// `path_unlink_file`.
        const PATH_UNLINK_FILE = 1 << 26;
        /// Waiting for the descriptor in a poll.
        const POLL_FD_READWRITE = 1 << 27;
        /// Shutting a socket down (there are none).
        const SOCK_SHUTDOWN = 1 << 28;
        /// Accepting on a socket (there are none).
        const SOCK_ACCEPT = 1 << 29;
    }

    /// How `path_open` opens.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Oflags: u16 {
        /// Create the file if it does not exist.
        const CREAT = 1 << 0;
        /// Fail if it is not a directory.
        const DIRECTORY = 1 << 1;
        /// With [`CREAT`](Oflags::CREAT): fail if it exists.
        const EXCL = 1 << 2;
        /// Truncate to length 0.
        const TRUNC = 1 << 3;
    }

    /// State of a descriptor. Only `APPEND` changes what the filesystem does.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct FdFlags: u16 {
        /// Every write goes to the end of the file.
        const APPEND = 1 << 0;
        /// Writes complete with data integrity.
        const DSYNC = 1 << 1;
        /// Operations do not block.
        const NONBLOCK = 1 << 2;
        /// Reads complete with integrity.
        const RSYNC = 1 << 3;
        /// Writes complete with file integrity.
        const SYNC = 1 << 4;
    }

    /// Which times `…filestat_set_times` sets; see [`SetTimes::from_flags`].
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct FstFlags: u16 {
        /// Access time to the given value.
        const ATIM = 1 << 0;
        /// Access time to now.
        const ATIM_NOW = 1 << 1;
        /// Modification time to the given value.
        const MTIM = 1 << 2;
        /// Modification time to now.
        const MTIM_NOW = 1 << 3;
    }
}

/// The type of a file, with WASI's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Filetype {
    /// A terminal-like stream: the standard streams.
    CharacterDevice = 2,
    /// A directory.
    Directory = 3,
    /// A file of bytes.
    RegularFile = 4,
    /// A symbolic link.
    SymbolicLink = 7,
}

/// What `filestat_get` tells. Times are in ns since 1970 (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filestat {
    /// 1 for the merged tree, 2 for the shared tree (`faasm://`), 0 for the standard streams.
    pub dev: u64,
    /// Stable as long as the file exists, and unique together with `dev`.
    pub ino: u64,
    /// The type.
    pub filetype: Filetype,
    /// Number of names; always 1 for an existing directory.
    pub nlink: u64,
    /// Bytes in a file or in the target of a symbolic link; 0 for others.
    pub size: u64,
    /// Time of last access. Reading does not change it.
    pub atim: u64,
    /// Time of last change of the data.
    pub mtim: u64,
    /// Time of last change of the status.
    pub ctim: u64,
}

/// What `fdstat_get` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FdStat {
    /// The type of the file that is open.
    pub filetype: Filetype,
    /// The descriptor's flags.
    pub flags: FdFlags,
    /// What may be done with this descriptor.
    pub rights: Rights,
    /// What may be done at most with descriptors opened through this one.
    pub inheriting: Rights,
}

/// Whether a symbolic link at the end of a path is followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Symlinks {
    /// The path means what the link points to.
    #[default]
    Follow,
    /// The path means the link itself.
    NoFollow,
}

/// A change of one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeChange {
    /// Leave it.
    #[default]
    Keep,
    /// The present.
    Now,
    /// This moment, in ns since 1970.
    At(u64),
}

/// The change of times that `…filestat_set_times` makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetTimes {
    /// The access time.
    pub atim: TimeChange,
    /// The modification time.
    pub mtim: TimeChange,
}

impl SetTimes {
    /// Reads WASI's arguments (times in ns).
    ///
    /// # Errors
    /// [`Errno::Inval`] if a time is to be set both to a value and to now.
    pub fn from_flags(flags: FstFlags, atim: u64, mtim: u64) -> Result<Self, Errno> {
        let change = |at, now, value| match (flags.contains(at), flags.contains(now)) {
            (true, true) => Err(Errno::Inval),
            (true, false) => Ok(TimeChange::At(value)),
            (false, true) => Ok(TimeChange::Now),
            (false, false) => Ok(TimeChange::Keep),
        };
        Ok(Self {
            atim: change(FstFlags::ATIM, FstFlags::ATIM_NOW, atim)?,
            mtim: change(FstFlags::MTIM, FstFlags::MTIM_NOW, mtim)?,
        })
    }
}
