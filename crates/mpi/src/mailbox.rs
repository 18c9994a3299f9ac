//! Matching messages with receives, in the standard's order.

use std::collections::VecDeque;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::abi::{ANY_SOURCE, ANY_TAG};
use crate::datatype::Layout;
use crate::held::{Account, Held};
use crate::transfer::Transfer;
use crate::world::Target;

/// The data of a small message.
pub(crate) type Bytes = SmallVec<[u8; 64]>;

/// A message on its way: who it is from, and its data or where that is.
#[derive(Debug)]
pub(crate) struct Envelope {
    /// The communicator's number.
    pub(crate) context: u64,
    /// The sender's rank there.
    pub(crate) source: i32,
    pub(crate) tag: i32,
    /// The part of the world that it is from, if that is another.
    pub(crate) part: Option<u32>,
    pub(crate) body: Body,
}

impl Envelope {
    /// Whom it is from, to a rank that receives it.
    pub(crate) fn target(&self) -> Target {
        Target::source(self.source, self.tag, self.context)
    }
}

#[derive(Debug)]
pub(crate) enum Body {
    /// Put down with the receiver.
    Eager(Bytes),
    /// To be copied from the sender's memory.
    Transfer(Arc<Transfer>),
}

impl Body {
    /// Bytes of data.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Eager(bytes) => bytes.len() as u64,
            Self::Transfer(transfer) => transfer.len(),
        }
    }

    /// What it takes of a receiver's room. What is with the sender takes none.
    fn weight(&self) -> usize {
        match self {
            Self::Eager(bytes) => bytes.len() + ENVELOPE,
            Self::Transfer(_) => 0,
        }
    }
}

/// What a message that was put down takes beside its data, in bytes.
pub(crate) const ENVELOPE: usize = 128;

/// Which messages are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    pub(crate) context: u64,
    pub(crate) source: i32,
    pub(crate) tag: i32,
}

impl Pattern {
    fn matches(&self, envelope: &Envelope) -> bool {
        self.context == envelope.context
            && (self.source == envelope.source || self.source == ANY_SOURCE)
            && (self.tag == envelope.tag || self.tag == ANY_TAG)
    }
}

/// A receive that waits for its message.
#[derive(Debug)]
struct Posted {
    pattern: Pattern,
    slot: u32,
    layout: Layout,
}

/// What has become of a receive that had to wait.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// Nothing yet.
    Waiting,
    /// This message has come.
    Matched(Envelope),
}

/// The messages and receives of one rank.
#[derive(Debug)]
pub(crate) struct Mailbox {
    posted: VecDeque<Posted>,
    unexpected: VecDeque<Envelope>,
    slots: Vec<Option<Incoming>>,
    free: Vec<u32>,
    /// Transfers that others have matched, for the rank to look after.
    pub(crate) matched: Vec<Arc<Transfer>>,
    /// What messages take that were put down here, matched or not.
    buffered: usize,
    /// For these messages, and some room for the next.
    held: Held,
    /// Whether the rank waits for a message that it has not posted a receive for.
    pub(crate) is_probing: bool,
    /// What other parts do not know yet that it has received.
    owed: Vec<(u32, u64)>,
}

/// What became of a message.
#[derive(Debug)]
pub(crate) enum Delivered {
    /// A receive has it: its rank is to be told.
    Matched,
    /// It waits for its receive; whether the rank is to be told.
    Kept { tell: bool },
    /// There is no room for it here: it has to stay with the sender.
    Full,
}

/// Messages are held in steps of so many bytes: most need no look at the account.
const STEP: usize = 4 << 10;

/// What an empty mailbox keeps for the next messages, in bytes.
const SPARE: usize = 16 * STEP;

impl Mailbox {
    pub(crate) fn new(account: &Account) -> Self {
        Self {
            posted: VecDeque::new(),
            unexpected: VecDeque::new(),
            slots: Vec::new(),
            free: Vec::new(),
            matched: Vec::new(),
            buffered: 0,
            held: account.nothing(),
            is_probing: false,
            owed: Vec::new(),
        }
    }

    /// Whether `weight` bytes more may be put down.
    fn has_room(&mut self, weight: usize, limit: usize) -> bool {
        let all = self.buffered + weight;
        let more = all.saturating_sub(self.held.bytes());
        all <= limit && (more == 0 || self.held.grow(more.next_multiple_of(STEP)).is_ok())
    }

    /// Hands over a message for the rank with this number. `limit` is how much may be put down.
    pub(crate) fn deliver(&mut self, rank: u32, envelope: Envelope, limit: usize) -> Delivered {
        let weight = envelope.body.weight();
        // Also if it is wanted: its receiver may not look for long. What comes from elsewhere has had
        // its room before it was sent.
        if weight > 0 && !self.has_room(weight, limit) && envelope.part.is_none() {
            return Delivered::Full;
        }
        self.buffered += weight;
        let wants = |posted: &Posted| posted.pattern.matches(&envelope);
        let wanted = self.posted.iter().position(wants);
        match wanted.and_then(|index| self.posted.remove(index)) {
            Some(posted) => {
                if let Body::Transfer(transfer) = &envelope.body {
                    transfer.begin(rank, posted.layout);
                    self.matched.push(Arc::clone(transfer));
                }
                self.slots[posted.slot as usize] = Some(Incoming::Matched(envelope));
                Delivered::Matched
            }
            None => {
                self.unexpected.push_back(envelope);
                Delivered::Kept {
                    tell: self.is_probing,
                }
            }
        }
    }

    /// Looks for a message without taking it.
    pub(crate) fn probe(&self, pattern: Pattern) -> Option<&Envelope> {
        self.unexpected.iter().find(|e| pattern.matches(e))
    }

    /// Takes the first message that matches.
    pub(crate) fn take(&mut self, pattern: Pattern) -> Option<Envelope> {
        let index = self.unexpected.iter().position(|e| pattern.matches(e))?;
        self.unexpected.remove(index)
    }

    /// What was put down and is taken away makes room.
    pub(crate) fn release(&mut self, envelope: &Envelope) {
        let weight = envelope.body.weight();
        self.buffered = self.buffered.saturating_sub(weight);
        if let Some(part) = envelope.part
            && weight > 0
        {
            match self.owed.iter_mut().find(|(other, _)| *other == part) {
                Some((_, bytes)) => *bytes += weight as u64,
                None => self.owed.push((part, weight as u64)),
            }
        }
        if self.buffered == 0 && self.held.bytes() > SPARE {
            self.held.shrink(self.held.bytes() - SPARE);
        }
    }

    /// A part that is to be told of at least so many bytes which were received, and how many.
    pub(crate) fn take_owed(&mut self, step: u64) -> Option<(u32, u64)> {
        let index = self.owed.iter().position(|(_, bytes)| *bytes >= step)?;
        Some(self.owed.swap_remove(index))
    }

    /// Takes a transfer out that nobody has received yet. `false` if somebody has.
    pub(crate) fn withdraw(&mut self, transfer: &Arc<Transfer>) -> bool {
        let is_it = |e: &Envelope| matches!(&e.body, Body::Transfer(t) if Arc::ptr_eq(t, transfer));
        let index = self.unexpected.iter().position(is_it);
        index.is_some_and(|index| self.unexpected.remove(index).is_some())
    }

    /// Waits for a message; the slot tells when it has come.
    pub(crate) fn post(&mut self, pattern: Pattern, layout: Layout) -> u32 {
        let slot = self.new_slot(Incoming::Waiting);
        self.posted.push_back(Posted {
            pattern,
            slot,
            layout,
        });
        slot
    }

    /// A slot for a message that has been taken before.
    pub(crate) fn hold(&mut self, envelope: Envelope) -> u32 {
        self.new_slot(Incoming::Matched(envelope))
    }

    fn new_slot(&mut self, incoming: Incoming) -> u32 {
        match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = Some(incoming);
                slot
            }
            None => {
                self.slots.push(Some(incoming));
                (self.slots.len() - 1) as u32
            }
        }
    }

    /// Whether the message of a slot has come and is whole.
    pub(crate) fn is_complete(&self, slot: u32) -> bool {
        match self.slots.get(slot as usize) {
            Some(Some(Incoming::Matched(envelope))) => match &envelope.body {
                Body::Eager(_) => true,
                Body::Transfer(transfer) => transfer.is_done(),
            },
            _ => false,
        }
    }

    /// The message of a slot, which is whole; the slot is no more.
    pub(crate) fn collect(&mut self, slot: u32) -> Option<Envelope> {
        match self.slots.get_mut(slot as usize)?.take()? {
            Incoming::Matched(envelope) => {
                self.free.push(slot);
                self.release(&envelope);
                Some(envelope)
            }
            waiting @ Incoming::Waiting => {
                self.slots[slot as usize] = Some(waiting);
                None
            }
        }
    }

    /// What is known of the message of a slot.
    pub(crate) fn look(&self, slot: u32) -> Option<&Envelope> {
        match self.slots.get(slot as usize)?.as_ref()? {
            Incoming::Matched(envelope) => Some(envelope),
            Incoming::Waiting => None,
        }
    }

    /// Gives up a receive. `false` if its message has come.
    pub(crate) fn cancel(&mut self, slot: u32) -> bool {
        let Some(index) = self.posted.iter().position(|p| p.slot == slot) else {
            return false;
        };
        self.posted.remove(index);
        self.slots[slot as usize] = None;
        self.free.push(slot);
        true
    }
}
