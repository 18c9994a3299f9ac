//! One lower tree in another.

use std::sync::Arc;

use crate::tree::check_name;
use crate::{Errno, Lower, LowerDirEntry, LowerFile, Metadata, NodeKind};

/// A tree with another one, which cannot be written to, in the place of one of its directories.
///
/// Whatever is at the place of the mounted tree or below comes from that, and what the first tree
/// has there is hidden. The directories on the way are there, whatever the first tree has in their
/// place. More trees are mounted by mounting in a [`Mount`].
///
/// Calls write above all lower trees, so a mounted tree is like any directory to them: what they
/// change is their own. Through `faasm://` they see it in the same place, and every change of it,
/// or of a directory on the way, is refused with [`Errno::Rofs`].
///
/// ```
/// use std::sync::Arc;
/// use faasm_vfs::{EmptyTree, Errno, Lower, Mount};
///
/// # fn main() -> Result<(), Errno> {
/// let mount = Mount::new(Arc::new(EmptyTree), "usr/lib", Arc::new(EmptyTree))?;
/// assert_eq!(mount.list("usr", None, 10)?[0].name, "lib");
/// assert_eq!(mount.check_change("usr/lib/new"), Err(Errno::Rofs));
/// # Ok(())
/// # }
/// ```
pub struct Mount {
    root: Arc<dyn Lower>,
    point: Box<str>,
    tree: Arc<dyn Lower>,
}

/// Where a path is, as seen from the point of a mount.
enum Place<'m, 'p> {
    /// It is the point or below: a path in the mounted tree.
    Inside(&'p str),
    /// It is a directory on the way, in which this is the next name.
    Above(&'m str),
    Beside,
}

impl Mount {
    /// `root` with `tree` at `point`, a path as those of [`Lower`]. `/tmp` is every call's own, so
    /// there calls see no mounted tree.
    ///
    /// # Errors
    /// [`Errno::Inval`] or [`Errno::Nametoolong`] if there is no such path in a root.
    pub fn new(root: Arc<dyn Lower>, point: &str, tree: Arc<dyn Lower>) -> Result<Self, Errno> {
        point.split('/').try_for_each(check_name)?;
        Ok(Self {
            root,
            point: point.into(),
            tree,
        })
    }

    fn place<'p>(&self, path: &'p str) -> Place<'_, 'p> {
        if let Some(rest) = path.strip_prefix(&*self.point) {
            return match rest.strip_prefix('/') {
                Some(inside) => Place::Inside(inside),
                None if rest.is_empty() => Place::Inside(""),
                None => Place::Beside,
            };
        }
        let rest = match path {
            "" => Some(&*self.point),
            path => self
                .point
                .strip_prefix(path)
                .and_then(|rest| rest.strip_prefix('/')),
        };
        let next = rest.and_then(|rest| rest.split('/').next());
        next.map_or(Place::Beside, Place::Above)
    }
}

impl Lower for Mount {
    fn metadata(&self, path: &str) -> Result<Metadata, Errno> {
        match self.place(path) {
            Place::Inside(path) => self.tree.metadata(path),
            // The time would have to be asked for, at every step of every path to the mount.
            Place::Above(_) => Ok(Metadata {
                kind: NodeKind::Directory,
                len: 0,
                mtime: 0,
            }),
            Place::Beside => self.root.metadata(path),
        }
    }

    fn list(
        &self,
        path: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<LowerDirEntry>, Errno> {
        let next = match self.place(path) {
            Place::Inside(path) => return self.tree.list(path, after, limit),
            Place::Beside => return self.root.list(path, after, limit),
            Place::Above(next) => next,
        };
        let mut page = match self.root.list(path, after, limit) {
            Err(Errno::Noent | Errno::Notdir) => Vec::new(),
            listed => listed?,
        };
        if after.is_none_or(|after| next > after) {
            add(&mut page, next, limit);
        }
        Ok(page)
    }

    fn is_empty(&self, path: &str) -> Result<bool, Errno> {
        match self.place(path) {
            Place::Inside(path) => self.tree.is_empty(path),
            Place::Above(_) => Ok(false),
            Place::Beside => self.root.is_empty(path),
        }
    }

    fn open(&self, path: &str) -> Result<Arc<dyn LowerFile>, Errno> {
        match self.place(path) {
            Place::Inside(path) => self.tree.open(path),
            Place::Above(_) => Err(Errno::Isdir),
            Place::Beside => self.root.open(path),
        }
    }

    fn is_writable(&self) -> bool {
        self.root.is_writable()
    }

    fn check_change(&self, path: &str) -> Result<(), Errno> {
        match self.place(path) {
            Place::Inside(_) | Place::Above(_) => Err(Errno::Rofs),
            Place::Beside => self.root.check_change(path),
        }
    }

    fn check_path(&self, path: &str) -> Result<(), Errno> {
        self.root.check_path(path)
    }
}

/// Puts a directory in its place in a page of a listing, unless that is on a later page.
fn add(page: &mut Vec<LowerDirEntry>, name: &str, limit: usize) {
    let at = page.binary_search_by(|entry| entry.name.as_str().cmp(name));
    let kind = NodeKind::Directory;
    match at {
        Ok(at) => page[at].kind = kind,
        // A page may be shorter than asked for, and only an empty one is the end.
        Err(at) if at < page.len() || page.is_empty() => {
            let name = name.to_owned();
            page.insert(at, LowerDirEntry { name, kind });
            page.truncate(limit);
        }
        Err(_) => {}
    }
}
