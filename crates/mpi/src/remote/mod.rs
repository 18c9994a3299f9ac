//! The ranks that are in other parts of the world.
//!
//! Parts send each other messages, which come in their order. What they may make each other keep is
//! bounded: small messages of programs by credit, large ones wait for their receivers, and what
//! collectives ship is charged to the memory budget of either side.

mod broken;
mod idle;
mod letters;
mod meet;
mod pieces;
mod wire;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use faasm_budget::MemoryBudget;

pub(crate) use letters::put_down_elsewhere;
pub(crate) use meet::Here;
pub(crate) use pieces::{Coming, Going};

use crate::error::Aborted;
use crate::held::Account;
use crate::memory::Memory;
use crate::part::Part;
use crate::sync::lock;
use crate::transfer::Transfer;
use crate::world::{Options, Shared, World};
use broken::{Broken, Taken};
use idle::Round;
use meet::Meetings;
pub(crate) use wire::Address;
use wire::{Header, begin};

/// Largest message in bytes that is sent to a rank elsewhere before it asks for it.
const EAGER: u64 = 64 << 10;

/// The longest reason for the end of a world that is told, in bytes.
const MAX_REASON: usize = 64 << 10;

/// What this part knows of the others.
pub(crate) struct Remote {
    part: Part,
    /// What is kept here for ranks elsewhere, or of them.
    account: Account,
    /// How much each rank of the world may have of this part's that it has not received, in bytes.
    share: u64,
    /// How much each has.
    unreceived: Box<[AtomicU64]>,
    /// The number of the next transfer.
    next: AtomicU64,
    /// Transfers that ranks here have offered to others.
    going: Mutex<HashMap<u64, Arc<Transfer>>>,
    /// Those that were offered to ranks here, by the part and its number.
    coming: Mutex<HashMap<(usize, u64), Arc<Transfer>>>,
    /// How many transfers have room with each rank that is here.
    granted: Box<[AtomicUsize]>,
    meetings: Mutex<Meetings>,
    sent: AtomicU64,
    received: AtomicU64,
    /// The first part's look at whether all wait.
    round: Mutex<Round>,
}

impl Remote {
    pub(crate) fn new(part: Part, options: &Options, budget: &MemoryBudget) -> Self {
        let placement = &part.placement;
        let here = placement.ranks(part.own).len();
        Self {
            account: Account::new(u64::MAX, budget),
            share: (options.buffered_bytes / placement.parts()) as u64,
            unreceived: (0..placement.size()).map(|_| AtomicU64::new(0)).collect(),
            next: AtomicU64::new(0),
            going: Mutex::default(),
            coming: Mutex::default(),
            granted: (0..here).map(|_| AtomicUsize::new(0)).collect(),
            meetings: Mutex::default(),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            round: Mutex::default(),
            part,
        }
    }

    /// Which part this is.
    pub(crate) fn own(&self) -> usize {
        self.part.own
    }

    fn others(&self) -> impl Iterator<Item = usize> + use<> {
        let own = self.own();
        (0..self.part.placement.parts()).filter(move |part| *part != own)
    }

    /// Sends a message to another part.
    fn send(&self, part: usize, header: &Header) {
        self.send_bytes(part, header, &[]);
    }

    fn send_bytes(&self, part: usize, header: &Header, bytes: &[u8]) {
        let mut message = begin(header, bytes.len());
        message.extend_from_slice(bytes);
        self.send_message(part, header, message);
    }

    fn send_message(&self, part: usize, header: &Header, message: Vec<u8>) {
        if header.counts() {
            // Before the other part can have received it.
            self.sent.fetch_add(1, Ordering::SeqCst);
        }
        self.part.link.send(part, message);
    }

    /// Tells all others why the world has ended.
    pub(crate) fn tell_of_end(&self, reason: &Aborted) {
        let text = &reason.reason;
        let text = &text[..text.floor_char_boundary(MAX_REASON)];
        let header = Header::Abort {
            by: reason.by,
            code: reason.code,
        };
        for part in self.others() {
            self.send_bytes(part, &header, text.as_bytes());
        }
    }
}

impl<M: Memory> World<M> {
    /// Takes a message that another part of the world has sent. One that makes no sense ends the
    /// world. Messages of a part must come in their order; they may come before the ranks of this
    /// part have begun. This does not wait for anything.
    pub fn receive(&self, from: usize, message: &[u8]) {
        self.0.receive(from, message);
    }
}

impl<M: Memory> Shared<M> {
    fn receive(&self, from: usize, message: &[u8]) {
        let Some(remote) = &self.remote else {
            return;
        };
        let is_other = from != remote.own() && from < remote.part.placement.parts();
        let read = wire::read(message).filter(|_| is_other);
        let taken = match read {
            Some((header, bytes)) => {
                let counts = header.counts();
                let taken = self.take(remote, from, header, bytes);
                if counts {
                    // Whoever was told of it is awake by now.
                    remote.received.fetch_add(1, Ordering::SeqCst);
                }
                taken
            }
            None => Err(Broken::Nonsense("bytes that cannot be read")),
        };
        if let Err(broken) = taken {
            self.break_off(broken.to_string());
        }
    }

    fn take(&self, remote: &Remote, from: usize, header: Header, bytes: &[u8]) -> Taken {
        match header {
            Header::Eager(to) => self.receive_eager(from, to, bytes),
            Header::Offer { to, id, len } => self.receive_offer(remote, from, to, (id, len)),
            Header::Grant { id, total, upto } => self.receive_grant(remote, from, id, total, upto),
            Header::Piece { id } => self.receive_piece(remote, from, id, bytes),
            Header::Withdraw { id } => {
                self.receive_withdrawal(remote, from, id);
                Ok(())
            }
            Header::Withdrawn { id, is_gone } => {
                self.receive_withdrawn(remote, id, is_gone);
                Ok(())
            }
            Header::Credit { rank, bytes } => remote.receive_credit(rank, bytes),
            Header::Shipment {
                key,
                round,
                is_last,
            } => self.receive_shipment(remote, from, (key, round, is_last), bytes),
            Header::Abort { by, code } => {
                let reason = String::from_utf8_lossy(bytes).into_owned();
                self.end_here(Arc::new(Aborted { by, code, reason }));
                Ok(())
            }
            Header::Ask { round } => {
                self.answer(remote, from, round);
                Ok(())
            }
            Header::Still { round, counts } => {
                let text = String::from_utf8_lossy(bytes).into_owned();
                self.hear(remote, from, round, counts.map(|counts| (counts, text)));
                Ok(())
            }
        }
    }
}

/// The parts know it by its number until it is over.
fn forget<K: std::hash::Hash + Eq>(
    transfers: &Mutex<HashMap<K, Arc<Transfer>>>,
    key: &K,
) -> Option<Arc<Transfer>> {
    lock(transfers).remove(key)
}
