//! Changes of the shared tree: drafts of files, and what the caller is asked to carry out.

use crate::content::Content;
use crate::node::{Body, LowerPath, Node, NodeId, Origin, Times, View, now};
use crate::quota::Held;
use crate::tree::{Place, Tree};
use crate::{Errno, Metadata};

/// A change of the shared tree that the call has asked for through `faasm://`. The caller carries
/// it out; dropping it is not doing it.
///
/// Paths are those of [`Lower`](crate::Lower), and were checked against the tree as it was; it may
/// have changed since.
#[derive(Debug)]
pub enum SharedChange {
    /// Make the draft the file at its path, whatever is there.
    Publish(Draft),
    /// Remove the name of a file.
    Unlink {
        /// The file.
        path: String,
    },
    /// Move a file or directory, in place of a file or an empty directory if there is one.
    Rename {
        /// Its name so far.
        from: String,
        /// Its new name.
        to: String,
    },
    /// Make a directory.
    CreateDirectory {
        /// The directory.
        path: String,
    },
    /// Remove an empty directory.
    RemoveDirectory {
        /// The directory.
        path: String,
    },
}

/// The whole new content of a shared file, which nothing changes any more. Its memory stays charged
/// until it is dropped.
pub struct Draft {
    path: String,
    content: Content,
    // Behind the content, so that it is dropped after it.
    held: Held,
}

impl Draft {
    /// The path in the shared tree that it is for.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.content.len()
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads at `offset` (bytes) into `buf`; how many bytes, fewer than asked for only at the end.
    ///
    /// # Errors
    /// [`Errno::Io`], or what else the shared file reports that the draft was made over.
    pub fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize, Errno> {
        self.content.read_at(buf, offset)
    }
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Draft")
            .field("path", &self.path)
            .field("len", &self.len())
            .field("held", &self.held.bytes())
            .finish()
    }
}

/// A change that waits to be taken; drafts still count against the call.
pub(crate) enum Pending {
    Draft {
        path: String,
        content: Content,
        cost: u64,
    },
    Change(SharedChange),
}

impl Tree {
    /// The path of an entry of the shared tree; `None` if the directory is the call's own.
    pub(crate) fn shared_entry(
        &self,
        directory: &Place,
        name: &str,
    ) -> Result<Option<String>, Errno> {
        let path = match directory {
            Place::Lower(path, _) => path,
            Place::Node(id) => match &self.node(*id)?.origin {
                Origin::Lower { path, .. } => path,
                Origin::Scratch(_) | Origin::Draft { .. } => return Ok(None),
            },
        };
        Ok((path.view == View::Shared).then(|| path.join(name).path))
    }

    /// What the guest is told that wants of the shared tree what it does not offer.
    pub(crate) fn refusal(&self) -> Errno {
        match self.lower.is_writable() {
            true => Errno::Perm,
            false => Errno::Rofs,
        }
    }

    /// Asks the caller for a change, which is refused while it has not seen to the last.
    pub(crate) fn request(&mut self, change: SharedChange) -> Result<(), Errno> {
        if !self.lower.is_writable() {
            return Err(Errno::Rofs);
        }
        if !self.pending.is_empty() {
            return Err(Errno::Again);
        }
        if let SharedChange::CreateDirectory { path } | SharedChange::Rename { to: path, .. } =
            &change
        {
            self.lower.check_path(path)?;
        }
        self.pending.push_back(Pending::Change(change));
        Ok(())
    }

    /// The next change that the caller is to carry out.
    pub(crate) fn next_change(&mut self) -> Option<SharedChange> {
        Some(match self.pending.pop_front()? {
            Pending::Change(change) => change,
            Pending::Draft {
                path,
                content,
                cost,
            } => SharedChange::Publish(Draft {
                path,
                held: self.meter.hand_over(cost),
                content,
            }),
        })
    }

    /// A draft of a shared file, over the present one unless that is missing or cut to nothing.
    pub(crate) fn draft(
        &mut self,
        path: String,
        present: Option<Metadata>,
        truncate: bool,
    ) -> Result<NodeId, Errno> {
        if !self.lower.is_writable() {
            return Err(Errno::Rofs);
        }
        if present.is_none() {
            self.lower.check_path(&path)?;
        }
        let (content, times) = match present {
            Some(_) if !truncate => {
                let file = self.lower.open(&path)?;
                let times = Times::all(file.mtime());
                (Content::over(file), times)
            }
            _ => (Content::default(), Times::all(now())),
        };
        let path = LowerPath {
            view: View::Shared,
            path,
        };
        let changed = truncate || present.is_none();
        let node = Node {
            origin: Origin::Draft { path, changed },
            links: 1,
            pins: 0,
            times,
            body: Body::File(content),
        };
        if changed {
            self.meter.take_inode(node.cost())?;
        }
        Ok(self.enter(node))
    }

    /// Queues a changed draft, which no descriptor is open on any more, for publication.
    pub(crate) fn retire(&mut self, draft: Node) {
        let cost = draft.cost() + draft.content_cost();
        if let (Origin::Draft { path, .. }, Body::File(content)) = (draft.origin, draft.body) {
            self.pending.push_back(Pending::Draft {
                path: path.path,
                content,
                cost,
            });
        }
    }
}
