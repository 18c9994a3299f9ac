//! Names: hard links, symbolic links, and removing a file's name.

use crate::node::Body;
use crate::tree::Place;
use crate::walk::{Entry, Last};
use crate::{Errno, Fd, Rights, SharedChange, Symlinks, Vfs};

impl Vfs {
    /// Gives a file another name.
    ///
    /// # Errors
    /// [`Errno::Exist`]; [`Errno::Perm`] for a directory; those of paths.
    pub fn path_link(
        &mut self,
        old_directory: Fd,
        symlinks: Symlinks,
        old_path: impl AsRef<[u8]>,
        new_directory: Fd,
        new_path: impl AsRef<[u8]>,
    ) -> Result<(), Errno> {
        let old_from = self.from(old_directory, Rights::PATH_LINK_SOURCE)?;
        let new_from = self.from(new_directory, Rights::PATH_LINK_TARGET)?;
        let source = self.tree.resolve(old_from, old_path.as_ref(), symlinks)?;
        let Entry {
            directory,
            last,
            slash,
        } = self.tree.entry(new_from, new_path.as_ref())?;
        let name = self.new_name(&directory, last)?;
        if slash {
            return Err(Errno::Noent);
        }
        if self.tree.is_shared(&source)? {
            return Err(self.tree.refusal());
        }
        if self.tree.is_directory(&source)? {
            return Err(Errno::Perm);
        }
        self.tree.link(&source, &directory, &name)
    }

    /// Makes a symbolic link to `target`, which need not exist. Targets that begin with `/` are
    /// resolved from the root.
    ///
    /// # Errors
    /// [`Errno::Exist`]; [`Errno::Noent`] for an empty target; those of paths, for both.
    pub fn path_symlink(
        &mut self,
        target: impl AsRef<[u8]>,
        directory: Fd,
        path: impl AsRef<[u8]>,
    ) -> Result<(), Errno> {
        let target = target.as_ref();
        crate::path::Path::parse(target)?;
        let target = std::str::from_utf8(target).map_err(|_| Errno::Ilseq)?;
        let from = self.from(directory, Rights::PATH_SYMLINK)?;
        let Entry {
            directory,
            last,
            slash,
        } = self.tree.entry(from, path.as_ref())?;
        let name = self.new_name(&directory, last)?;
        if slash {
            return Err(Errno::Noent);
        }
        let body = Body::Symlink(target.to_owned());
        self.tree.create(&directory, &name, body).map(|_| ())
    }

    /// The target of a symbolic link.
    ///
    /// # Errors
    /// [`Errno::Inval`] if it is none; those of paths.
    pub fn path_readlink(&mut self, directory: Fd, path: impl AsRef<[u8]>) -> Result<&str, Errno> {
        let from = self.from(directory, Rights::PATH_READLINK)?;
        let place = self.tree.resolve(from, path.as_ref(), Symlinks::NoFollow)?;
        self.tree.link_target(&place)?.ok_or(Errno::Inval)
    }

    /// Removes a name of something that is no directory.
    ///
    /// # Errors
    /// [`Errno::Isdir`]; [`Errno::Nospc`] if there is no space to note that a lower file is hidden;
    /// those of paths.
    pub fn path_unlink_file(&mut self, directory: Fd, path: impl AsRef<[u8]>) -> Result<(), Errno> {
        let from = self.from(directory, Rights::PATH_UNLINK_FILE)?;
        let Entry {
            directory,
            last,
            slash,
        } = self.tree.entry(from, path.as_ref())?;
        let Last::Name(name) = last else {
            return Err(Errno::Isdir);
        };
        let target = self.tree.child(&directory, &name)?.ok_or(Errno::Noent)?;
        if self.tree.is_directory(&target)? {
            return Err(Errno::Isdir);
        }
        if slash {
            return Err(Errno::Notdir);
        }
        if let Some(path) = self.tree.shared_entry(&directory, &name)? {
            return self.tree.request(SharedChange::Unlink { path });
        }
        self.tree.remove(&directory, &name, &target)
    }

    /// The name for something new, which must not exist yet.
    pub(crate) fn new_name(&self, directory: &Place, last: Last) -> Result<String, Errno> {
        let Last::Name(name) = last else {
            return Err(Errno::Exist);
        };
        match self.tree.child(directory, &name)? {
            Some(_) => Err(Errno::Exist),
            None => Ok(name),
        }
    }
}
