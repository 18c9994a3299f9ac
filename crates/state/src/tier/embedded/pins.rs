//! Who still reads which generation, and which may be dropped.
//!
//! A generation that no value has any more is kept while it is pinned. There is a gap
//! between finding a generation in the database and pinning it, in which it must not go
//! either: whoever opens a value draws a number first, and a generation goes only when
//! everybody has finished who drew one before it was seen to be superseded.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use faasm_database::Waker;

use super::tables::State;

#[derive(Default)]
pub(super) struct Pins {
    inner: Mutex<Inner>,
    waker: OnceLock<Waker<State>>,
}

#[derive(Default)]
struct Inner {
    held: HashMap<u64, usize>,
    next_number: u64,
    opening: BTreeSet<u64>,
    /// Generations that may be loose. The number is the next that was to be drawn when the
    /// generation was found to be loose in what is committed; `None` before that.
    suspects: BTreeMap<u64, Option<u64>>,
    /// Where to look for loose generations that an earlier process left; `None` when all
    /// were seen.
    unseen: Option<u64>,
}

impl Inner {
    fn may_go(&self, generation: u64, found: Option<u64>) -> bool {
        let opened_before = |found| self.opening.first().is_some_and(|&first| first < found);
        !self.held.contains_key(&generation) && !found.is_some_and(opened_before)
    }
}

impl Pins {
    /// Those of a database that may have been open before.
    pub(super) fn new() -> Self {
        let pins = Self::default();
        pins.lock().unseen = Some(0);
        pins
    }

    /// Says whom to wake when something may be dropped.
    pub(super) fn wake_with(&self, waker: Waker<State>) {
        // Called once, when the database is opened.
        let _ = self.waker.set(waker);
    }

    /// To be called before a value is looked up that is going to be pinned.
    pub(super) fn open(self: &Arc<Self>) -> Opening {
        let mut inner = self.lock();
        let number = inner.next_number;
        inner.next_number += 1;
        inner.opening.insert(number);
        Opening {
            pins: Arc::clone(self),
            number,
        }
    }

    /// Pins a new generation that is staged.
    pub(super) fn pin_staged(self: &Arc<Self>, generation: u64) -> Pinned {
        self.pin(generation, true)
    }

    fn pin(self: &Arc<Self>, generation: u64, staged: bool) -> Pinned {
        *self.lock().held.entry(generation).or_default() += 1;
        Pinned {
            pins: Arc::clone(self),
            generation,
            staged,
        }
    }

    /// Notes a generation that becomes loose when the present transaction is committed.
    pub(super) fn suspect(&self, generation: u64) {
        self.lock().suspects.insert(generation, None);
    }

    /// Whether there may be something to drop.
    pub(super) fn has_garbage(&self) -> bool {
        self.unseen().is_some() || self.next(0).is_some()
    }

    /// The first generation from `from` on that may be dropped if it is loose.
    pub(super) fn next(&self, from: u64) -> Option<u64> {
        let inner = self.lock();
        let mut suspects = inner.suspects.range(from..);
        let next = suspects.find(|&(&generation, &found)| inner.may_go(generation, found));
        next.map(|(&generation, _)| generation)
    }

    /// Notes that a generation is loose in what is committed; whether it may be dropped.
    pub(super) fn found_loose(&self, generation: u64) -> bool {
        let mut inner = self.lock();
        let next_number = inner.next_number;
        let found = inner.suspects.entry(generation).or_default();
        let found = *found.get_or_insert(next_number);
        inner.may_go(generation, Some(found))
    }

    /// Forgets a generation that is not loose, or is gone.
    pub(super) fn forget(&self, generation: u64) {
        self.lock().suspects.remove(&generation);
    }

    /// The generation from which on loose ones are to be looked for, because an earlier
    /// process may have left them.
    pub(super) fn unseen(&self) -> Option<u64> {
        self.lock().unseen
    }

    /// Notes loose generations that were found, and where to go on. Those of this process
    /// among them do no harm.
    pub(super) fn seen(&self, generations: &[u64], unseen: Option<u64>) {
        let mut inner = self.lock();
        inner.unseen = unseen;
        for &generation in generations {
            inner.suspects.entry(generation).or_default();
        }
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.get() {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody is about to pin what he finds.
pub(super) struct Opening {
    pins: Arc<Pins>,
    number: u64,
}

impl Opening {
    /// Pins a generation that was the value's after this was begun.
    pub(super) fn pin(&self, generation: u64) -> Pinned {
        self.pins.pin(generation, false)
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        let mut inner = self.pins.lock();
        inner.opening.remove(&self.number);
        let wanted = !inner.suspects.is_empty();
        drop(inner);
        if wanted {
            self.pins.wake();
        }
    }
}

/// Keeps a generation readable.
pub(super) struct Pinned {
    pins: Arc<Pins>,
    generation: u64,
    staged: bool,
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let mut inner = self.pins.lock();
        if let Some(held) = inner.held.get_mut(&self.generation) {
            *held -= 1;
            if *held == 0 {
                inner.held.remove(&self.generation);
            }
        }
        if self.staged {
            // If it was published meanwhile, it is found not to be loose.
            inner.suspects.entry(self.generation).or_default();
        }
        let wanted = inner.suspects.contains_key(&self.generation);
        drop(inner);
        if wanted {
            self.pins.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_generation_may_not_go() {
        let pins = Arc::new(Pins::default());
        let (first, second) = (pins.open().pin(7), pins.open().pin(7));
        pins.suspect(7);
        assert_eq!(pins.next(0), None);
        drop(first);
        assert_eq!(pins.next(0), None);
        drop(second);
        assert_eq!(pins.next(0), Some(7));
        assert!(pins.found_loose(7));
        pins.forget(7);
        assert!(!pins.has_garbage());
    }

    #[test]
    fn whoever_was_looking_when_it_became_loose_may_still_pin_it() {
        let pins = Arc::new(Pins::default());
        let early = pins.open();
        pins.suspect(7);
        assert!(!pins.found_loose(7), "somebody looks");
        let late = pins.open();
        assert_eq!(pins.next(0), None);
        let pinned = early.pin(7);
        drop(early);
        assert_eq!(pins.next(0), None, "it is pinned");
        drop(pinned);
        assert_eq!(pins.next(0), Some(7), "the late one cannot find it");
        drop(late);
    }

    #[test]
    fn a_staged_generation_is_suspect_without_its_pin() {
        let pins = Arc::new(Pins::default());
        let pinned = pins.pin_staged(3);
        assert!(!pins.has_garbage());
        drop(pinned);
        assert_eq!(pins.next(0), Some(3));
        assert_eq!(pins.next(4), None);
    }
}
