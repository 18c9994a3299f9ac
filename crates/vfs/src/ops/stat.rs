//! What is known of files, and their times.

use crate::tree::Place;
use crate::{Errno, Fd, FdKind, Filestat, Filetype, Rights, SetTimes, Symlinks, Vfs};

impl Vfs {
    /// What is known of the file that a descriptor is open on.
    ///
    /// # Errors
    /// Those that [`Vfs`] tells of.
    pub fn filestat_get(&mut self, fd: Fd) -> Result<Filestat, Errno> {
        match self.node_of(fd, Rights::FD_FILESTAT_GET)? {
            Some(id) => self.tree.filestat(&Place::Node(id)),
            None => Ok(stream_stat(self.kind(fd)?)),
        }
    }

    /// Sets the times of the file that a descriptor is open on.
    ///
    /// # Errors
    /// [`Errno::Inval`] for the standard streams.
    pub fn filestat_set_times(&mut self, fd: Fd, times: SetTimes) -> Result<(), Errno> {
        // Before the right, which no stream has.
        if self.fds.get(fd)?.file.target.filetype() == Filetype::CharacterDevice {
            return Err(Errno::Inval);
        }
        let node = self.node_of(fd, Rights::FD_FILESTAT_SET_TIMES)?;
        self.set_times(&Place::Node(node.ok_or(Errno::Inval)?), times)
    }

    /// What is known of the file that a path names.
    ///
    /// # Errors
    /// Those of paths.
    pub fn path_filestat_get(
        &mut self,
        directory: Fd,
        path: impl AsRef<[u8]>,
        symlinks: Symlinks,
    ) -> Result<Filestat, Errno> {
        let from = self.from(directory, Rights::PATH_FILESTAT_GET)?;
        let place = self.tree.resolve(from, path.as_ref(), symlinks)?;
        self.tree.filestat(&place)
    }

    /// Sets the times of the file that a path names.
    ///
    /// # Errors
    /// Those of paths.
    pub fn path_filestat_set_times(
        &mut self,
        directory: Fd,
        path: impl AsRef<[u8]>,
        symlinks: Symlinks,
        times: SetTimes,
    ) -> Result<(), Errno> {
        let from = self.from(directory, Rights::PATH_FILESTAT_SET_TIMES)?;
        let place = self.tree.resolve(from, path.as_ref(), symlinks)?;
        self.set_times(&place, times)
    }

    fn set_times(&mut self, place: &Place, times: SetTimes) -> Result<(), Errno> {
        // A shared file, be it a draft, has the times of its publication.
        if self.tree.is_shared(place)? {
            return Err(self.tree.refusal());
        }
        let id = self.tree.claim(place)?;
        self.tree.node_mut(id)?.times.set(times);
        Ok(())
    }
}

fn stream_stat(kind: FdKind) -> Filestat {
    Filestat {
        dev: 0,
        ino: kind as u64,
        filetype: Filetype::CharacterDevice,
        nlink: 1,
        size: 0,
        atim: 0,
        mtim: 0,
        ctim: 0,
    }
}
