//! Where the ranks of a communicator meet.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use serde::{Deserialize, Serialize};

use crate::comm::NewComm;
use crate::datatype::Layout;
use crate::error::{Class, Result};
use crate::held::{Account, Held};
use crate::mailbox::Bytes;
use crate::part::Placement;
use crate::sync::lock;

/// The collectives of one communicator that not all of its ranks here have begun yet.
#[derive(Debug)]
pub(crate) struct Stage {
    /// Ranks of the communicator.
    size: usize,
    /// Those of them that are here.
    here: usize,
    /// Where the others are, if there are some.
    pub(crate) span: Option<Span>,
    rounds: Mutex<Rounds>,
}

/// How parts of a world call a stage that their ranks share.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Key {
    /// That of a communicator.
    Comm(u64),
    /// That of a group which makes a communicator out of another, with a tag.
    Group {
        of: u64,
        tag: i32,
        group: Arc<[u32]>,
    },
}

/// A communicator whose ranks are in several parts of the world.
#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) key: Key,
    /// The other parts, and which ranks of the communicator are there.
    pub(crate) others: Vec<(usize, Vec<u32>)>,
    /// Which of its ranks are here.
    pub(crate) ranks: Vec<u32>,
    /// The part that numbers new communicators: that of the first rank.
    pub(crate) lead: usize,
}

#[derive(Debug, Default)]
struct Rounds {
    /// The number of the first.
    first: u64,
    rounds: VecDeque<Gathering>,
}

/// A collective that some ranks have begun.
#[derive(Debug)]
struct Gathering {
    signature: Signature,
    /// Who has come first, in the communicator.
    by: u32,
    arrived: usize,
    deposits: Vec<Deposit>,
    /// Ranks of the world that wait for the others.
    waiting: Vec<u32>,
    board: Arc<Board>,
}

/// What all ranks have to agree on, as far as that is seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) call: &'static str,
    pub(crate) root: Option<u32>,
    /// The operation, if it is predefined, and other numbers.
    pub(crate) kind: u32,
    /// Bytes, if all have the same.
    pub(crate) bytes: Option<u64>,
}

/// What a rank has for the others.
#[derive(Debug, Default)]
pub(crate) struct Deposit {
    pub(crate) data: Data,
    pub(crate) parts: Parts,
    /// Where results go, for collectives whose ranks work for each other.
    pub(crate) target: Option<Layout>,
    /// A copy for the ranks of other parts, of data that stays where it is.
    pub(crate) copy: Option<(Vec<u8>, Parts)>,
    /// For data that is put down or copied.
    pub(crate) held: Option<Held>,
}

/// Data that every rank may put down without holding it, in bytes.
const FREE: usize = 1 << 10;

impl Deposit {
    /// Puts the data on the account of the rank it is from.
    pub(super) fn hold(&mut self, account: &Account) -> Result<()> {
        if let Data::Here(bytes) = &self.data
            && bytes.len() > FREE
        {
            self.held = Some(account.hold(bytes.len())?);
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
pub(crate) enum Data {
    #[default]
    None,
    /// The data, packed.
    Here(Bytes),
    /// Where it is in the rank's memory. The rank stays until everybody is done.
    There(Layout),
    /// There is none, because of this.
    Failed(Class),
}

/// How the data is divided: in bytes if it is put down, else in items of its type.
#[derive(Debug, Default)]
pub(crate) enum Parts {
    /// Not at all.
    #[default]
    One,
    /// So much for each rank.
    Equal(u64),
    /// For each rank where it is and how much; what is put down is in the order of the ranks.
    Each(Vec<(i64, u64)>),
}

/// A collective that all ranks have begun.
#[derive(Debug)]
pub(crate) struct Board {
    done: OnceLock<(Vec<Deposit>, Outcome)>,
    /// How many ranks may still need another's memory.
    unread: AtomicUsize,
    /// Ranks of the world that wait for that.
    staying: Mutex<Vec<u32>>,
    /// The next piece of work that nobody has taken.
    pub(crate) next: AtomicUsize,
}

/// What the last to come has made of it all.
#[derive(Debug)]
pub(crate) enum Outcome {
    Nothing,
    Bytes(Vec<u8>),
    /// For each rank the communicator that it is in.
    Comms(Vec<Option<NewComm>>),
}

/// What coming to a stage has led to.
pub(super) enum Arrival {
    /// Not all are there.
    Early(Arc<Board>),
    /// All are there; these ranks are to be told when the board is filled.
    Last {
        board: Arc<Board>,
        deposits: Vec<Deposit>,
        waiting: Vec<u32>,
    },
    /// Two ranks do not do the same: the first to come, and this one.
    Mismatch(Box<[(u32, Signature); 2]>),
}

impl Stage {
    /// Of a group of ranks of the world, some of which are in this part of it.
    pub(crate) fn new(key: Key, group: &[u32], placement: &Placement, own: usize) -> Self {
        let (here, span) = match placement.parts() {
            1 => (group.len(), None),
            _ => {
                let span = Span::new(key, group, placement, own);
                let is_spread = !span.others.is_empty();
                (span.ranks.len(), is_spread.then_some(span))
            }
        };
        Self {
            size: group.len(),
            here,
            span,
            rounds: Mutex::default(),
        }
    }

    /// Of one rank.
    pub(crate) fn alone() -> Self {
        Self {
            size: 1,
            here: 1,
            span: None,
            rounds: Mutex::default(),
        }
    }

    /// A rank comes to a round. `waits` is its number in the world, if it will wait for the rest.
    pub(super) fn arrive(
        &self,
        (round, rank): (u64, u32),
        signature: Signature,
        deposit: Deposit,
        waits: Option<u32>,
    ) -> Arrival {
        let mut rounds = lock(&self.rounds);
        // No rank comes to a round before it was at all former ones.
        let index = (round - rounds.first) as usize;
        if index == rounds.rounds.len() {
            let gathering = Gathering::new((self.size, self.here), signature.clone(), rank);
            rounds.rounds.push_back(gathering);
        }
        let gathering = &mut rounds.rounds[index];
        if gathering.signature != signature {
            let first = (gathering.by, gathering.signature.clone());
            return Arrival::Mismatch(Box::new([first, (rank, signature)]));
        }
        gathering.deposits[rank as usize] = deposit;
        gathering.arrived += 1;
        if gathering.arrived < self.here {
            gathering.waiting.extend(waits);
            return Arrival::Early(Arc::clone(&gathering.board));
        }
        // It is the first: the former ones were complete before.
        let taken = rounds.rounds.remove(index);
        rounds.first += 1;
        drop(rounds);
        match taken {
            Some(gathering) => Arrival::Last {
                board: gathering.board,
                deposits: gathering.deposits,
                waiting: gathering.waiting,
            },
            // Not possible: it was there just now.
            None => Arrival::Mismatch(Box::new([(rank, signature.clone()), (rank, signature)])),
        }
    }

    /// Lets a rank be told when a round is complete that it came to without waiting; `false` if it
    /// is.
    pub(super) fn wait_for(&self, round: u64, me: u32) -> bool {
        let mut rounds = lock(&self.rounds);
        let index = round.checked_sub(rounds.first);
        match index.and_then(|index| rounds.rounds.get_mut(index as usize)) {
            Some(gathering) => {
                gathering.waiting.push(me);
                true
            }
            None => false,
        }
    }
}

impl Span {
    /// Ranks of the communicator.
    pub(crate) fn size(&self) -> usize {
        self.ranks.len()
            + self
                .others
                .iter()
                .map(|(_, ranks)| ranks.len())
                .sum::<usize>()
    }

    fn new(key: Key, group: &[u32], placement: &Placement, own: usize) -> Self {
        let mut parts: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        for (rank, member) in (0..).zip(group) {
            parts
                .entry(placement.part_of(*member))
                .or_default()
                .push(rank);
        }
        Self {
            key,
            ranks: parts.remove(&own).unwrap_or_default(),
            others: parts.into_iter().collect(),
            lead: group.first().map_or(own, |first| placement.part_of(*first)),
        }
    }
}

impl Gathering {
    fn new((size, here): (usize, usize), signature: Signature, by: u32) -> Self {
        Self {
            signature,
            by,
            arrived: 0,
            deposits: std::iter::repeat_with(Deposit::default)
                .take(size)
                .collect(),
            waiting: Vec::with_capacity(here),
            board: Arc::new(Board {
                done: OnceLock::new(),
                unread: AtomicUsize::new(here),
                staying: Mutex::default(),
                next: AtomicUsize::new(0),
            }),
        }
    }
}

impl Board {
    pub(crate) fn fill(&self, deposits: Vec<Deposit>, outcome: Outcome) {
        // Only the last to come does so, once: a rank, or what other parts have sent.
        let _ = self.done.set((deposits, outcome));
    }

    pub(crate) fn is_filled(&self) -> bool {
        self.done.get().is_some()
    }

    /// What all have put down; nothing before all have come.
    pub(crate) fn deposits(&self) -> &[Deposit] {
        self.done.get().map_or(&[], |(deposits, _)| deposits)
    }

    pub(crate) fn outcome(&self) -> &Outcome {
        self.done
            .get()
            .map_or(&Outcome::Nothing, |(_, outcome)| outcome)
    }

    /// A rank needs nobody else's memory any more. Gives the ranks that are to be told.
    pub(super) fn leave(&self) -> Vec<u32> {
        match self.unread.fetch_sub(1, Ordering::SeqCst) {
            1 => std::mem::take(&mut lock(&self.staying)),
            _ => Vec::new(),
        }
    }

    /// Lets a rank be told when it may go.
    pub(super) fn stay(&self, me: u32) {
        lock(&self.staying).push(me);
    }

    /// Whether nobody needs another's memory any more.
    pub(super) fn is_over(&self) -> bool {
        self.unread.load(Ordering::SeqCst) == 0
    }
}

impl Parts {
    /// Where the items for a rank are, and how many they are; of `all` there are.
    pub(crate) fn of(&self, rank: usize, all: u64) -> (i64, u64) {
        match self {
            Self::One => (0, all),
            Self::Equal(count) => ((*count * rank as u64).cast_signed(), *count),
            Self::Each(parts) => parts.get(rank).copied().unwrap_or_default(),
        }
    }

    /// Where the bytes for a rank are in packed data of `all` bytes.
    pub(crate) fn bytes(&self, rank: usize, all: usize) -> Range<usize> {
        match self {
            Self::One => 0..all,
            Self::Equal(len) => {
                let len = *len as usize;
                rank * len..(rank + 1) * len
            }
            Self::Each(parts) => {
                let len = |(_, len): &(i64, u64)| *len as usize;
                let from = parts.iter().take(rank).map(len).sum();
                from..from + parts.get(rank).map_or(0, len)
            }
        }
    }
}
