//! The lock of one key: a plain state machine, first come, first served.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use smallvec::SmallVec;

use super::mutex::Kit;
use super::waiter::Waiter;
use super::{Mode, Party};

/// Who holds the lock of a key, and who waits for it.
pub(super) struct KeyLock<K: Kit> {
    /// The mode of all holders; without holders it means nothing.
    mode: Mode,
    holders: SmallVec<[Holder; 1]>,
    queue: VecDeque<Arc<Waiter<K>>>,
}

/// A holder, as often as it locked. Sessions are told apart by the address of their party.
pub(super) struct Holder {
    party: Arc<Party>,
    times: u32,
}

impl Holder {
    pub fn party(&self) -> &Party {
        &self.party
    }
}

/// What became of asking for a lock.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Granted,
    /// Others hold it, or came first.
    Busy,
    /// The party itself holds it, in a way that excludes what it asks for.
    HeldByItself(Mode),
}

impl<K: Kit> KeyLock<K> {
    pub fn new() -> Self {
        Self {
            mode: Mode::Read,
            holders: SmallVec::new(),
            queue: VecDeque::new(),
        }
    }

    pub fn mode(&self) -> Mode {
        self.mode
    }

    pub fn holders(&self) -> &[Holder] {
        &self.holders
    }

    pub fn queue(&self) -> &VecDeque<Arc<Waiter<K>>> {
        &self.queue
    }

    /// Whether nobody holds it or waits.
    pub fn is_unused(&self) -> bool {
        self.holders.is_empty() && self.queue.is_empty()
    }

    /// Grants the lock if that is this party's turn.
    pub fn ask(&mut self, party: &Arc<Party>, mode: Mode) -> Asked {
        if let Some(holder) = self.holder(party) {
            // It overtakes waiting writers: they wait for it anyhow, it must not for them.
            return match (self.mode, mode) {
                (Mode::Read, Mode::Read) => {
                    self.holders[holder].times += 1;
                    Asked::Granted
                }
                (held, _) => Asked::HeldByItself(held),
            };
        }
        if !self.queue.is_empty() || !self.admits(mode) {
            return Asked::Busy;
        }
        self.grant(party, mode);
        Asked::Granted
    }

    /// Puts a party to whom the lock was [`Busy`](Asked::Busy) at the end of the queue.
    pub fn enqueue(&mut self, waiter: Arc<Waiter<K>>) {
        self.queue.push_back(waiter);
    }

    /// Gives back one lock of the party in this mode; says whether it had one.
    pub fn release(&mut self, party: &Arc<Party>, mode: Mode) -> bool {
        match self.holder(party) {
            Some(holder) if self.mode == mode => {
                self.holders[holder].times -= 1;
                if self.holders[holder].times == 0 {
                    self.holders.swap_remove(holder);
                }
                true
            }
            _ => false,
        }
    }

    /// Takes a waiter out of the queue; says whether it still was there.
    pub fn withdraw(&mut self, waiter: &Arc<Waiter<K>>) -> bool {
        let place = self.queue.iter().position(|w| Arc::ptr_eq(w, waiter));
        place.is_some_and(|place| self.queue.remove(place).is_some())
    }

    /// Ends the wait of somebody who does not care how it ended: a lock that was granted
    /// meanwhile is given back.
    pub fn abandon(&mut self, waiter: &Arc<Waiter<K>>) {
        if !self.withdraw(waiter) && waiter.was_granted() {
            self.release(&waiter.party, waiter.mode);
        }
    }

    /// Takes away all that the party holds and waits for.
    pub fn evict(&mut self, party: &Arc<Party>) {
        self.holders.retain(|h| !Arc::ptr_eq(&h.party, party));
        self.queue.retain(|w| !Arc::ptr_eq(&w.party, party));
    }

    /// Grants the lock to those whose turn has come.
    pub fn advance(&mut self, wakers: &mut Vec<Waker>) {
        while let Some(first) = self.queue.front()
            && self.admits(first.mode)
            && let Some(first) = self.queue.pop_front()
        {
            self.grant(&first.party, first.mode);
            wakers.extend(first.settle(Ok(())));
        }
    }

    fn admits(&self, mode: Mode) -> bool {
        self.holders.is_empty() || (mode == Mode::Read && self.mode == Mode::Read)
    }

    fn grant(&mut self, party: &Arc<Party>, mode: Mode) {
        self.mode = mode;
        self.holders.push(Holder {
            party: Arc::clone(party),
            times: 1,
        });
    }

    fn holder(&self, party: &Arc<Party>) -> Option<usize> {
        self.holders
            .iter()
            .position(|h| Arc::ptr_eq(&h.party, party))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::locks::mutex::Std;
    use crate::locks::party::samples::{key, party};
    use crate::locks::table::Slot;

    /// A lock with some parties who may use it.
    struct Scene {
        lock: KeyLock<Std>,
        parties: Vec<Arc<Party>>,
    }

    impl Scene {
        fn new() -> Self {
            Self {
                lock: KeyLock::new(),
                parties: (1..=6).map(|call| Arc::new(party(call))).collect(),
            }
        }

        /// Asks, and queues if that is what it takes.
        fn lock(&mut self, who: usize, mode: Mode) -> Asked {
            let party = &self.parties[who];
            let asked = self.lock.ask(party, mode);
            if asked == Asked::Busy {
                let slot = Slot {
                    hash: 0,
                    key: key("k"),
                };
                self.lock
                    .enqueue(Waiter::new(slot, Arc::clone(party), mode));
            }
            asked
        }

        fn unlock(&mut self, who: usize, mode: Mode) -> bool {
            let released = self.lock.release(&self.parties[who], mode);
            self.lock.advance(&mut Vec::new());
            released
        }

        fn who<'a>(&self, parties: impl Iterator<Item = &'a Arc<Party>>) -> Vec<usize> {
            let index = |p: &Arc<Party>| self.parties.iter().position(|q| Arc::ptr_eq(p, q));
            parties.filter_map(index).collect()
        }

        fn holders(&self) -> Vec<usize> {
            self.who(self.lock.holders.iter().map(|h| &h.party))
        }

        fn queue(&self) -> Vec<usize> {
            self.who(self.lock.queue.iter().map(|w| &w.party))
        }
    }

    #[test]
    fn readers_at_the_head_enter_together_and_stop_at_the_next_writer() {
        let mut scene = Scene::new();
        assert_eq!(scene.lock(0, Mode::Write), Asked::Granted);
        scene.lock(1, Mode::Read);
        scene.lock(2, Mode::Read);
        scene.lock(3, Mode::Write);
        scene.lock(4, Mode::Read);
        assert!(scene.unlock(0, Mode::Write));
        assert_eq!((scene.holders(), scene.queue()), (vec![1, 2], vec![3, 4]));
    }

    #[test]
    fn a_reader_waits_behind_a_waiting_writer_but_a_reader_inside_may_read_again() {
        let mut scene = Scene::new();
        scene.lock(0, Mode::Read);
        assert_eq!(scene.lock(1, Mode::Write), Asked::Busy);
        assert_eq!(scene.lock(2, Mode::Read), Asked::Busy);
        assert_eq!(scene.lock(0, Mode::Read), Asked::Granted);
        assert!(scene.unlock(0, Mode::Read));
        assert_eq!(scene.holders(), [0], "it locked twice");
        assert!(scene.unlock(0, Mode::Read));
        assert_eq!(scene.holders(), [1]);
    }

    #[test]
    fn a_holder_cannot_lock_again_when_one_of_both_is_to_write() {
        for (held, wanted) in [
            (Mode::Read, Mode::Write),
            (Mode::Write, Mode::Read),
            (Mode::Write, Mode::Write),
        ] {
            let mut scene = Scene::new();
            scene.lock(0, held);
            assert_eq!(scene.lock(0, wanted), Asked::HeldByItself(held));
            assert!(scene.queue().is_empty());
        }
    }

    #[test]
    fn only_the_holder_unlocks_and_only_in_its_mode() {
        let mut scene = Scene::new();
        scene.lock(0, Mode::Read);
        assert!(!scene.unlock(0, Mode::Write));
        assert!(!scene.unlock(1, Mode::Read));
        assert_eq!(scene.holders(), [0]);
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Lock(Mode),
        Unlock(Mode),
        GiveUp,
        Evict,
    }

    fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
        let mode = || prop_oneof![Just(Mode::Read), Just(Mode::Write)];
        let step = prop_oneof![
            4 => mode().prop_map(Step::Lock),
            4 => mode().prop_map(Step::Unlock),
            1 => Just(Step::GiveUp),
            1 => Just(Step::Evict),
        ];
        prop::collection::vec((0..6usize, step), 0..60)
    }

    proptest! {
        #[test]
        fn whatever_happens_the_lock_is_exclusive_fair_and_never_idle(steps in steps()) {
            let mut scene = Scene::new();
            for (who, step) in steps {
                let (holders, queue) = (scene.holders(), scene.queue());
                match step {
                    // A call does one thing at a time.
                    _ if queue.contains(&who) && !matches!(step, Step::GiveUp | Step::Evict) => {}
                    Step::Lock(mode) => { scene.lock(who, mode); }
                    Step::Unlock(mode) => { scene.unlock(who, mode); }
                    Step::GiveUp => {
                        let waiters = scene.lock.queue.iter();
                        if let Some(waiter) = waiters.clone().find(|w| Arc::ptr_eq(&w.party, &scene.parties[who])).cloned() {
                            scene.lock.abandon(&waiter);
                        }
                        scene.lock.advance(&mut Vec::new());
                    }
                    Step::Evict => {
                        scene.lock.evict(&scene.parties[who]);
                        scene.lock.advance(&mut Vec::new());
                    }
                }
                let lock = &scene.lock;
                prop_assert!(lock.mode == Mode::Read || lock.holders.len() <= 1);
                prop_assert!(lock.queue.front().is_none_or(|w| !lock.admits(w.mode)));
                // Who entered from the queue stood at its front.
                let entered = |w: &&usize| scene.holders().contains(w) && !holders.contains(w);
                let stayed: Vec<usize> = queue.iter().copied().filter(|&w| w != who).collect();
                let ahead = stayed.iter().take_while(entered).count();
                prop_assert_eq!(stayed.iter().filter(entered).count(), ahead);
            }
        }
    }
}
