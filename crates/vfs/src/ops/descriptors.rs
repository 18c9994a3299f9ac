//! Descriptors themselves: closing, renumbering, flags and rights.

use crate::fds::Target;
use crate::{Errno, Fd, FdFlags, FdStat, Rights, Vfs};

impl Vfs {
    /// Closes a descriptor. A file whose last name was removed goes with its last descriptor.
    ///
    /// # Errors
    /// [`Errno::Badf`].
    pub fn close(&mut self, fd: Fd) -> Result<(), Errno> {
        let descriptor = self.fds.remove(fd)?;
        self.let_go(&descriptor);
        Ok(())
    }

    /// Moves a descriptor to the number of another open one, which is closed.
    ///
    /// # Errors
    /// [`Errno::Badf`] if either is not open.
    pub fn renumber(&mut self, from: Fd, to: Fd) -> Result<(), Errno> {
        self.fds.get(to)?;
        self.fds.get(from)?;
        if from == to {
            return Ok(());
        }
        let moved = self.fds.remove(from)?;
        let closed = self.fds.replace(to, moved)?;
        self.let_go(&closed);
        Ok(())
    }

    /// The name of a preopened directory: `/`.
    ///
    /// # Errors
    /// [`Errno::Badf`] if it is none, by which a C library knows that it has seen them all.
    pub fn prestat(&mut self, fd: Fd) -> Result<&'static str, Errno> {
        match self.fds.get(fd)?.target {
            Target::Root => Ok("/"),
            _ => Err(Errno::Badf),
        }
    }

    /// Type, flags and rights of a descriptor.
    ///
    /// # Errors
    /// [`Errno::Badf`].
    pub fn fdstat_get(&mut self, fd: Fd) -> Result<FdStat, Errno> {
        let descriptor = self.fds.get(fd)?;
        Ok(FdStat {
            filetype: descriptor.target.filetype(),
            flags: descriptor.flags,
            rights: descriptor.rights,
            inheriting: descriptor.inheriting,
        })
    }

    /// Sets the flags of a descriptor.
    ///
    /// # Errors
    /// Those that [`Vfs`] tells of.
    pub fn fdstat_set_flags(&mut self, fd: Fd, flags: FdFlags) -> Result<(), Errno> {
        let descriptor = self.fds.get(fd)?;
        descriptor.check(Rights::FD_FDSTAT_SET_FLAGS)?;
        descriptor.flags = flags;
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
        let descriptor = self.fds.get(fd)?;
        if !descriptor.rights.contains(rights) || !descriptor.inheriting.contains(inheriting) {
            return Err(Errno::Notcapable);
        }
        descriptor.rights = rights;
        descriptor.inheriting = inheriting;
        Ok(())
    }

    /// Waits until the file is stored, which a layer in memory always is.
    ///
    /// # Errors
    /// [`Errno::Inval`] for the standard streams.
    pub fn sync(&mut self, fd: Fd) -> Result<(), Errno> {
        self.synced(fd, Rights::FD_SYNC)
    }

    /// Waits until the data of the file is stored, which a layer in memory always is.
    ///
    /// # Errors
    /// [`Errno::Inval`] for the standard streams.
    pub fn datasync(&mut self, fd: Fd) -> Result<(), Errno> {
        self.synced(fd, Rights::FD_DATASYNC)
    }

    fn synced(&mut self, fd: Fd, right: Rights) -> Result<(), Errno> {
        let descriptor = self.fds.get(fd)?;
        match descriptor.target {
            Target::Stdin | Target::Stdout | Target::Stderr => Err(Errno::Inval),
            Target::Root | Target::File(_) | Target::Directory(_) => descriptor.check(right),
        }
    }
}
