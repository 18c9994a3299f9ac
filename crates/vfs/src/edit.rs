//! Changes of the merged tree. Each either happens whole or not at all: what it costs is taken
//! before anything is touched.

use std::collections::BTreeMap;

use crate::content::Content;
use crate::node::{
    Body, Directory, Node, NodeId, Origin, Parent, Slot, Times, View, now, slot_cost,
};
use crate::quota::Meter;
use crate::tree::{Place, Tree};
use crate::{Errno, LostDraft};

impl Tree {
    /// Keeps something for a descriptor, even if it is removed meanwhile.
    pub(crate) fn pin(&mut self, place: Place) -> Result<NodeId, Errno> {
        let id = match self.newest(place)? {
            Place::Node(id) => id,
            // Not charged for: the number of descriptors bounds these.
            Place::Lower(path, metadata) => {
                let node = self.node_for(path, metadata, false)?;
                self.enter(node)
            }
        };
        self.node_mut(id)?.pins += 1;
        Ok(id)
    }

    /// Ends a [`pin`](Tree::pin); an error if that was the last one of a draft that is not
    /// published.
    pub(crate) fn unpin(&mut self, id: NodeId) -> Result<(), LostDraft> {
        let Some(node) = self.nodes.get_mut(&id) else {
            return Ok(());
        };
        node.pins = node.pins.saturating_sub(1);
        let lost = (node.pins == 0).then(|| node.lost_draft()).flatten();
        self.collect(id);
        lost.map_or(Ok(()), Err)
    }

    /// The node of something that is about to change; lower entries get one, paid for.
    pub(crate) fn claim(&mut self, place: &Place) -> Result<NodeId, Errno> {
        match self.newest(place.clone())? {
            Place::Node(id) => {
                let node = self.nodes.get_mut(&id).ok_or(Errno::Noent)?;
                let cost = node.cost();
                let claimed = match &mut node.origin {
                    Origin::Scratch(_) => return Ok(id),
                    Origin::Lower { path, .. } if path.view == View::Shared => {
                        return Err(self.refusal());
                    }
                    Origin::Lower { claimed, .. } => claimed,
                    Origin::Draft { changed, .. } => changed,
                };
                if !*claimed {
                    self.meter.take_inode(cost)?;
                    *claimed = true;
                }
                Ok(id)
            }
            Place::Lower(path, _) if path.view == View::Shared => Err(self.refusal()),
            Place::Lower(path, metadata) => {
                let node = self.node_for(path, metadata, true)?;
                self.meter.take_inode(node.cost())?;
                Ok(self.enter(node))
            }
        }
    }

    pub(crate) fn enter(&mut self, node: Node) -> NodeId {
        let id = self.new_id();
        if let Origin::Lower { path, .. } = &node.origin
            && path.view == View::Merged
        {
            self.born.insert(path.path.clone(), id);
        }
        self.nodes.insert(id, node);
        id
    }

    /// Changes the content of a file; the meter pays for it.
    pub(crate) fn change<T>(
        &mut self,
        id: NodeId,
        change: impl FnOnce(&mut Content, &mut Meter) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let was_claimed = self.node(id)?.is_claimed();
        self.claim(&Place::Node(id))?;
        let node = self.nodes.get_mut(&id).ok_or(Errno::Noent)?;
        let done = match &mut node.body {
            Body::File(content) => change(content, &mut self.meter),
            Body::Directory(_) => Err(Errno::Isdir),
            Body::Symlink(_) => Err(Errno::Inval),
        };
        let cost = node.cost();
        match (&done, &mut node.origin) {
            (Ok(_), _) => node.times.modified(),
            // It is as it was, and others' files must not be replaced by that.
            (Err(_), Origin::Draft { changed, .. }) if !was_claimed => {
                *changed = false;
                self.meter.give_inode(cost);
            }
            (Err(_), _) => {}
        }
        done
    }

    /// Writes what there is room for, at `offset` or at the end, and tells where. What a draft does
    /// not get is noted.
    pub(crate) fn write(
        &mut self,
        id: NodeId,
        data: &[u8],
        offset: Option<u64>,
    ) -> Result<(u64, usize), Errno> {
        let written = self.change(id, |content, meter| {
            let offset = offset.unwrap_or(content.len());
            let written = content.write_at(meter, data, offset)?;
            Ok((offset, written))
        });
        let stopped = match written {
            Ok((_, written)) => written.stopped,
            Err(errno) => Some(errno),
        };
        if stopped.is_some() {
            self.set_lost(id, stopped);
        }
        written.map(|(offset, written)| (offset, written.len))
    }

    /// Sets the length of a file. A draft that is cut to nothing starts anew.
    pub(crate) fn set_len(&mut self, id: NodeId, len: u64) -> Result<(), Errno> {
        let set = self.change(id, |content, meter| content.set_len(meter, len));
        match set {
            Err(errno) => self.set_lost(id, Some(errno)),
            Ok(()) if len == 0 => self.set_lost(id, None),
            Ok(()) => {}
        }
        set
    }

    /// Makes `name`, which must not exist, in a directory.
    pub(crate) fn create(
        &mut self,
        directory: &Place,
        name: &str,
        body: Body,
    ) -> Result<NodeId, Errno> {
        let parent = self.claim_directory(directory)?;
        let entry = self.slot_charge(parent, name)?;
        let id = self.new_id();
        let node = Node {
            origin: Origin::Scratch(id),
            links: 1,
            pins: 0,
            times: Times::all(now()),
            body,
        };
        self.meter.take_inode(entry + node.cost())?;
        self.nodes.insert(id, node);
        self.set_slot(parent, name, id)?;
        Ok(id)
    }

    /// An empty directory in `parent`, for [`create`](Tree::create).
    pub(crate) fn new_directory(&mut self, parent: &Place) -> Result<Body, Errno> {
        let parent = Parent::Node(self.claim_directory(parent)?);
        Ok(Body::Directory(Directory {
            slots: BTreeMap::new(),
            base: None,
            parent,
        }))
    }

    /// Gives something that is no directory another name, which must not exist.
    pub(crate) fn link(&mut self, old: &Place, dir: &Place, name: &str) -> Result<(), Errno> {
        let parent = self.claim_directory(dir)?;
        let id = self.claim(old)?;
        let links = self.node(id)?.links.checked_add(1).ok_or(Errno::Mlink)?;
        let entry = self.slot_charge(parent, name)?;
        self.meter.take(entry)?;
        self.set_slot(parent, name, id)?;
        let node = self.node_mut(id)?;
        node.links = links;
        node.times.ctim = now();
        Ok(())
    }

    /// Removes the name of `target`, and `target` itself with its last name.
    pub(crate) fn remove(
        &mut self,
        directory: &Place,
        name: &str,
        target: &Place,
    ) -> Result<(), Errno> {
        let parent = self.claim_directory(directory)?;
        let hide = self.base_has(parent, name)?;
        if hide {
            let entry = self.slot_charge(parent, name)?;
            self.meter.take(entry)?;
        }
        self.clear_slot(parent, name, hide)?;
        self.drop_link(target)
    }

    /// Moves `source` to another name, in place of `target` if there is one.
    pub(crate) fn rename(
        &mut self,
        (old_directory, old_name): (&Place, &str),
        source: &Place,
        (new_directory, new_name): (&Place, &str),
        target: Option<&Place>,
    ) -> Result<(), Errno> {
        let old_parent = self.claim_directory(old_directory)?;
        let new_parent = self.claim_directory(new_directory)?;
        let id = self.claim(source)?;
        let hide = self.base_has(old_parent, old_name)?;
        let mut entries = self.slot_charge(new_parent, new_name)?;
        if hide {
            entries += self.slot_charge(old_parent, old_name)?;
        }
        self.meter.take(entries)?;
        if let Some(target) = target {
            self.drop_link(target)?;
        }
        self.set_slot(new_parent, new_name, id)?;
        self.clear_slot(old_parent, old_name, hide)?;
        let node = self.node_mut(id)?;
        node.times.ctim = now();
        if let Body::Directory(directory) = &mut node.body {
            directory.parent = Parent::Node(new_parent);
        }
        Ok(())
    }

    /// Like [`claim`](Tree::claim), for a directory whose entries change.
    fn claim_directory(&mut self, place: &Place) -> Result<NodeId, Errno> {
        let id = self.claim(place)?;
        let node = self.node(id)?;
        node.directory()?;
        // A removed directory stays empty.
        if node.links == 0 {
            Err(Errno::Noent)
        } else {
            Ok(id)
        }
    }

    /// Whether removing `name` would uncover a lower entry.
    fn base_has(&self, directory: NodeId, name: &str) -> Result<bool, Errno> {
        match &self.node(directory)?.directory()?.base {
            Some(base) => self.must_hide(&base.join(name)),
            None => Ok(false),
        }
    }

    /// What another slot in a directory costs; nothing if there is one to be replaced.
    fn slot_charge(&self, directory: NodeId, name: &str) -> Result<u64, Errno> {
        let taken = self.node(directory)?.directory()?.slots.contains_key(name);
        Ok(if taken { 0 } else { slot_cost(name) })
    }

    fn set_slot(&mut self, directory: NodeId, name: &str, id: NodeId) -> Result<(), Errno> {
        let node = self.node_mut(directory)?;
        node.times.modified();
        node.directory_mut()?
            .slots
            .insert(name.into(), Slot::Node(id));
        Ok(())
    }

    fn clear_slot(&mut self, directory: NodeId, name: &str, hide: bool) -> Result<(), Errno> {
        let node = self.node_mut(directory)?;
        node.times.modified();
        let slots = &mut node.directory_mut()?.slots;
        if hide {
            slots.insert(name.into(), Slot::Whiteout);
        } else if slots.remove(name).is_some() {
            self.meter.give(slot_cost(name));
        }
        Ok(())
    }

    fn drop_link(&mut self, target: &Place) -> Result<(), Errno> {
        // A lower entry without a node has nothing to lose: a whiteout or another node hides it.
        let Place::Node(id) = target else {
            return Ok(());
        };
        let node = self.node_mut(*id)?;
        node.links = node.links.saturating_sub(1);
        node.times.ctim = now();
        if let Body::Directory(directory) = &mut node.body {
            directory.parent = Parent::Gone;
        }
        self.collect(*id);
        Ok(())
    }

    /// Forgets a node that nothing leads to, or that is no different from the lower one.
    fn collect(&mut self, id: NodeId) {
        let unused = |node: &Node| {
            let is_draft = matches!(node.origin, Origin::Draft { .. });
            node.pins == 0 && (node.links == 0 || !node.is_claimed() || is_draft)
        };
        if !self.nodes.get(&id).is_some_and(unused) {
            return;
        }
        if let Some(node) = self.nodes.remove(&id) {
            if node.is_to_publish() {
                return self.retire(node);
            }
            self.meter.give(node.content_cost());
            if node.is_claimed() {
                self.meter.give_inode(node.cost());
            }
            if let Origin::Lower { path, .. } = &node.origin
                && path.view == View::Merged
                && self.born.get(&path.path) == Some(&id)
            {
                self.born.remove(&path.path);
            }
        }
    }
}
