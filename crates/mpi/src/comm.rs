//! Communicators and groups, as a rank holds them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::abi::Handle;
use crate::cart::Cart;
use crate::collective::Stage;
use crate::error::{Class, Result};
use crate::held::{Account, Held};
use crate::info::Info;
use crate::keyval::Keyval;
use crate::memory::Memory;
use crate::rank::Rank;
use crate::table::{Kind, Table};
use crate::world::WORLD_CONTEXT;

/// Ranks of `MPI_COMM_WORLD` in the order of the group.
pub(crate) type Group = Arc<[u32]>;

/// A communicator, as one of its ranks sees it.
#[derive(Debug)]
pub(crate) struct Comm {
    /// Its number: messages of different communicators do not meet.
    pub(crate) context: u64,
    pub(crate) group: Group,
    /// This rank's place in the group.
    pub(crate) rank: u32,
    /// Where its ranks meet for collectives.
    pub(crate) stage: Arc<Stage>,
    /// How many collectives this rank has begun.
    pub(crate) rounds: AtomicU64,
    pub(crate) cart: Option<Cart>,
}

/// What all ranks of a new communicator share.
#[derive(Clone, Debug)]
pub(crate) struct NewComm {
    pub(crate) context: u64,
    pub(crate) group: Group,
    pub(crate) stage: Arc<Stage>,
}

/// A communicator with what the program has set on it.
#[derive(Debug)]
pub(crate) struct CommEntry {
    pub(crate) comm: Arc<Comm>,
    pub(crate) attributes: BTreeMap<Handle, Attribute>,
    pub(crate) errhandler: Handle,
    pub(crate) name: Vec<u8>,
    pub(crate) info: Info,
    /// For all that other entries do not hold themselves.
    _held: Held,
}

/// A value that a program has kept with a communicator.
#[derive(Debug)]
pub(crate) struct Attribute {
    pub(crate) key: Arc<Keyval>,
    pub(crate) value: u32,
    pub(crate) _held: Held,
}

/// A group that a program has a handle of.
#[derive(Debug)]
pub(crate) struct GroupEntry {
    group: Group,
    _held: Held,
}

/// What a communicator of so many ranks takes, in bytes, beside its place in the table.
pub(crate) fn weight(ranks: usize) -> usize {
    const FIXED: usize = size_of::<Comm>() + size_of::<Stage>() + crate::abi::MAX_OBJECT_NAME;
    FIXED + group_weight(ranks)
}

fn group_weight(ranks: usize) -> usize {
    ranks * size_of::<u32>() + 2 * size_of::<usize>()
}

/// The communicators of a rank.
#[derive(Debug)]
pub(crate) struct Comms {
    world: CommEntry,
    own: CommEntry,
    made: Table<CommEntry>,
    /// Whether the program has said what is to happen to errors that belong to no communicator.
    pub(crate) is_own_handler_set: bool,
}

impl Comm {
    pub(crate) fn new(new: NewComm, me: u32) -> Option<Self> {
        let rank = new.group.iter().position(|&member| member == me)?;
        Some(Self {
            context: new.context,
            rank: rank as u32,
            group: new.group,
            stage: new.stage,
            rounds: AtomicU64::new(0),
            cart: None,
        })
    }

    pub(crate) fn size(&self) -> usize {
        self.group.len()
    }

    /// The rank in the world of one of its ranks.
    pub(crate) fn member(&self, rank: i32) -> Result<u32> {
        let member = usize::try_from(rank).ok().and_then(|r| self.group.get(r));
        member.copied().ok_or_else(|| {
            let size = self.size();
            Class::Rank.because(format!("the rank is {rank}, the communicator has {size}"))
        })
    }

    /// The root of a collective.
    pub(crate) fn root(&self, root: i32) -> Result<u32> {
        match u32::try_from(root) {
            Ok(root) if (root as usize) < self.size() => Ok(root),
            _ => {
                let size = self.size();
                Err(Class::Root.because(format!("the root is {root}, the communicator has {size}")))
            }
        }
    }
}

impl CommEntry {
    /// `held` is for the [`weight`] of the communicator.
    pub(crate) fn new(comm: Comm, errhandler: Handle, info: Info, held: Held) -> Self {
        Self {
            _held: held,
            comm: Arc::new(comm),
            attributes: BTreeMap::new(),
            errhandler,
            name: Vec::new(),
            info,
        }
    }
}

impl Comms {
    /// Those that every rank has.
    pub(crate) fn new(
        me: u32,
        size: u32,
        stage: &Arc<Stage>,
        account: &Account,
        limit: usize,
    ) -> Self {
        let entry = |context, group: Group, rank, stage, name: &str| {
            let comm = Comm {
                context,
                rank,
                group,
                stage,
                rounds: AtomicU64::new(0),
                cart: None,
            };
            CommEntry {
                name: name.into(),
                ..CommEntry::new(
                    comm,
                    Handle::ERRORS_ARE_FATAL,
                    Info::new(account),
                    account.nothing(),
                )
            }
        };
        let all: Group = (0..size).collect();
        let (world, own) = ("MPI_COMM_WORLD", "MPI_COMM_SELF");
        Self {
            world: entry(WORLD_CONTEXT, all, me, Arc::clone(stage), world),
            own: entry(
                1 + u64::from(me),
                [me].into(),
                0,
                Arc::new(Stage::alone()),
                own,
            ),
            made: Table::new(Kind::Comm, limit, account),
            is_own_handler_set: false,
        }
    }

    pub(crate) fn get(&self, handle: Handle) -> Result<&CommEntry> {
        match handle {
            Handle::COMM_WORLD => Ok(&self.world),
            Handle::COMM_SELF => Ok(&self.own),
            made => self.made.get(made),
        }
    }

    pub(crate) fn get_mut(&mut self, handle: Handle) -> Result<&mut CommEntry> {
        match handle {
            Handle::COMM_WORLD => Ok(&mut self.world),
            Handle::COMM_SELF => Ok(&mut self.own),
            made => self.made.get_mut(made),
        }
    }

    /// Makes room for one more: the next is not refused.
    pub(crate) fn make_room(&mut self) -> Result<()> {
        self.made.make_room()
    }

    pub(crate) fn insert(&mut self, entry: CommEntry) -> Result<Handle> {
        self.made.insert(entry)
    }

    /// Takes one away that the program has made.
    pub(crate) fn remove(&mut self, handle: Handle) -> Result<CommEntry> {
        self.made.remove(handle)
    }

    /// Whether errors on a communicator, or on none, are for the program to see.
    pub(crate) fn returns_errors(&self, raising: Handle) -> bool {
        let entry = match self.get(raising) {
            Ok(entry) => entry,
            // The standard says MPI_COMM_SELF. Before MPI 4 it was MPI_COMM_WORLD, and programs
            // only know that one.
            Err(_) if self.is_own_handler_set => &self.own,
            Err(_) => &self.world,
        };
        entry.errhandler == Handle::ERRORS_RETURN
    }
}

impl<M: Memory> Rank<M> {
    /// A communicator: errors are raised on it from here on.
    pub(crate) fn comm(&mut self, handle: Handle) -> Result<Arc<Comm>> {
        let comm = Arc::clone(&self.comms.get(handle)?.comm);
        self.raising = handle;
        Ok(comm)
    }

    pub(crate) fn group(&self, handle: Handle) -> Result<Group> {
        match handle {
            Handle::GROUP_EMPTY => Ok([].into()),
            made => self.groups.get(made).map(|entry| Arc::clone(&entry.group)),
        }
    }

    /// A handle of a new group.
    pub(crate) fn new_group(&mut self, group: Group) -> Result<Handle> {
        match group.is_empty() {
            true => Ok(Handle::GROUP_EMPTY),
            false => {
                let _held = self.account.hold(group_weight(group.len()))?;
                self.groups.insert(GroupEntry { group, _held })
            }
        }
    }
}
