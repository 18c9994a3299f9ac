//! Making, removing and reading directories.

use crate::listing::Listing;
use crate::walk::{Entry, Last};
use crate::{Errno, Fd, ReadDir, Rights, SharedChange, Vfs};

impl Vfs {
    /// Makes a directory.
    ///
    /// # Errors
    /// [`Errno::Exist`]; those of paths.
    pub fn path_create_directory(
        &mut self,
        directory: Fd,
        path: impl AsRef<[u8]>,
    ) -> Result<(), Errno> {
        let from = self.from(directory, Rights::PATH_CREATE_DIRECTORY)?;
        let Entry {
            directory: parent,
            last,
            ..
        } = self.tree.entry(from, path.as_ref())?;
        let name = self.new_name(&parent, last)?;
        if let Some(path) = self.tree.shared_entry(&parent, &name)? {
            return self.tree.request(SharedChange::CreateDirectory { path });
        }
        let body = self.tree.new_directory(&parent)?;
        self.tree.create(&parent, &name, body).map(|_| ())
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// [`Errno::Notempty`]; [`Errno::Notdir`]; [`Errno::Busy`] for the root; [`Errno::Inval`] for a
    /// path that ends with `.`; those of paths.
    pub fn path_remove_directory(
        &mut self,
        directory: Fd,
        path: impl AsRef<[u8]>,
    ) -> Result<(), Errno> {
        let from = self.from(directory, Rights::PATH_REMOVE_DIRECTORY)?;
        let Entry {
            directory: parent,
            last,
            ..
        } = self.tree.entry(from, path.as_ref())?;
        let name = match last {
            Last::Name(name) => name,
            Last::Dot => return Err(Errno::Inval),
            Last::DotDot => return Err(Errno::Notempty),
            Last::Root => return Err(Errno::Busy),
        };
        let target = self.tree.child(&parent, &name)?.ok_or(Errno::Noent)?;
        if !self.tree.is_directory(&target)? {
            return Err(Errno::Notdir);
        }
        if !self.tree.is_empty_directory(&target)? {
            return Err(Errno::Notempty);
        }
        if let Some(path) = self.tree.shared_entry(&parent, &name)? {
            return self.tree.request(SharedChange::RemoveDirectory { path });
        }
        self.tree.remove(&parent, &name, &target)
    }

    /// The entries of a directory, `.` and `..` among them, from a cookie on: 0 starts anew,
    /// [`DirEntry::next`](crate::DirEntry::next) goes on.
    ///
    /// # Errors
    /// [`Errno::Notdir`]; [`Errno::Noent`] for a removed directory; [`Errno::Nomem`] if the
    /// listing finds no space in the scratch layer.
    pub fn readdir(&mut self, fd: Fd, cookie: u64) -> Result<ReadDir<'_>, Errno> {
        self.directory(fd, Rights::FD_READDIR)?;
        let id = self.node_of(fd, Rights::FD_READDIR)?.ok_or(Errno::Notdir)?;
        let file = self.fds.get(fd)?.file;
        if cookie == 0
            && let Some(old) = file.listing.take()
        {
            self.tree.meter.give(old.cost);
        }
        let listing = match file.listing.take() {
            Some(listing) => listing,
            None => Listing::take(&mut self.tree, id)?,
        };
        let listing = file.listing.insert(listing);
        Ok(ReadDir::new(&self.tree, id, listing, cookie))
    }
}
