//! Messages that are copied once, from the sender's memory to the receiver's.
//!
//! A memory is only touched while its rank stands still in a call that waits or copies: then it
//! is in the rank's seat. Whichever side finds both memories there copies, a piece at a time, so
//! that neither a thread nor a rank that leaves is held up for long. If a side is away, the other
//! leaves the copy to it: it will look when it comes.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, RwLockReadGuard, RwLockWriteGuard, TryLockError};

use crate::datatype::{self, Layout};
use crate::error::Result as Outcome;
use crate::held::{Account, Held};
use crate::memory::{BadAddress, Memory};
use crate::remote::{Coming, Going};
use crate::status::Status;
use crate::sync::lock;
use crate::world::Shared;

/// Bytes that are copied before anybody else gets a chance.
pub(crate) const PIECE: u64 = 256 << 10;

/// A message whose data stays with the sender until it is copied.
#[derive(Debug)]
pub(crate) struct Transfer {
    source: Source,
    state: AtomicU8,
    copy: Mutex<Copy>,
}

/// Where the data is.
#[derive(Debug)]
enum Source {
    /// In the memory of a rank here, whose number in the world this is.
    Here {
        sender: u32,
        layout: Layout,
        /// Its number for other parts, if it is for one.
        number: u64,
    },
    /// In another part of the world.
    Elsewhere(Coming),
}

/// What a transfer takes, in bytes: itself, and its places in the lists of both sides.
const WEIGHT: usize = size_of::<Transfer>() + 256;

#[derive(Debug)]
struct Copy {
    target: Option<Target>,
    moved: u64,
    /// On the sender's account until it is done. Then it is a part of what the receiver has.
    held: Option<Held>,
}

/// Where the data goes.
#[derive(Debug)]
enum Target {
    /// To this buffer of a rank here, whose number in the world this is.
    Here(u32, Layout),
    /// To another part of the world.
    Elsewhere(Going),
}

const OFFERED: u8 = 0;
const MATCHED: u8 = 1;
const DONE: u8 = 2;
const WITHDRAWN: u8 = 3;

/// How far a copy has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It is done.
    Done,
    /// There is more to do, now or in a moment.
    Busy,
    /// A side is away, or not known yet.
    Away,
}

impl Transfer {
    /// A message of a sender, on whose account it is. `number` is for other parts of the world, if it
    /// is for one.
    pub(crate) fn new(
        sender: u32,
        layout: Layout,
        account: &Account,
        number: u64,
    ) -> Outcome<Self> {
        let held = account.hold(WEIGHT)?;
        let source = Source::Here {
            sender,
            layout,
            number,
        };
        Ok(Self::with(source, Some(held)))
    }

    /// A message from another part of the world. What it takes is on its sender's account there.
    pub(crate) fn coming(coming: Coming) -> Self {
        Self::with(Source::Elsewhere(coming), None)
    }

    fn with(source: Source, held: Option<Held>) -> Self {
        Self {
            source,
            state: AtomicU8::new(OFFERED),
            copy: Mutex::new(Copy {
                target: None,
                moved: 0,
                held,
            }),
        }
    }

    /// Bytes of the message.
    pub(crate) fn len(&self) -> u64 {
        match &self.source {
            Source::Here { layout, .. } => layout.size,
            Source::Elsewhere(coming) => coming.len(),
        }
    }

    /// What other parts call it, if it is for one.
    pub(crate) fn number(&self) -> u64 {
        match &self.source {
            Source::Here { number, .. } => *number,
            Source::Elsewhere(_) => 0,
        }
    }

    pub(crate) fn as_coming(&self) -> Option<&Coming> {
        match &self.source {
            Source::Here { .. } => None,
            Source::Elsewhere(coming) => Some(coming),
        }
    }

    /// The receiver is known.
    pub(crate) fn begin(&self, receiver: u32, layout: Layout) {
        lock(&self.copy).target = Some(Target::Here(receiver, layout));
        self.state.store(MATCHED, Ordering::SeqCst);
    }

    /// A receiver in another part is known, or has room for more. `false` if it is for none.
    pub(crate) fn granted(&self, going: Going) -> bool {
        let mut copy = lock(&self.copy);
        let fits = match (&self.source, &copy.target) {
            (Source::Here { .. }, None) => true,
            (Source::Here { .. }, Some(Target::Elsewhere(before))) => going.follows(before),
            _ => false,
        };
        if fits {
            copy.target = Some(Target::Elsewhere(going));
            self.state.store(MATCHED, Ordering::SeqCst);
        }
        fits
    }

    /// It will not be received: the other part knows nothing of it any more.
    pub(crate) fn withdraw<M: Memory>(&self, world: &Shared<M>) {
        lock(&self.copy).held = None;
        self.state.store(WITHDRAWN, Ordering::SeqCst);
        if let Source::Here { sender, .. } = &self.source {
            world.notify(*sender);
        }
    }

    /// Whether there is nothing more to do.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.state.load(Ordering::Acquire), DONE | WITHDRAWN)
    }

    /// The status of the send, when it is done.
    pub(crate) fn sent(&self) -> Status {
        match self.state.load(Ordering::Acquire) {
            WITHDRAWN => Status::CANCELLED,
            _ => Status::EMPTY,
        }
    }

    /// Copies a piece, if both memories are there.
    pub(crate) fn advance<M: Memory>(&self, world: &Shared<M>) -> Progress {
        match self.state.load(Ordering::SeqCst) {
            DONE | WITHDRAWN => return Progress::Done,
            OFFERED => return Progress::Away,
            _ => {}
        }
        let Ok(mut copy) = self.copy.try_lock() else {
            return Progress::Busy;
        };
        let Copy {
            target: Some(target),
            moved,
            held,
        } = &mut *copy
        else {
            return Progress::Away;
        };
        let advanced = match (&self.source, &mut *target) {
            (Source::Here { sender, layout, .. }, Target::Here(receiver, target)) => {
                advance_here(world, (*sender, layout), (*receiver, target), moved)
            }
            (
                Source::Here {
                    sender,
                    layout,
                    number,
                },
                Target::Elsewhere(going),
            ) => going.advance(world, (*number, *sender, layout), moved),
            (Source::Elsewhere(coming), Target::Here(receiver, target)) => {
                coming.advance(world, (*receiver, target), moved)
            }
            (Source::Elsewhere(_), Target::Elsewhere(_)) => Ok(Progress::Away),
        };
        match advanced {
            Ok(Progress::Done) => {}
            Ok(other) => return other,
            Err((rank, error)) => {
                world.blame(rank, "message", &error);
                return Progress::Away;
            }
        }
        *held = None;
        self.state.store(DONE, Ordering::SeqCst);
        if let Target::Here(receiver, _) = target {
            world.notify(*receiver);
            if self.is_from(*receiver) {
                return Progress::Done;
            }
        }
        if let Source::Here { sender, .. } = &self.source {
            world.notify(*sender);
        }
        Progress::Done
    }

    fn is_from(&self, rank: u32) -> bool {
        matches!(&self.source, Source::Here { sender, .. } if *sender == rank)
    }

    /// The rank here that looks after it, of one that is to or from elsewhere.
    pub(crate) fn rank_here(&self) -> Option<u32> {
        match (&self.source, &lock(&self.copy).target) {
            (Source::Here { sender, .. }, _) => Some(*sender),
            (Source::Elsewhere(_), Some(Target::Here(receiver, _))) => Some(*receiver),
            (Source::Elsewhere(_), _) => None,
        }
    }
}

/// Copies a piece from memory to memory.
fn advance_here<M: Memory>(
    world: &Shared<M>,
    (sender, source): (u32, &Layout),
    (receiver, target): (u32, &Layout),
    moved: &mut u64,
) -> Result<Progress, (u32, BadAddress)> {
    let total = source.size.min(target.size);
    if *moved < total {
        let len = PIECE.min(total - *moved);
        match piece(world, (sender, source), (receiver, target), (*moved, len))? {
            Progress::Done => *moved += len,
            other => return Ok(other),
        }
    }
    Ok(match *moved < total {
        true => Progress::Busy,
        false => Progress::Done,
    })
}

fn piece<M: Memory>(
    world: &Shared<M>,
    (sender, source): (u32, &Layout),
    (receiver, target): (u32, &Layout),
    (skip, len): (u64, u64),
) -> Result<Progress, (u32, BadAddress)> {
    if receiver == sender {
        return piece_within(world, (sender, source), target, (skip, len));
    }
    let memory = match seated_to_read(world, sender) {
        Ok(memory) => memory,
        Err(progress) => return Ok(progress),
    };
    let mut other = match seated_to_write(world, receiver) {
        Ok(memory) => memory,
        Err(progress) => return Ok(progress),
    };
    // Both were looked at: they are there.
    if let (Some(memory), Some(other)) = (&*memory, &mut *other) {
        let copied = datatype::copy((memory, source), (other, target), skip, len);
        copied.map_err(|culprit| match culprit {
            datatype::Culprit::Source(error) => (sender, error),
            datatype::Culprit::Target(error) => (receiver, error),
        })?;
    }
    Ok(Progress::Done)
}

/// A rank sends to itself: what it sends may overlap with where it goes.
fn piece_within<M: Memory>(
    world: &Shared<M>,
    (rank, source): (u32, &Layout),
    target: &Layout,
    (skip, len): (u64, u64),
) -> Result<Progress, (u32, BadAddress)> {
    let blame = |error| (rank, error);
    let mut memory = match seated_to_write(world, rank) {
        Ok(memory) => memory,
        Err(progress) => return Ok(progress),
    };
    if let Some(memory) = &mut *memory {
        let mut bytes = Vec::new();
        datatype::pack(memory, source, skip, len, &mut bytes).map_err(blame)?;
        datatype::unpack(memory, target, skip, &bytes).map_err(blame)?;
    }
    Ok(Progress::Done)
}

/// The memory of a rank that stands still, to read.
pub(crate) fn seated_to_read<M: Memory>(
    world: &Shared<M>,
    rank: u32,
) -> Result<RwLockReadGuard<'_, Option<M>>, Progress> {
    match world.seat(rank).memory.try_read() {
        Ok(memory) if memory.is_some() => Ok(memory),
        Ok(_) => Err(Progress::Away),
        Err(TryLockError::Poisoned(_)) => Err(Progress::Away),
        Err(TryLockError::WouldBlock) => Err(Progress::Busy),
    }
}

/// The memory of a rank that stands still, to write.
pub(crate) fn seated_to_write<M: Memory>(
    world: &Shared<M>,
    rank: u32,
) -> Result<RwLockWriteGuard<'_, Option<M>>, Progress> {
    match world.seat(rank).memory.try_write() {
        Ok(memory) if memory.is_some() => Ok(memory),
        Ok(_) => Err(Progress::Away),
        Err(TryLockError::Poisoned(_)) => Err(Progress::Away),
        Err(TryLockError::WouldBlock) => Err(Progress::Busy),
    }
}
