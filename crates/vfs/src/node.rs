//! The nodes of the scratch layer: what a name leads to.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::content::Content;
use crate::{Errno, Filetype, SetTimes, TimeChange};

/// What a node costs beside its content.
const NODE_COST: u64 = 128;
/// What a directory entry costs beside its name.
const SLOT_COST: u64 = 128;

/// Names a node for the whole life of the filesystem; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeId(pub(crate) u64);

impl NodeId {
    pub(crate) const ROOT: NodeId = NodeId(1);
}

/// A view of the lower tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum View {
    /// As the bottom of the call's own tree.
    Merged,
    /// As it is, through `faasm://`.
    Shared,
}

/// A path in the lower tree; the root is empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LowerPath {
    pub(crate) view: View,
    pub(crate) path: String,
}

impl LowerPath {
    pub(crate) fn root(view: View) -> Self {
        Self {
            view,
            path: String::new(),
        }
    }

    pub(crate) fn join(&self, name: &str) -> Self {
        let slash = if self.path.is_empty() { "" } else { "/" };
        Self {
            view: self.view,
            path: format!("{}{slash}{name}", self.path),
        }
    }

    /// The directory that holds it; the root holds itself.
    pub(crate) fn parent(&self) -> Self {
        let end = self.path.rfind('/').unwrap_or(0);
        Self {
            view: self.view,
            path: self.path[..end].to_owned(),
        }
    }

    /// The inode number of what was born here, wherever it is moved later. The upper half of the
    /// numbers is for the lower tree, the lower half counts scratch nodes.
    pub(crate) fn ino(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.path.hash(&mut hasher);
        hasher.finish() | 1 << 63
    }
}

/// A file, directory or symbolic link of the scratch layer, or a lower one that is open.
pub(crate) struct Node {
    pub(crate) origin: Origin,
    /// Names that lead here; 0 once removed, when only descriptors keep it.
    pub(crate) links: u32,
    /// Descriptors that keep it.
    pub(crate) pins: u32,
    pub(crate) times: Times,
    pub(crate) body: Body,
}

/// Where a node comes from.
pub(crate) enum Origin {
    /// It was made in this call.
    Scratch(NodeId),
    /// It stands for a lower one.
    Lower {
        /// Where it was born.
        path: LowerPath,
        /// Whether it differs from the lower one; it is charged for from then on, and kept.
        claimed: bool,
    },
    /// It is to be a file of the shared tree.
    Draft {
        /// Where it will be.
        path: LowerPath,
        /// Whether it differs from the present one; it is charged for from then on, and published.
        changed: bool,
        /// Whether it must not take the place of another.
        exclusive: bool,
        /// Why it lacks something that was to be written to it; it is not published then.
        lost: Option<Errno>,
    },
}

pub(crate) enum Body {
    File(Content),
    Directory(Directory),
    Symlink(String),
}

pub(crate) struct Directory {
    pub(crate) slots: BTreeMap<Box<str>, Slot>,
    /// The lower directory whose entries show where there is no slot.
    pub(crate) base: Option<LowerPath>,
    pub(crate) parent: Parent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Node(NodeId),
    /// Hides the lower entry of this name.
    Whiteout,
}

/// What `..` is in a directory.
pub(crate) enum Parent {
    Node(NodeId),
    /// It is where it was born.
    Lower(LowerPath),
    /// The directory was removed.
    Gone,
}

/// Times in ns since 1970.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    pub(crate) atim: u64,
    pub(crate) mtim: u64,
    pub(crate) ctim: u64,
}

impl Node {
    pub(crate) fn ino(&self) -> u64 {
        match &self.origin {
            Origin::Scratch(id) => id.0,
            Origin::Lower { path, .. } | Origin::Draft { path, .. } => path.ino(),
        }
    }

    pub(crate) fn dev(&self) -> u64 {
        match &self.origin {
            Origin::Lower { path, .. } | Origin::Draft { path, .. } => path.view.dev(),
            Origin::Scratch(_) => View::Merged.dev(),
        }
    }

    pub(crate) fn is_claimed(&self) -> bool {
        match self.origin {
            Origin::Scratch(_) => true,
            Origin::Lower { claimed, .. } => claimed,
            Origin::Draft { changed, .. } => changed,
        }
    }

    /// What it costs by itself, without content and entries.
    pub(crate) fn cost(&self) -> u64 {
        let path = match &self.origin {
            Origin::Scratch(_) => 0,
            Origin::Lower { path, .. } | Origin::Draft { path, .. } => path.path.len() as u64,
        };
        let target = match &self.body {
            Body::Symlink(target) => target.len() as u64,
            Body::File(_) | Body::Directory(_) => 0,
        };
        NODE_COST + path + target
    }

    /// What it holds beside itself.
    pub(crate) fn content_cost(&self) -> u64 {
        match &self.body {
            Body::File(content) => content.cost(),
            Body::Directory(directory) => directory.slots.keys().map(|name| slot_cost(name)).sum(),
            Body::Symlink(_) => 0,
        }
    }

    pub(crate) fn directory(&self) -> Result<&Directory, Errno> {
        match &self.body {
            Body::Directory(directory) => Ok(directory),
            Body::File(_) | Body::Symlink(_) => Err(Errno::Notdir),
        }
    }

    pub(crate) fn directory_mut(&mut self) -> Result<&mut Directory, Errno> {
        match &mut self.body {
            Body::Directory(directory) => Ok(directory),
            Body::File(_) | Body::Symlink(_) => Err(Errno::Notdir),
        }
    }
}

impl View {
    pub(crate) fn dev(self) -> u64 {
        match self {
            View::Merged => 1,
            View::Shared => 2,
        }
    }
}

impl Body {
    pub(crate) fn filetype(&self) -> Filetype {
        match self {
            Body::File(_) => Filetype::RegularFile,
            Body::Directory(_) => Filetype::Directory,
            Body::Symlink(_) => Filetype::SymbolicLink,
        }
    }
}

pub(crate) fn slot_cost(name: &str) -> u64 {
    SLOT_COST + name.len() as u64
}

impl Times {
    pub(crate) fn all(at: u64) -> Self {
        Self {
            atim: at,
            mtim: at,
            ctim: at,
        }
    }

    /// Records that the data changed.
    pub(crate) fn modified(&mut self) {
        self.mtim = now();
        self.ctim = self.mtim;
    }

    pub(crate) fn set(&mut self, change: SetTimes) {
        let now = now();
        for (time, change) in [(&mut self.atim, change.atim), (&mut self.mtim, change.mtim)] {
            match change {
                TimeChange::Keep => {}
                TimeChange::Now => *time = now,
                TimeChange::At(at) => *time = at,
            }
        }
        self.ctim = now;
    }
}

/// The present, in ns since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
