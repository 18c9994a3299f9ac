//! Messages that are copied once, from the sender's memory to the receiver's.
//!
//! A memory is only touched while its rank stands still in a call that waits or copies: then it
//! is in the rank's seat. Whichever side finds both memories there copies, a piece at a time, so
//! that neither a thread nor a rank that leaves is held up for long. If a side is away, the other
//! leaves the copy to it: it will look when it comes.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, RwLockReadGuard, RwLockWriteGuard, TryLockError};

use crate::datatype::{self, Layout};
use crate::error::{Aborted, Result as Outcome};
use crate::held::{Account, Held};
use crate::memory::{BadAddress, Memory};
use crate::sync::lock;
use crate::world::Shared;

/// Bytes that are copied before anybody else gets a chance.
pub(crate) const PIECE: u64 = 256 << 10;

/// A message whose data stays with the sender until it is copied.
#[derive(Debug)]
pub(crate) struct Transfer {
    /// The sender's rank in the world, and the message there.
    sender: u32,
    source: Layout,
    state: AtomicU8,
    copy: Mutex<Copy>,
}

/// What a transfer takes, in bytes: itself, and its places in the lists of both sides.
const WEIGHT: usize = size_of::<Transfer>() + 256;

#[derive(Debug)]
struct Copy {
    /// The receiver's rank in the world, and its buffer.
    target: Option<(u32, Layout)>,
    moved: u64,
    /// On the sender's account until it is done. Then it is a part of what the receiver has.
    held: Option<Held>,
}

const OFFERED: u8 = 0;
const MATCHED: u8 = 1;
const DONE: u8 = 2;

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
    /// A message of a sender, on whose account it is.
    pub(crate) fn new(sender: u32, source: Layout, account: &Account) -> Outcome<Self> {
        Ok(Self {
            sender,
            source,
            state: AtomicU8::new(OFFERED),
            copy: Mutex::new(Copy {
                target: None,
                moved: 0,
                held: Some(account.hold(WEIGHT)?),
            }),
        })
    }

    /// Bytes of the message.
    pub(crate) fn len(&self) -> u64 {
        self.source.size
    }

    /// The receiver is known.
    pub(crate) fn begin(&self, receiver: u32, layout: Layout) {
        lock(&self.copy).target = Some((receiver, layout));
        self.state.store(MATCHED, Ordering::SeqCst);
    }

    pub(crate) fn is_done(&self) -> bool {
        self.state.load(Ordering::Acquire) == DONE
    }

    /// Copies a piece, if both memories are there.
    pub(crate) fn advance<M: Memory>(&self, world: &Shared<M>) -> Progress {
        match self.state.load(Ordering::SeqCst) {
            DONE => return Progress::Done,
            OFFERED => return Progress::Away,
            _ => {}
        }
        let Ok(mut copy) = self.copy.try_lock() else {
            return Progress::Busy;
        };
        let Copy {
            target: Some((receiver, target)),
            moved,
            held,
        } = &mut *copy
        else {
            return Progress::Away;
        };
        let total = self.source.size.min(target.size);
        if *moved < total {
            let len = PIECE.min(total - *moved);
            match self.piece(world, (*receiver, target), *moved, len) {
                Ok(Progress::Done) => *moved += len,
                Ok(other) => return other,
                Err((rank, error)) => {
                    world.abort(Aborted {
                        by: Some(rank),
                        code: None,
                        reason: format!("rank {rank}: the buffer of a message: {error}"),
                    });
                    return Progress::Away;
                }
            }
        }
        if *moved < total {
            return Progress::Busy;
        }
        *held = None;
        self.state.store(DONE, Ordering::SeqCst);
        world.notify(*receiver);
        if *receiver != self.sender {
            world.notify(self.sender);
        }
        Progress::Done
    }

    fn piece<M: Memory>(
        &self,
        world: &Shared<M>,
        (receiver, target): (u32, &Layout),
        skip: u64,
        len: u64,
    ) -> Result<Progress, (u32, BadAddress)> {
        if receiver == self.sender {
            return self.piece_within(world, target, skip, len);
        }
        let source = match seated_to_read(world, self.sender) {
            Ok(memory) => memory,
            Err(progress) => return Ok(progress),
        };
        let mut memory = match seated_to_write(world, receiver) {
            Ok(memory) => memory,
            Err(progress) => return Ok(progress),
        };
        // Both were looked at: they are there.
        if let (Some(source), Some(memory)) = (&*source, &mut *memory) {
            let copied = datatype::copy((source, &self.source), (memory, target), skip, len);
            copied.map_err(|culprit| match culprit {
                datatype::Culprit::Source(error) => (self.sender, error),
                datatype::Culprit::Target(error) => (receiver, error),
            })?;
        }
        Ok(Progress::Done)
    }

    /// A rank sends to itself: what it sends may overlap with where it goes.
    fn piece_within<M: Memory>(
        &self,
        world: &Shared<M>,
        target: &Layout,
        skip: u64,
        len: u64,
    ) -> Result<Progress, (u32, BadAddress)> {
        let blame = |error| (self.sender, error);
        let mut memory = match seated_to_write(world, self.sender) {
            Ok(memory) => memory,
            Err(progress) => return Ok(progress),
        };
        if let Some(memory) = &mut *memory {
            let mut bytes = Vec::new();
            datatype::pack(memory, &self.source, skip, len, &mut bytes).map_err(blame)?;
            datatype::unpack(memory, target, skip, &bytes).map_err(blame)?;
        }
        Ok(Progress::Done)
    }
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
