//! What shows from the lower tree, which others may change while the call runs.
//!
//! What the call has changed itself stays as the call left it. Of the rest the next look shows the
//! present state, while open files stay as they were.

use std::collections::BTreeMap;

use crate::node::{Body, LowerPath, NodeId, Slot, View};
use crate::tree::{Place, Tree, check_name};
use crate::{Errno, LowerDirEntry, Metadata, NodeKind};

/// The one directory that the scratch layer has from the start.
const TMP: &str = "tmp";

/// Entries of a lower directory that are looked at at once.
const PAGE: usize = 1000;

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
        if !is_in_tmp(path) {
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
        // The shared tree is seen as it is.
        let born = (path.view == View::Merged).then(|| self.born.range(inside.clone()..));
        born.into_iter()
            .flatten()
            .take_while(move |(path, _)| path.starts_with(&inside))
            .filter(move |(born, id)| {
                let is_claimed = self.nodes.get(id).is_some_and(|node| node.is_claimed());
                is_claimed && born.len() > start
            })
            .map(move |(path, id)| (&path[start..], *id))
    }

    /// Whether removing the entry that was born there would uncover something.
    pub(crate) fn must_hide(&self, path: &LowerPath) -> Result<bool, Errno> {
        Ok(self.born_at(path).is_some() || self.lower_metadata(path)?.is_some())
    }

    /// The next of the entries that show through a directory from the lower tree, a page of them,
    /// those with names that can be said; `None` at the end. `after` is the last that was looked
    /// at. What is also among the [call's own](Tree::own_entries) shows as that.
    pub(crate) fn lower_page(
        &self,
        path: &LowerPath,
        after: &mut Option<String>,
    ) -> Result<Option<Vec<LowerDirEntry>>, Errno> {
        if is_in_tmp(path) {
            return Ok(None);
        }
        let mut page = match self.lower.list(&path.path, after.as_deref(), PAGE) {
            // Others may have removed it since the page before.
            Err(Errno::Noent | Errno::Notdir) if path.view == View::Merged || after.is_some() => {
                return Ok(None);
            }
            listed => listed?,
        };
        let Some(last) = page.last() else {
            return Ok(None);
        };
        // A tree that goes back would be listed for ever.
        if after.as_ref().is_some_and(|after| last.name <= *after) {
            return Err(Errno::Io);
        }
        *after = Some(last.name.clone());
        page.retain(|entry| check_name(&entry.name).is_ok());
        // A tree that names an entry twice must not make one of two.
        page.dedup_by(|a, b| a.name == b.name);
        Ok(Some(page))
    }

    /// What shows through a lower directory because of the call, whatever the lower tree has there:
    /// what it has changed, and the way to what it has changed below.
    pub(crate) fn own_entries(
        &self,
        path: &LowerPath,
    ) -> Result<BTreeMap<String, NodeKind>, Errno> {
        let mut own = BTreeMap::new();
        if path.view == View::Merged && path.path.is_empty() {
            own.insert(TMP.to_owned(), NodeKind::Directory);
        }
        for (path, id) in self.changed_in(path) {
            let (name, kind) = match path.split_once('/') {
                Some((name, _)) => (name, NodeKind::Directory),
                None => match self.node(id)?.body {
                    Body::Directory(_) => (path, NodeKind::Directory),
                    Body::File(_) | Body::Symlink(_) => (path, NodeKind::File),
                },
            };
            own.entry(name.to_owned()).or_insert(kind);
        }
        Ok(own)
    }

    /// Whether nothing shows through a directory but what its slots hide. Looks at no more than
    /// they make necessary.
    pub(crate) fn shows_nothing(
        &self,
        path: &LowerPath,
        hidden: Option<&BTreeMap<Box<str>, Slot>>,
    ) -> Result<bool, Errno> {
        let shows = |name: &str| !hidden.is_some_and(|slots| slots.contains_key(name));
        if self.own_entries(path)?.keys().any(|name| shows(name)) {
            return Ok(false);
        }
        if hidden.is_none_or(BTreeMap::is_empty) {
            return self.is_empty_below(path);
        }
        let mut after = None;
        while let Some(page) = self.lower_page(path, &mut after)? {
            if page.iter().any(|entry| shows(&entry.name)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn is_empty_below(&self, path: &LowerPath) -> Result<bool, Errno> {
        if is_in_tmp(path) {
            return Ok(true);
        }
        match self.lower.is_empty(&path.path) {
            Err(Errno::Noent | Errno::Notdir) if path.view == View::Merged => Ok(true),
            answer => answer,
        }
    }
}

/// Whether it is `/tmp` or in it, where nothing shows from the lower tree.
fn is_in_tmp(path: &LowerPath) -> bool {
    let rest = path.path.strip_prefix(TMP);
    path.view == View::Merged && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
