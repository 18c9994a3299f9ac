//! Changes of the shared tree: drafts of files, and what the caller is asked to carry out.

use crate::Errno;
use crate::content::Content;
use crate::node::{Body, LowerPath, Node, NodeId, Origin, Times, View, now};
use crate::quota::Held;
use crate::tree::{Place, Tree};

/// A change of the shared tree that the call has asked for through `faasm://`. The caller carries
/// it out; dropping it is not doing it.
///
/// Paths are those of [`Lower`](crate::Lower), and were checked against the tree as it was; it may
/// have changed since.
#[derive(Debug)]
pub enum SharedChange {
    /// Make the draft the file at its path, in place of a file that is there; but not if it is
    /// [exclusive](Draft::is_exclusive).
    Publish(Draft),
    /// Remove the name of a file.
    Unlink {
        /// The file.
        path: String,
    },
    /// Give a file or directory another name, in place of a file or an empty directory if there is
    /// one. A tree that renames no directories answers [`Errno::Xdev`], so that programs copy.
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

impl SharedChange {
    /// What it changes.
    fn paths(&self) -> impl Iterator<Item = &str> {
        let (path, other) = match self {
            Self::Publish(draft) => (draft.path(), None),
            Self::Rename { from, to } => (from.as_str(), Some(to.as_str())),
            Self::Unlink { path }
            | Self::CreateDirectory { path }
            | Self::RemoveDirectory { path } => (path.as_str(), None),
        };
        std::iter::once(path).chain(other)
    }
}

/// The whole new content of a shared file, which nothing changes any more. Its memory stays charged
/// until it is dropped.
pub struct Draft {
    path: String,
    exclusive: bool,
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

    /// Whether it was to be a new file (`CREAT` with `EXCL`): if something has come to be at its
    /// path since, publishing it is refused with [`Errno::Exist`].
    #[must_use]
    pub fn is_exclusive(&self) -> bool {
        self.exclusive
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
            .field("exclusive", &self.exclusive)
            .field("len", &self.len())
            .field("held", &self.held.bytes())
            .finish()
    }
}

/// A draft that is not published, because something that was to be written to it is missing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {errno}")]
pub struct LostDraft {
    /// The path in the shared tree that it was for.
    pub path: String,
    /// How the last write to it or change of its length that failed did so, or why the last write
    /// was short.
    pub errno: Errno,
}

impl From<LostDraft> for Errno {
    fn from(lost: LostDraft) -> Self {
        lost.errno
    }
}

/// What a draft starts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// A new file.
    New { exclusive: bool },
    /// The present file, cut to nothing.
    Cut,
    /// The present file.
    Present,
}

/// A change that waits to be taken; drafts still count against the call.
pub(crate) enum Pending {
    Draft {
        path: String,
        exclusive: bool,
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
        change
            .paths()
            .try_for_each(|path| self.lower.check_change(path))?;
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
                exclusive,
                content,
                cost,
            } => SharedChange::Publish(Draft {
                path,
                exclusive,
                held: self.meter.hand_over(cost),
                content,
            }),
        })
    }

    /// A draft of a shared file.
    pub(crate) fn draft(&mut self, path: String, start: Start) -> Result<NodeId, Errno> {
        self.lower.check_change(&path)?;
        let (content, times) = match start {
            Start::Present => {
                let file = self.lower.open(&path)?;
                let times = Times::all(file.mtime());
                (Content::over(file), times)
            }
            Start::Cut => (Content::default(), Times::all(now())),
            Start::New { .. } => {
                self.lower.check_path(&path)?;
                (Content::default(), Times::all(now()))
            }
        };
        let path = LowerPath {
            view: View::Shared,
            path,
        };
        let changed = start != Start::Present;
        let node = Node {
            origin: Origin::Draft {
                path,
                changed,
                exclusive: start == Start::New { exclusive: true },
                lost: None,
            },
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

    /// Notes why a draft lacks something, or that it lacks nothing any more. Other files have no
    /// such state: whoever writes to them was told.
    pub(crate) fn set_lost(&mut self, id: NodeId, errno: Option<Errno>) {
        let origin = self.nodes.get_mut(&id).map(|node| &mut node.origin);
        if let Some(Origin::Draft { lost, .. }) = origin {
            *lost = errno;
        }
    }

    /// Queues a changed draft, which no descriptor is open on any more, for publication.
    pub(crate) fn retire(&mut self, draft: Node) {
        let cost = draft.cost() + draft.content_cost();
        if let (
            Origin::Draft {
                path, exclusive, ..
            },
            Body::File(content),
        ) = (draft.origin, draft.body)
        {
            self.pending.push_back(Pending::Draft {
                path: path.path,
                exclusive,
                content,
                cost,
            });
        }
    }
}

impl Node {
    /// Whether it is a draft that differs from the present file, as it should.
    pub(crate) fn is_to_publish(&self) -> bool {
        let (changed, lost) = match self.origin {
            Origin::Draft { changed, lost, .. } => (changed, lost),
            Origin::Scratch(_) | Origin::Lower { .. } => return false,
        };
        changed && lost.is_none()
    }

    /// That it is a draft which is not to be published, if it is.
    pub(crate) fn lost_draft(&self) -> Option<LostDraft> {
        match &self.origin {
            Origin::Draft {
                path,
                lost: Some(errno),
                ..
            } => Some(LostDraft {
                path: path.path.clone(),
                errno: *errno,
            }),
            _ => None,
        }
    }
}
