//! Reading a directory, piece by piece, while it changes.

use crate::node::{LowerPath, NodeId, Slot};
use crate::quota::Meter;
use crate::tree::{Place, Tree};
use crate::{Errno, Filetype, LowerDirEntry};

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
    /// Lists a directory, paying as it goes. The caller gives its cost back when it drops the
    /// listing.
    pub(crate) fn take(tree: &mut Tree, id: NodeId) -> Result<Self, Errno> {
        let mut listing = Self {
            items: Vec::new(),
            cost: 0,
        };
        match listing.fill(tree, id) {
            Ok(()) => Ok(listing),
            Err(errno) => {
                tree.meter.give(listing.cost);
                Err(errno)
            }
        }
    }

    fn fill(&mut self, tree: &mut Tree, id: NodeId) -> Result<(), Errno> {
        let standing = standing(tree, id)?;
        self.add(&mut tree.meter, standing)?;
        let Some(base) = tree.node(id)?.directory()?.base.clone() else {
            return Ok(());
        };
        let own = tree.own_entries(&base)?;
        let entries = own.iter().map(|(name, kind)| LowerDirEntry {
            name: name.clone(),
            kind: *kind,
        });
        let items = showing(tree, id, &base, entries)?;
        self.add(&mut tree.meter, items)?;
        let mut after = None;
        while let Some(page) = tree.lower_page(&base, &mut after)? {
            let others = page.into_iter();
            let others = others.filter(|entry| !own.contains_key(&entry.name));
            let items = showing(tree, id, &base, others)?;
            self.add(&mut tree.meter, items)?;
        }
        Ok(())
    }

    fn add(&mut self, meter: &mut Meter, items: Vec<Item>) -> Result<(), Errno> {
        let costs = items.iter().map(|item| ITEM_COST + item.name.len() as u64);
        let cost = costs.sum();
        meter.take(cost).map_err(|_| Errno::Nomem)?;
        self.cost += cost;
        self.items.extend(items);
        Ok(())
    }
}

/// The entries that a directory has of itself.
fn standing(tree: &Tree, id: NodeId) -> Result<Vec<Item>, Errno> {
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
    Ok(items)
}

/// Those of the lower entries that no slot of the directory hides.
fn showing(
    tree: &Tree,
    id: NodeId,
    base: &LowerPath,
    entries: impl Iterator<Item = LowerDirEntry>,
) -> Result<Vec<Item>, Errno> {
    let slots = &tree.node(id)?.directory()?.slots;
    let shown = entries.filter(|entry| !slots.contains_key(entry.name.as_str()));
    let items = shown.map(|entry| Item {
        ino: base.join(&entry.name).ino(),
        filetype: entry.kind.filetype(),
        name: entry.name.into(),
        source: Source::Lower,
    });
    Ok(items.collect())
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
