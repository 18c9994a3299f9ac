//! Transfers between memories of two parts: the data goes in pieces, as far as the receiver has
//! granted room.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::broken::{Broken, Taken};
use super::wire::{Header, begin};
use super::{Remote, forget};
use crate::datatype::{self, Layout};
use crate::held::Held;
use crate::memory::{BadAddress, Memory};
use crate::sync::lock;
use crate::transfer::{PIECE, Progress, Transfer, seated_to_read, seated_to_write};
use crate::world::Shared;

/// How much of a transfer may be on the way, in bytes.
const WINDOW: u64 = 1 << 20;

/// Transfers to one rank that may have room at a time.
const MAX_GRANTED: usize = 16;

/// The sender's side of a transfer to another part.
#[derive(Debug)]
pub(crate) struct Going {
    part: usize,
    /// Bytes that the receiver takes.
    total: u64,
    /// Bytes that it has room for.
    upto: u64,
}

/// The receiver's side of a transfer from another part.
#[derive(Debug)]
pub(crate) struct Coming {
    part: usize,
    id: u64,
    len: u64,
    /// Bytes that the sender was granted.
    granted: AtomicU64,
    pieces: Mutex<Pieces>,
}

#[derive(Debug, Default)]
struct Pieces {
    /// What came and is not in the receiver's memory yet.
    waiting: VecDeque<Vec<u8>>,
    /// Bytes that came in all.
    came: u64,
    /// Whether this has room with the receiver, and what holds that.
    is_granted: bool,
    held: Option<Held>,
}

impl Coming {
    pub(super) fn new(part: usize, id: u64, len: u64) -> Self {
        Self {
            part,
            id,
            len,
            granted: AtomicU64::new(0),
            pieces: Mutex::default(),
        }
    }

    /// Bytes of the message.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Grants the sender more, if there is room with the receiver. `false` if there is none.
    fn grant<M: Memory>(&self, world: &Shared<M>, receiver: u32, total: u64, moved: u64) -> bool {
        let Some(remote) = &world.remote else {
            return false;
        };
        let granted = self.granted.load(Ordering::Relaxed);
        let mut pieces = lock(&self.pieces);
        if !pieces.is_granted {
            let with_room = remote.with_room(world, receiver);
            let before = with_room.fetch_add(1, Ordering::SeqCst);
            let held = world.seat(receiver).account.hold(WINDOW as usize).ok();
            // One always has room, or nothing would ever go on.
            if before > 0 && (before >= MAX_GRANTED || held.is_none()) {
                with_room.fetch_sub(1, Ordering::SeqCst);
                return false;
            }
            (pieces.is_granted, pieces.held) = (true, held);
        } else if granted == total || granted - moved > WINDOW / 2 {
            return true;
        }
        let upto = total.min(moved + WINDOW);
        self.granted.store(upto, Ordering::Relaxed);
        drop(pieces);
        let id = self.id;
        remote.send(self.part, &Header::Grant { id, total, upto });
        true
    }

    /// Brings what came to the receiver's memory, and lets more come.
    pub(crate) fn advance<M: Memory>(
        &self,
        world: &Shared<M>,
        (receiver, target): (u32, &Layout),
        moved: &mut u64,
    ) -> Result<Progress, (u32, BadAddress)> {
        let total = self.len.min(target.size);
        if !self.grant(world, receiver, total, *moved) {
            return Ok(Progress::Away);
        }
        while *moved < total {
            let Some(piece) = lock(&self.pieces).waiting.pop_front() else {
                return Ok(Progress::Away);
            };
            let mut memory = match seated_to_write(world, receiver) {
                Ok(memory) => memory,
                Err(progress) => {
                    lock(&self.pieces).waiting.push_front(piece);
                    return Ok(progress);
                }
            };
            if let Some(memory) = &mut *memory {
                let unpacked = datatype::unpack(memory, target, *moved, &piece);
                unpacked.map_err(|error| (receiver, error))?;
            }
            drop(memory);
            *moved += piece.len() as u64;
            self.grant(world, receiver, total, *moved);
        }
        self.end(world, receiver);
        Ok(Progress::Done)
    }

    /// All is there: others may have its room.
    fn end<M: Memory>(&self, world: &Shared<M>, receiver: u32) {
        let Some(remote) = &world.remote else {
            return;
        };
        forget(&remote.coming, &(self.part, self.id));
        let mut pieces = lock(&self.pieces);
        if std::mem::take(&mut pieces.is_granted) {
            pieces.held = None;
            remote
                .with_room(world, receiver)
                .fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Takes a piece that the sender was granted.
    fn take(&self, bytes: &[u8]) -> Taken {
        let mut pieces = lock(&self.pieces);
        pieces.came += bytes.len() as u64;
        if bytes.is_empty() || pieces.came > self.granted.load(Ordering::Relaxed) {
            return Err(Broken::Nonsense("more of a message than there is room for"));
        }
        pieces.waiting.push_back(bytes.to_vec());
        Ok(())
    }
}

impl Going {
    /// Whether this can be what a receiver says after it has said what it did `before`.
    pub(crate) fn follows(&self, before: &Self) -> bool {
        self.part == before.part && self.total == before.total && self.upto >= before.upto
    }

    /// Sends as much as the receiver has room for, a piece at a time.
    pub(crate) fn advance<M: Memory>(
        &self,
        world: &Shared<M>,
        (id, sender, source): (u64, u32, &Layout),
        moved: &mut u64,
    ) -> Result<Progress, (u32, BadAddress)> {
        let Some(remote) = &world.remote else {
            return Ok(Progress::Away);
        };
        if *moved < self.total {
            let len = PIECE.min(self.upto - *moved);
            if len == 0 {
                return Ok(Progress::Away);
            }
            let memory = match seated_to_read(world, sender) {
                Ok(memory) => memory,
                Err(progress) => return Ok(progress),
            };
            let header = Header::Piece { id };
            let mut message = begin(&header, len as usize);
            if let Some(memory) = &*memory {
                let packed = datatype::pack(memory, source, *moved, len, &mut message);
                packed.map_err(|error| (sender, error))?;
            }
            drop(memory);
            remote.send_message(self.part, &header, message);
            *moved += len;
        }
        Ok(match *moved < self.total {
            true => Progress::Busy,
            false => {
                forget(&remote.going, &id);
                Progress::Done
            }
        })
    }
}

impl Remote {
    /// How many transfers to a rank that is here have room.
    fn with_room<M: Memory>(
        &self,
        world: &Shared<M>,
        rank: u32,
    ) -> &std::sync::atomic::AtomicUsize {
        &self.granted[(rank - world.here().start) as usize]
    }
}

impl<M: Memory> Shared<M> {
    pub(super) fn receive_grant(
        &self,
        remote: &Remote,
        from: usize,
        id: u64,
        total: u64,
        upto: u64,
    ) -> Taken {
        let transfer = lock(&remote.going).get(&id).cloned();
        // One that has just ended was granted all before.
        let transfer = transfer.ok_or(Broken::Nonsense("room for no message"))?;
        let going = Going {
            part: from,
            total,
            upto,
        };
        if total > transfer.len() || upto > total || !transfer.granted(going) {
            return Err(Broken::Nonsense("room that makes no sense"));
        }
        self.nudge(&transfer);
        Ok(())
    }

    pub(super) fn receive_piece(
        &self,
        remote: &Remote,
        from: usize,
        id: u64,
        bytes: &[u8],
    ) -> Taken {
        let transfer = lock(&remote.coming).get(&(from, id)).cloned();
        let transfer = transfer.ok_or(Broken::Nonsense("data of no message"))?;
        let coming = transfer
            .as_coming()
            .ok_or(Broken::Nonsense("data of a message that is here"))?;
        coming.take(bytes)?;
        self.nudge(&transfer);
        Ok(())
    }

    /// Goes on with a transfer, or has its rank do so.
    fn nudge(&self, transfer: &Transfer) {
        match transfer.advance(self) {
            Progress::Done => {}
            // The rank may not have looked since.
            Progress::Busy | Progress::Away => self.notify_ends(transfer),
        }
    }

    fn notify_ends(&self, transfer: &Transfer) {
        if let Some(rank) = transfer.rank_here() {
            self.notify(rank);
        }
    }
}
