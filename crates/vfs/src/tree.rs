//! The merged tree: scratch nodes where something changed, the lower tree where nothing did.
//!
//! Lower entries have no node until they are opened or changed. `born` finds the node of a lower
//! path, so a changed file needs no node for the directories above it, and a lower directory that
//! was renamed goes on showing what is under its old lower path.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::content::Content;
use crate::node::{Body, Directory, LowerPath, Node, NodeId, Origin, Parent, Slot, Times, View};
use crate::quota::Meter;
use crate::shared::Pending;
use crate::{Errno, Filestat, Filetype, Lower, Metadata, NodeKind};

/// The longest name, in bytes.
pub(crate) const MAX_NAME: usize = 255;

pub(crate) struct Tree {
    pub(crate) lower: Arc<dyn Lower>,
    pub(crate) meter: Meter,
    pub(crate) nodes: BTreeMap<NodeId, Node>,
    /// Nodes by the lower path where they were born, of the merged view only.
    pub(crate) born: BTreeMap<String, NodeId>,
    /// Changes of the shared tree that the caller has not taken yet.
    pub(crate) pending: VecDeque<Pending>,
    last_id: NodeId,
    pub(crate) start: u64,
}

/// Something that exists.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Node(NodeId),
    /// A lower entry that has no node.
    Lower(LowerPath, Metadata),
}

impl Tree {
    pub(crate) fn new(lower: Arc<dyn Lower>, meter: Meter) -> Self {
        Self {
            lower,
            meter,
            nodes: BTreeMap::new(),
            born: BTreeMap::new(),
            pending: VecDeque::new(),
            last_id: NodeId::ROOT,
            start: crate::node::now(),
        }
    }

    /// The root, whose node is made when it is first needed: many calls touch no file.
    pub(crate) fn root(&mut self) -> Place {
        if !self.nodes.contains_key(&NodeId::ROOT) {
            let path = LowerPath::root(View::Merged);
            self.born.insert(String::new(), NodeId::ROOT);
            let directory = Directory {
                slots: BTreeMap::new(),
                base: Some(path.clone()),
                parent: Parent::Node(NodeId::ROOT),
            };
            let root = Node {
                origin: Origin::Lower {
                    path,
                    claimed: true,
                },
                links: 1,
                // Never given up, whichever descriptors come and go.
                pins: 1,
                times: Times::all(self.start),
                body: Body::Directory(directory),
            };
            self.nodes.insert(NodeId::ROOT, root);
        }
        Place::Node(NodeId::ROOT)
    }

    pub(crate) fn shared_root(&self) -> Result<Place, Errno> {
        self.at(LowerPath::root(View::Shared))?.ok_or(Errno::Noent)
    }

    pub(crate) fn new_id(&mut self) -> NodeId {
        self.last_id.0 += 1;
        self.last_id
    }

    pub(crate) fn node(&self, id: NodeId) -> Result<&Node, Errno> {
        self.nodes.get(&id).ok_or(Errno::Noent)
    }

    pub(crate) fn node_mut(&mut self, id: NodeId) -> Result<&mut Node, Errno> {
        self.nodes.get_mut(&id).ok_or(Errno::Noent)
    }

    /// The entry `name` of a directory. `name` is neither `.` nor `..`.
    pub(crate) fn child(&self, directory: &Place, name: &str) -> Result<Option<Place>, Errno> {
        let base = match directory {
            Place::Node(id) => {
                let directory = self.node(*id)?.directory()?;
                // As on Linux: in a removed directory there is nothing, whatever its name.
                if matches!(directory.parent, Parent::Gone) {
                    return Ok(None);
                }
                check_name(name)?;
                match directory.slots.get(name) {
                    Some(Slot::Node(id)) => return Ok(Some(Place::Node(*id))),
                    Some(Slot::Whiteout) => None,
                    None => directory.base.as_ref(),
                }
            }
            Place::Lower(
                _,
                Metadata {
                    kind: NodeKind::File,
                    ..
                },
            ) => return Err(Errno::Notdir),
            Place::Lower(path, _) => {
                check_name(name)?;
                Some(path)
            }
        };
        base.map_or(Ok(None), |base| self.at(base.join(name)))
    }

    /// What `..` is in a directory.
    pub(crate) fn parent(&self, directory: &Place) -> Result<Place, Errno> {
        let path = match directory {
            Place::Node(id) => match &self.node(*id)?.directory()?.parent {
                Parent::Node(parent) => return Ok(Place::Node(*parent)),
                Parent::Lower(path) => path.clone(),
                Parent::Gone => return Err(Errno::Noent),
            },
            Place::Lower(
                _,
                Metadata {
                    kind: NodeKind::File,
                    ..
                },
            ) => return Err(Errno::Notdir),
            Place::Lower(path, _) => path.parent(),
        };
        self.at(path)?.ok_or(Errno::Noent)
    }

    pub(crate) fn is_empty_directory(&self, place: &Place) -> Result<bool, Errno> {
        let (slots, base) = match place {
            Place::Node(id) => {
                let directory = self.node(*id)?.directory()?;
                (Some(&directory.slots), directory.base.as_ref())
            }
            Place::Lower(path, _) => (None, Some(path)),
        };
        if slots.is_some_and(|slots| slots.values().any(|slot| *slot != Slot::Whiteout)) {
            return Ok(false);
        }
        base.map_or(Ok(true), |base| self.shows_nothing(base, slots))
    }

    pub(crate) fn filetype(&self, place: &Place) -> Result<Filetype, Errno> {
        Ok(match place {
            Place::Node(id) => self.node(*id)?.body.filetype(),
            Place::Lower(_, metadata) => metadata.kind.filetype(),
        })
    }

    pub(crate) fn is_directory(&self, place: &Place) -> Result<bool, Errno> {
        Ok(self.filetype(place)? == Filetype::Directory)
    }

    /// Whether it is seen through `faasm://`.
    pub(crate) fn is_shared(&self, place: &Place) -> Result<bool, Errno> {
        Ok(match place {
            Place::Node(id) => self.node(*id)?.dev() == View::Shared.dev(),
            Place::Lower(path, _) => path.view == View::Shared,
        })
    }

    /// The target, if it is a symbolic link.
    pub(crate) fn link_target(&self, place: &Place) -> Result<Option<&str>, Errno> {
        let Place::Node(id) = place else {
            return Ok(None);
        };
        Ok(match &self.node(*id)?.body {
            Body::Symlink(target) => Some(target),
            Body::File(_) | Body::Directory(_) => None,
        })
    }

    pub(crate) fn filestat(&self, place: &Place) -> Result<Filestat, Errno> {
        let id = match place {
            Place::Node(id) => *id,
            Place::Lower(path, metadata) => {
                let Metadata { kind, len, mtime } = *metadata;
                return Ok(Filestat {
                    dev: path.view.dev(),
                    ino: path.ino(),
                    filetype: kind.filetype(),
                    nlink: 1,
                    size: if kind == NodeKind::File { len } else { 0 },
                    atim: mtime,
                    mtim: mtime,
                    ctim: mtime,
                });
            }
        };
        let node = self.node(id)?;
        Ok(Filestat {
            dev: node.dev(),
            ino: node.ino(),
            filetype: node.body.filetype(),
            nlink: u64::from(node.links),
            size: match &node.body {
                Body::File(content) => content.len(),
                Body::Directory(_) => 0,
                Body::Symlink(target) => target.len() as u64,
            },
            atim: node.times.atim,
            mtim: node.times.mtim,
            ctim: node.times.ctim,
        })
    }

    /// The node that stands for a lower entry, not yet in the tree.
    pub(crate) fn node_for(
        &self,
        path: LowerPath,
        metadata: Metadata,
        claimed: bool,
    ) -> Result<Node, Errno> {
        let (body, mtime) = match metadata.kind {
            NodeKind::File => {
                let file = self.lower.open(&path.path)?;
                let mtime = file.mtime();
                (Body::File(Content::over(file)), mtime)
            }
            NodeKind::Directory => {
                let directory = Directory {
                    slots: BTreeMap::new(),
                    base: Some(path.clone()),
                    parent: Parent::Lower(path.parent()),
                };
                (Body::Directory(directory), metadata.mtime)
            }
        };
        let origin = Origin::Lower { path, claimed };
        Ok(Node {
            origin,
            links: 1,
            pins: 0,
            times: Times::all(mtime),
            body,
        })
    }
}

impl Place {
    pub(crate) fn is_same(&self, other: &Place) -> bool {
        match (self, other) {
            (Place::Node(id), Place::Node(other)) => id == other,
            (Place::Lower(path, _), Place::Lower(other, _)) => path == other,
            _ => false,
        }
    }
}

impl NodeKind {
    pub(crate) fn filetype(self) -> Filetype {
        match self {
            NodeKind::File => Filetype::RegularFile,
            NodeKind::Directory => Filetype::Directory,
        }
    }
}

pub(crate) fn check_name(name: &str) -> Result<(), Errno> {
    if name.len() > MAX_NAME {
        return Err(Errno::Nametoolong);
    }
    if matches!(name, "" | "." | "..") || name.contains(['/', '\0']) {
        return Err(Errno::Inval);
    }
    Ok(())
}
