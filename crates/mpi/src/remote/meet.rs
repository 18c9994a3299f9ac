//! Collectives of ranks in several parts.
//!
//! The ranks of a part meet at their stage. The last to come ships what they have put down to each
//! other part: all that ranks there need, or only what it makes together. When that of all parts has
//! come, the board is filled, everywhere from the same.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, MutexGuard};

use super::Remote;
use super::broken::{Broken, Taken};
use super::wire::Header;
use crate::collective::{
    Board, Data, Deposit, Key, Make, Outcome, Reach, Signature, Span, Stage, fold_here, mismatch,
};
use crate::error::Result;
use crate::held::Held;
use crate::memory::Memory;
use crate::sync::lock;
use crate::world::Shared;

mod shipment;

use shipment::Shipment;

/// Bytes of a message of a shipment, so that nobody else waits long for a large one.
const PIECE: usize = 256 << 10;

/// A collective that all ranks of this part have begun.
pub(crate) struct Here {
    pub(crate) stage: Arc<Stage>,
    /// Who came last, in the communicator, and with what.
    pub(crate) signature: (u32, Signature),
    pub(crate) context: u64,
    pub(crate) reach: Reach,
    pub(crate) deposits: Vec<Deposit>,
    /// Ranks of the world that wait for the rest.
    pub(crate) waiting: Vec<u32>,
    pub(crate) board: Arc<Board>,
    pub(crate) make: Box<dyn MakeBoxed>,
}

/// A [`Make`] that can be kept.
pub(crate) trait MakeBoxed: Send {
    fn make(self: Box<Self>, deposits: &[Deposit], context: &mut dyn FnMut() -> u64) -> Outcome;
}

impl<F: Make> MakeBoxed for F {
    fn make(self: Box<Self>, deposits: &[Deposit], context: &mut dyn FnMut() -> u64) -> Outcome {
        self(deposits, context)
    }
}

/// Collectives that not all parts have begun.
#[derive(Default)]
pub(super) struct Meetings(HashMap<(Key, u64), Meeting>);

#[derive(Default)]
struct Meeting {
    here: Option<Here>,
    /// The first of the numbers that this part gives new communicators, if that is up to it.
    contexts: u64,
    /// What came from other parts, each in its order: a stage of a group may be used again before
    /// all parts know that it was used before.
    came: HashMap<usize, VecDeque<Parcel>>,
}

/// What has come of a shipment.
struct Parcel {
    bytes: Vec<u8>,
    is_whole: bool,
    held: Held,
}

impl Meeting {
    /// What all parts have shipped, if all have.
    fn complete(&mut self) -> Option<(Here, Vec<(usize, Parcel)>)> {
        let span = self.here.as_ref()?.stage.span.as_ref()?;
        let has_come = |part: &usize| {
            let first = self.came.get(part).and_then(VecDeque::front);
            first.is_some_and(|parcel| parcel.is_whole)
        };
        let parts: Vec<usize> = span.others.iter().map(|(part, _)| *part).collect();
        if !parts.iter().all(has_come) {
            return None;
        }
        let here = self.here.take()?;
        let parcels = parts.into_iter().filter_map(|part| {
            let queue = self.came.get_mut(&part)?;
            let parcel = queue.pop_front()?;
            if queue.is_empty() {
                self.came.remove(&part);
            }
            Some((part, parcel))
        });
        Some((here, parcels.collect()))
    }

    fn is_empty(&self) -> bool {
        self.here.is_none() && self.came.is_empty()
    }
}

impl Remote {
    /// Ships what the ranks of this part bring to a collective.
    fn ship(&self, span: &Span, round: u64, shipment: impl Fn(&[u32]) -> Vec<u8>) {
        for (part, ranks) in &span.others {
            let bytes = shipment(ranks);
            let mut pieces = bytes.chunks(PIECE).peekable();
            while let Some(piece) = pieces.next() {
                let header = Header::Shipment {
                    key: span.key.clone(),
                    round,
                    is_last: pieces.peek().is_none(),
                };
                self.send_bytes(*part, &header, piece);
            }
        }
    }
}

impl<M: Memory> Shared<M> {
    /// Holds bytes that are kept for other parts.
    pub(crate) fn hold_for_parts(&self, bytes: usize) -> Result<Option<Held>> {
        let remote = self.remote.as_ref();
        remote.map(|remote| remote.account.hold(bytes)).transpose()
    }

    /// All ranks of this part have come to a round of a stage.
    pub(crate) fn meet(&self, span: &Span, round: u64, mut here: Here) {
        let Some(remote) = &self.remote else {
            return;
        };
        if let Some(op) = here.reach.folding() {
            // All parts put the same together, or the results would not be the same everywhere.
            let folded = fold_here(&here.deposits, op);
            here.deposits
                .iter_mut()
                .for_each(|deposit| *deposit = Deposit::default());
            here.deposits[span.ranks[0] as usize].data = Data::Here(folded.into());
        }
        let is_lead = span.lead == remote.own();
        let contexts = match here.reach {
            Reach::Making if is_lead => self.new_contexts(span.size()),
            _ => 0,
        };
        remote.ship(span, round, |ranks| {
            Shipment::write(&here, &span.ranks, contexts, ranks)
        });
        let key = (span.key.clone(), round);
        let mut meetings = lock(&remote.meetings);
        let meeting = meetings.0.entry(key.clone()).or_default();
        meeting.here = Some(here);
        meeting.contexts = contexts;
        self.go_on(meetings, &key);
    }

    /// Takes a piece of what another part brings to a collective.
    pub(super) fn receive_shipment(
        &self,
        remote: &Remote,
        from: usize,
        (key, round, is_last): (Key, u64, bool),
        bytes: &[u8],
    ) -> Taken {
        let key = (key, round);
        let mut meetings = lock(&remote.meetings);
        let parcels = meetings.0.entry(key.clone()).or_default();
        let parcels = parcels.came.entry(from).or_default();
        if parcels.back().is_none_or(|parcel| parcel.is_whole) {
            parcels.push_back(Parcel {
                bytes: Vec::new(),
                is_whole: false,
                held: remote.account.nothing(),
            });
        }
        let parcel = parcels
            .back_mut()
            .ok_or(Broken::Nonsense("a shipment without a beginning"))?;
        parcel
            .held
            .grow(bytes.len())
            .map_err(|_| Broken::NoMemory)?;
        parcel.bytes.extend_from_slice(bytes);
        parcel.is_whole = is_last;
        if is_last {
            self.go_on(meetings, &key);
        }
        Ok(())
    }

    /// Lets a rank be told when all parts have come to a round; `false` if they have.
    pub(crate) fn wait_for_parts(&self, stage: &Stage, round: u64, me: u32) -> bool {
        let (Some(remote), Some(span)) = (&self.remote, &stage.span) else {
            return false;
        };
        let mut meetings = lock(&remote.meetings);
        let meeting = meetings.0.get_mut(&(span.key.clone(), round));
        match meeting.and_then(|meeting| meeting.here.as_mut()) {
            Some(here) => {
                here.waiting.push(me);
                true
            }
            None => false,
        }
    }

    /// Fills the board of a collective that all parts have begun.
    fn go_on(&self, mut meetings: MutexGuard<'_, Meetings>, key: &(Key, u64)) {
        let Some(meeting) = meetings.0.get_mut(key) else {
            return;
        };
        let contexts = meeting.contexts;
        let Some((here, parcels)) = meeting.complete() else {
            return;
        };
        if meeting.is_empty() {
            meetings.0.remove(key);
        }
        drop(meetings);
        if let Err(broken) = self.conclude(here, parcels, contexts) {
            self.break_off(broken.to_string());
        }
    }

    fn conclude(&self, mut here: Here, parcels: Vec<(usize, Parcel)>, mut contexts: u64) -> Taken {
        let stage = Arc::clone(&here.stage);
        let span = stage
            .span
            .as_ref()
            .ok_or(Broken::Nonsense("a shipment for a stage that is here"))?;
        for (part, parcel) in parcels {
            let ranks = span.others.iter().find(|(other, _)| *other == part);
            let (_, ranks) = ranks.ok_or(Broken::Nonsense("a shipment of nobody"))?;
            let shipment = Shipment::read(&parcel.bytes)
                .ok_or(Broken::Nonsense("a shipment that cannot be read"))?;
            if !shipment.agrees_with(&here.signature.1) {
                return Err(Broken::Mismatch(self.mismatch(&here, &shipment)));
            }
            if part == span.lead {
                contexts = shipment.contexts();
            }
            let taken = shipment.unpack(&mut here, ranks, parcel.held);
            taken.ok_or(Broken::Nonsense("a shipment that does not fit"))?;
        }
        let mut context = || {
            contexts += 1;
            contexts - 1
        };
        let outcome = here.make.make(&here.deposits, &mut context);
        here.board.fill(here.deposits, outcome);
        for rank in here.waiting {
            self.notify(rank);
        }
        Ok(())
    }

    fn mismatch(&self, here: &Here, shipment: &Shipment<'_>) -> String {
        let (rank, ours) = &here.signature;
        let (other, theirs) = shipment.signature();
        // The same on all parts, as far as two are concerned.
        let mut both = [(*rank, ours.to_string()), (other, theirs)];
        both.sort();
        mismatch(here.context, self.size(), &both)
    }
}
