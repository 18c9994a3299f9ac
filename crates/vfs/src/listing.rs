//! Reading a directory, piece by piece, while it changes.

use crate::node::{NodeId, Slot};
use crate::tree::{Place, Tree};
use crate::{Errno, Filetype};

/// What a listed entry costs beside its name.
const ITEM_COST: u64 = 64;

/// The entries of a directory at the moment when reading began. Cookies count in it, so they mean
/// the same however many entries come and go; entries that went are skipped, those that came
/// later show after a rewind.
pub(crate) struct Listing {
    items: Vec<Item>,
    /// What the meter was charged for it.
    pub(crate) cost: u64,
}

struct Item {
    name: Box<str>,
    ino: u64,
    filetype: Filetype,
    source: Source,
}

enum Source {
    /// `.` or `..`: always there.
    Dots,
    /// It had a slot, so it is there as long as it has.
    Slot,
    /// It shows from the lower directory, until something hides it.
    Lower,
}

/// One entry of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirEntry<'a> {
    /// The cookie from which to go on after this entry.
    pub next: u64,
    /// The inode number.
    pub ino: u64,
    /// The type.
    pub filetype: Filetype,
    /// The name.
    pub name: &'a str,
}

/// The entries of a directory from some cookie on; see [`Vfs::readdir`](crate::Vfs::readdir).
pub struct ReadDir<'a> {
    tree: &'a Tree,
    directory: NodeId,
    listing: &'a Listing,
    next: usize,
}

impl Listing {
    /// Lists a directory. The caller gives its cost back when it drops the listing.
    pub(crate) fn take(tree: &mut Tree, id: NodeId) -> Result<Self, Errno> {
        let items = items(tree, id)?;
        let cost = items
            .iter()
            .map(|item| ITEM_COST + item.name.len() as u64)
            .sum();
        tree.meter.take(cost).map_err(|_| Errno::Nomem)?;
        Ok(Self { items, cost })
    }
}

fn items(tree: &Tree, id: NodeId) -> Result<Vec<Item>, Errno> {
    let place = Place::Node(id);
    let node = tree.node(id)?;
    let directory = node.directory()?;
    if node.links == 0 {
        return Err(Errno::Noent);
    }
    let dots = |name: &str, ino| Item {
        name: name.into(),
        ino,
        filetype: Filetype::Directory,
        source: Source::Dots,
    };
    let parent = tree.filestat(&tree.parent(&place)?)?;
    let mut items = vec![dots(".", node.ino()), dots("..", parent.ino)];
    for (name, slot) in &directory.slots {
        if let Slot::Node(id) = slot {
            let node = tree.node(*id)?;
            items.push(Item {
                name: name.clone(),
                ino: node.ino(),
                filetype: node.body.filetype(),
                source: Source::Slot,
            });
        }
    }
    if let Some(base) = &directory.base {
        let mut lower = tree.lower_list(base)?;
        lower.retain(|entry| !directory.slots.contains_key(entry.name.as_str()));
        // A tree that names an entry twice must not make one of two.
        lower.sort_by(|a, b| a.name.cmp(&b.name));
        lower.dedup_by(|a, b| a.name == b.name);
        items.extend(lower.into_iter().map(|entry| Item {
            ino: base.join(&entry.name).ino(),
            filetype: entry.kind.filetype(),
            name: entry.name.into(),
            source: Source::Lower,
        }));
    }
    Ok(items)
}

impl<'a> ReadDir<'a> {
    pub(crate) fn new(
        tree: &'a Tree,
        directory: NodeId,
        listing: &'a Listing,
        cookie: u64,
    ) -> Self {
        let next = usize::try_from(cookie).unwrap_or(usize::MAX);
        Self {
            tree,
            directory,
            listing,
            next,
        }
    }

    /// The entry as it is now, if it still is.
    fn current(&self, item: &'a Item) -> Option<DirEntry<'a>> {
        let mut entry = DirEntry {
            next: self.next as u64,
            ino: item.ino,
            filetype: item.filetype,
            name: &item.name,
        };
        if matches!(item.source, Source::Dots) {
            return Some(entry);
        }
        let directory = self.tree.node(self.directory).ok()?.directory().ok()?;
        match (directory.slots.get(&item.name), &item.source) {
            (Some(Slot::Node(id)), _) => {
                let node = self.tree.node(*id).ok()?;
                (entry.ino, entry.filetype) = (node.ino(), node.body.filetype());
                Some(entry)
            }
            (Some(Slot::Whiteout), _) | (None, Source::Slot | Source::Dots) => None,
            (None, Source::Lower) => Some(entry),
        }
    }
}

impl<'a> Iterator for ReadDir<'a> {
    type Item = DirEntry<'a>;

    fn next(&mut self) -> Option<DirEntry<'a>> {
        loop {
            let item = self.listing.items.get(self.next)?;
            self.next += 1;
            if let Some(entry) = self.current(item) {
                return Some(entry);
            }
        }
    }
}
