//! Descriptors themselves: closing, duplicating, renumbering, flags and rights.

use crate::fds::{Opened, Target};
use crate::{Errno, Fd, FdFlags, FdStat, Rights, Vfs};

impl Vfs {
    /// Closes a descriptor. With the last one on it goes a file that has no name any more, and a
    /// file of the shared tree that was written is handed to [`next_change`](Vfs::next_change).
    ///
    /// # Errors
    /// [`Errno::Badf`]. For a file of the shared tree that a write did not reach, or a change of
    /// its length, that error again: the descriptor is closed, and the file as it was before.
    /// Cutting it to nothing in between makes it forget that.
    pub fn close(&mut self, fd: Fd) -> Result<(), Errno> {
        if let Some(file) = self.fds.remove(fd)? {
            self.let_go(&file)?;
        }
        Ok(())
    }

    /// Makes another descriptor, the lowest free one, that shares position and flags with this one.
    ///
    /// # Errors
    /// [`Errno::Badf`]; [`Errno::Mfile`].
    pub fn dup(&mut self, fd: Fd) -> Result<Fd, Errno> {
        self.fds.duplicate(fd)
    }

    /// Moves a descriptor to the number of another open one, which is closed as by
    /// [`close`](Vfs::close).
    ///
    /// # Errors
    /// [`Errno::Badf`] if either is not open; once it is moved, those of [`close`](Vfs::close).
    pub fn renumber(&mut self, from: Fd, to: Fd) -> Result<(), Errno> {
        if let Some(file) = self.fds.renumber(from, to)? {
            self.let_go(&file)?;
        }
        Ok(())
    }

    /// The name of a preopened directory: `/`.
    ///
    /// # Errors
    /// [`Errno::Badf`] if it is none, by which a C library knows that it has seen them all.
    pub fn prestat(&mut self, fd: Fd) -> Result<&'static str, Errno> {
        match self.fds.get(fd)?.file.target {
            Target::Root => Ok("/"),
            _ => Err(Errno::Badf),
        }
    }

    /// Type, flags and rights of a descriptor.
    ///
    /// # Errors
    /// [`Errno::Badf`].
    pub fn fdstat_get(&mut self, fd: Fd) -> Result<FdStat, Errno> {
        let Opened { descriptor, file } = self.fds.get(fd)?;
        Ok(FdStat {
            filetype: file.target.filetype(),
            flags: file.flags,
            rights: descriptor.rights,
            inheriting: descriptor.inheriting,
        })
    }

    /// Sets the flags of a descriptor and its duplicates.
    ///
    /// # Errors
    /// Those that [`Vfs`] tells of.
    pub fn fdstat_set_flags(&mut self, fd: Fd, flags: FdFlags) -> Result<(), Errno> {
        let opened = self.fds.get(fd)?;
        opened.check(Rights::FD_FDSTAT_SET_FLAGS)?;
        opened.file.flags = flags;
        Ok(())
    }

    /// Gives up rights of a descriptor.
    ///
    /// # Errors
    /// [`Errno::Notcapable`] for rights that it does not have.
    pub fn fdstat_set_rights(
        &mut self,
        fd: Fd,
        rights: Rights,
        inheriting: Rights,
    ) -> Result<(), Errno> {
        let Opened { descriptor, .. } = self.fds.get(fd)?;
        if !descriptor.rights.contains(rights) || !descriptor.inheriting.contains(inheriting) {
            return Err(Errno::Notcapable);
        }
        descriptor.rights = rights;
        descriptor.inheriting = inheriting;
        Ok(())
    }

    /// Waits until the file is stored. For the scratch layer, which no crash is to outlive, that is
    /// always so; a file of the shared tree is stored when it is closed.
    ///
    /// # Errors
    /// [`Errno::Inval`] for the standard streams.
    pub fn sync(&mut self, fd: Fd) -> Result<(), Errno> {
        self.synced(fd, Rights::FD_SYNC)
    }

    /// Waits until the data of the file is stored; see [`sync`](Vfs::sync).
    ///
    /// # Errors
    /// [`Errno::Inval`] for the standard streams.
    pub fn datasync(&mut self, fd: Fd) -> Result<(), Errno> {
        self.synced(fd, Rights::FD_DATASYNC)
    }

    fn synced(&mut self, fd: Fd, right: Rights) -> Result<(), Errno> {
        let opened = self.fds.get(fd)?;
        match opened.file.target {
            Target::Stdin | Target::Stdout | Target::Stderr => Err(Errno::Inval),
            Target::Root | Target::File(_) | Target::Directory(_) => opened.check(right),
        }
    }
}
