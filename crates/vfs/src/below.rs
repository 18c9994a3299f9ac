//! What shows from the lower tree, which others may change while the call runs.
//!
//! What the call has changed itself stays as the call left it. Of the rest the next look shows the
//! present state, while open files stay as they were.

use crate::node::{Body, LowerPath, NodeId, View};
use crate::tree::{Place, Tree, check_name};
use crate::{Errno, LowerDirEntry, Metadata, NodeKind};

/// The one directory that the scratch layer has from the start.
const TMP: &str = "tmp";

impl Tree {
    /// What was born at a lower path, wherever it is now.
    pub(crate) fn at(&self, path: LowerPath) -> Result<Option<Place>, Errno> {
        let born = self.born_at(&path);
        if let Some(id) = born
            && self.node(id)?.is_claimed()
        {
            return Ok(Some(Place::Node(id)));
        }
        let Some(metadata) = self.lower_metadata(&path)? else {
            return Ok(None);
        };
        if let Some(id) = born
            && self.is_current(id, metadata)?
        {
            return Ok(Some(Place::Node(id)));
        }
        Ok(Some(Place::Lower(path, metadata)))
    }

    /// The newest that is known of a place: a lower entry may have got its node since it was looked
    /// up, or have been replaced below the node that it had.
    pub(crate) fn newest(&mut self, place: Place) -> Result<Place, Errno> {
        let Place::Lower(path, metadata) = &place else {
            return Ok(place);
        };
        let Some(id) = self.born_at(path) else {
            return Ok(place);
        };
        if self.node(id)?.is_claimed() || self.is_current(id, *metadata)? {
            return Ok(Place::Node(id));
        }
        // Only its descriptors keep the old one, as if a file had been renamed over it.
        self.born.remove(&path.path);
        self.node_mut(id)?.links = 0;
        Ok(place)
    }

    fn born_at(&self, path: &LowerPath) -> Option<NodeId> {
        match path.view {
            View::Merged => self.born.get(&path.path).copied(),
            View::Shared => None,
        }
    }

    /// Whether a node that is no different from its lower entry still is.
    fn is_current(&self, id: NodeId, metadata: Metadata) -> Result<bool, Errno> {
        let node = self.node(id)?;
        Ok(match &node.body {
            Body::File(content) => {
                metadata.kind == NodeKind::File
                    && (metadata.len, metadata.mtime) == (content.len(), node.times.mtim)
            }
            Body::Directory(_) => metadata.kind == NodeKind::Directory,
            Body::Symlink(_) => false,
        })
    }

    fn lower_metadata(&self, path: &LowerPath) -> Result<Option<Metadata>, Errno> {
        let directory = Metadata {
            kind: NodeKind::Directory,
            len: 0,
            mtime: self.start,
        };
        if path.view == View::Merged && path.path == TMP {
            return Ok(Some(directory));
        }
        if !is_under_tmp(path) {
            match self.lower.metadata(&path.path) {
                Ok(metadata) => return Ok(Some(metadata)),
                Err(Errno::Noent | Errno::Notdir) => {}
                Err(errno) => return Err(errno),
            }
        }
        // The way to what the call has changed must not vanish.
        let leads_on = self.changed_in(path).next().is_some();
        Ok(leads_on.then_some(directory))
    }

    /// What the call has changed in a lower directory or below, by the path from there.
    fn changed_in(&self, path: &LowerPath) -> impl Iterator<Item = (&str, NodeId)> {
        let inside = match path.path.as_str() {
            "" => String::new(),
            path => format!("{path}/"),
        };
        let start = inside.len();
        self.born
            .range(inside.clone()..)
            .take_while(move |(path, _)| path.starts_with(&inside))
            .filter(move |(born, id)| {
                let is_claimed = self.nodes.get(id).is_some_and(|node| node.is_claimed());
                path.view == View::Merged && is_claimed && born.len() > start
            })
            .map(move |(path, id)| (&path[start..], *id))
    }

    /// Whether removing the entry that was born there would uncover something.
    pub(crate) fn must_hide(&self, path: &LowerPath) -> Result<bool, Errno> {
        Ok(self.born_at(path).is_some() || self.lower_metadata(path)?.is_some())
    }

    /// The lower entries that show through a directory, those with names that can be said. An entry
    /// may be there twice.
    pub(crate) fn lower_list(&self, path: &LowerPath) -> Result<Vec<LowerDirEntry>, Errno> {
        let is_tmp = path.view == View::Merged && path.path == TMP;
        let listed = match is_tmp || is_under_tmp(path) {
            true => Ok(Vec::new()),
            false => self.lower.list(&path.path),
        };
        let mut entries = match listed {
            Err(Errno::Noent | Errno::Notdir) if path.view == View::Merged => Vec::new(),
            listed => listed?,
        };
        entries.retain(|entry| check_name(&entry.name).is_ok());
        if path.view == View::Merged && path.path.is_empty() {
            entries.retain(|entry| entry.name != TMP);
            entries.push(LowerDirEntry {
                name: TMP.to_owned(),
                kind: NodeKind::Directory,
            });
        }
        for (path, id) in self.changed_in(path) {
            let (name, kind) = match path.split_once('/') {
                Some((name, _)) => (name, NodeKind::Directory),
                None => match self.node(id)?.body {
                    Body::Directory(_) => (path, NodeKind::Directory),
                    Body::File(_) | Body::Symlink(_) => (path, NodeKind::File),
                },
            };
            entries.push(LowerDirEntry {
                name: name.to_owned(),
                kind,
            });
        }
        Ok(entries)
    }
}

fn is_under_tmp(path: &LowerPath) -> bool {
    path.view == View::Merged
        && path
            .path
            .strip_prefix(TMP)
            .is_some_and(|rest| rest.starts_with('/'))
}
