//! What the world knows of one rank.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, RwLock};

use futures::task::AtomicWaker;

use crate::held::Account;
use crate::mailbox::Mailbox;

/// One rank, as the others see it. On cache lines of its own.
#[repr(align(128))]
pub(crate) struct Seat<M> {
    pub(crate) word: Word,
    pub(super) waker: AtomicWaker,
    pub(crate) mailbox: Mutex<Mailbox>,
    /// The rank's memory while its program stands still in a call that waits or copies.
    pub(crate) memory: RwLock<Option<M>>,
    pub(crate) doing: Mutex<Doing>,
    /// What is kept for the rank's program.
    pub(crate) account: Account,
}

impl<M> Seat<M> {
    pub(super) fn new(account: Account) -> Self {
        Self {
            word: Word::default(),
            waker: AtomicWaker::new(),
            mailbox: Mutex::new(Mailbox::new(&account)),
            memory: RwLock::new(None),
            doing: Mutex::default(),
            account,
        }
    }
}

/// What a rank does, for the report of a deadlock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Doing {
    /// It has never waited.
    #[default]
    Nothing,
    /// It waits for a message, or for one to be received.
    Message { call: &'static str, target: Target },
    /// It waits for others in a collective.
    Collective { call: &'static str, context: u64 },
    /// It waits for so many requests, the first of which these are.
    Requests {
        call: &'static str,
        count: usize,
        first: [Option<Target>; Self::MAX_TARGETS],
    },
    /// It waits until what it has sent was received.
    Unreceived { call: &'static str },
    /// It will not do anything any more.
    Left(&'static str),
}

/// Whom a message is from or for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    /// `source` or `dest`.
    pub(crate) role: &'static str,
    pub(crate) peer: i32,
    pub(crate) tag: i32,
    pub(crate) context: u64,
}

impl Target {
    /// A message from somebody.
    pub(crate) fn source(peer: i32, tag: i32, context: u64) -> Self {
        Self {
            role: "source",
            peer,
            tag,
            context,
        }
    }
}

impl Doing {
    /// How many requests a report names.
    pub(crate) const MAX_TARGETS: usize = 4;
}

/// How many events a rank was told of, and in the lower two bits whether it waits for more.
#[derive(Debug, Default)]
pub(crate) struct Word(AtomicU64);

const AWAKE: u64 = 0;
const LOOKING: u64 = 1;
const ASLEEP: u64 = 2;
const STATE: u64 = 3;
const EVENT: u64 = 4;

impl Word {
    /// What has happened so far: to be read before looking for something, and given to
    /// [`begin`](Self::begin) when it was not found.
    pub(crate) fn seen(&self) -> u64 {
        self.0.load(Ordering::SeqCst) & !STATE
    }

    /// Starts to wait, unless something has happened since `seen`.
    pub(super) fn begin(&self, seen: u64) -> bool {
        self.change(seen | AWAKE, seen | LOOKING)
    }

    /// Goes from looking to sleep, unless something has happened since `seen`.
    pub(super) fn sleep(&self, seen: u64) -> bool {
        self.change(seen | LOOKING, seen | ASLEEP)
    }

    /// Goes on without an event; `false` if one was in time.
    pub(super) fn give_up(&self) -> bool {
        self.0.fetch_and(!STATE, Ordering::SeqCst) & STATE != AWAKE
    }

    pub(super) fn is_awake(&self) -> bool {
        self.0.load(Ordering::Acquire) & STATE == AWAKE
    }

    /// Counts an event. If the rank waited, whether it slept.
    pub(super) fn notify(&self) -> Option<bool> {
        let awake = |word: u64| Some((word & !STATE).wrapping_add(EVENT) | AWAKE);
        let updated = self
            .0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, awake);
        match updated.unwrap_or_else(|word| word) & STATE {
            AWAKE => None,
            state => Some(state == ASLEEP),
        }
    }

    /// The whole word, if the rank waits.
    pub(super) fn waiting(&self) -> Option<u64> {
        let word = self.0.load(Ordering::SeqCst);
        // Looking or asleep is the same here, and may change by itself.
        (word & STATE != AWAKE).then_some(word & !STATE)
    }

    fn change(&self, from: u64, to: u64) -> bool {
        self.0
            .compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_between_looking_and_waiting_is_not_missed() {
        let word = Word::default();
        let seen = word.seen();
        assert_eq!(word.notify(), None);
        assert!(!word.begin(seen));
        assert!(word.begin(word.seen()));
        assert!(word.waiting().is_some());
        assert!(word.sleep(word.seen()));
        assert_eq!(word.notify(), Some(true));
        assert!(word.is_awake());
        assert!(!word.give_up());
    }
}
