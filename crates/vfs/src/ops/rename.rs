//! Renaming.

use crate::tree::{Place, Tree};
use crate::walk::{Entry, Last};
use crate::{Errno, Fd, Rights, SharedChange, Vfs};

impl Vfs {
    /// Renames a file or directory, in place of what the new path names.
    ///
    /// # Errors
    /// [`Errno::Notempty`], [`Errno::Isdir`] or [`Errno::Notdir`] if it cannot take that place;
    /// [`Errno::Inval`] for a directory into itself; [`Errno::Xdev`] from the call's own files to
    /// `faasm://` or back; [`Errno::Busy`] for a path that ends with `.`,
    /// `..` or is the root; those of paths.
    pub fn path_rename(
        &mut self,
        old_directory: Fd,
        old_path: impl AsRef<[u8]>,
        new_directory: Fd,
        new_path: impl AsRef<[u8]>,
    ) -> Result<(), Errno> {
        let old_from = self.from(old_directory, Rights::PATH_RENAME_SOURCE)?;
        let new_from = self.from(new_directory, Rights::PATH_RENAME_TARGET)?;
        let old = self.tree.entry(old_from, old_path.as_ref())?;
        let new = self.tree.entry(new_from, new_path.as_ref())?;
        let (Last::Name(old_name), Last::Name(new_name)) = (&old.last, &new.last) else {
            return Err(Errno::Busy);
        };
        let source = self
            .tree
            .child(&old.directory, old_name)?
            .ok_or(Errno::Noent)?;
        let target = self.tree.child(&new.directory, new_name)?;
        let shared = (
            self.tree.shared_entry(&old.directory, old_name)?,
            self.tree.shared_entry(&new.directory, new_name)?,
        );
        if shared.0.is_some() != shared.1.is_some() {
            return Err(if self.tree.lower.is_writable() {
                Errno::Xdev
            } else {
                Errno::Rofs
            });
        }
        self.check_rename(&old, &source, &new, target.as_ref())?;
        if target.as_ref().is_some_and(|target| source.is_same(target)) {
            return Ok(());
        }
        if let (Some(from), Some(to)) = shared {
            return self.tree.request(SharedChange::Rename { from, to });
        }
        let (from, to) = (
            (&old.directory, old_name.as_str()),
            (&new.directory, new_name.as_str()),
        );
        self.tree.rename(from, &source, to, target.as_ref())
    }

    /// Checks what Linux does, in its order.
    fn check_rename(
        &self,
        old: &Entry,
        source: &Place,
        new: &Entry,
        target: Option<&Place>,
    ) -> Result<(), Errno> {
        let is_directory = self.tree.is_directory(source)?;
        if !is_directory && (old.slash || new.slash) {
            return Err(Errno::Notdir);
        }
        if is_directory && self.tree.is_within(&new.directory, source)? {
            return Err(Errno::Inval);
        }
        let Some(target) = target else { return Ok(()) };
        let target_is_directory = self.tree.is_directory(target)?;
        if target_is_directory && self.tree.is_within(&old.directory, target)? {
            return Err(Errno::Notempty);
        }
        if source.is_same(target) {
            return Ok(());
        }
        match (is_directory, target_is_directory) {
            (true, false) => Err(Errno::Notdir),
            (false, true) => Err(Errno::Isdir),
            (true, true) if !self.tree.is_empty_directory(target)? => Err(Errno::Notempty),
            _ => Ok(()),
        }
    }
}

impl Tree {
    /// Whether `directory` is `ancestor` or somewhere in it.
    fn is_within(&self, directory: &Place, ancestor: &Place) -> Result<bool, Errno> {
        let mut at = directory.clone();
        loop {
            if at.is_same(ancestor) {
                return Ok(true);
            }
            let parent = self.parent(&at)?;
            if parent.is_same(&at) {
                return Ok(false);
            }
            at = parent;
        }
    }
}
