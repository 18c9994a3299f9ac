//! What one call holds and waits for, apart from time.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use faasm_model::{CallId, StateKey};
use hashbrown::HashTable;

use super::mutex::{Kit, Mutex};
use super::table::{Entered, Slot, Table};
use super::text::{HeldBy, Shown};
use super::waiter::Waiter;
use super::{Deadlock, LockError, Mode, NotHeld, Party};

/// Most locks of one call: a bound of what a function can make the server keep.
pub(super) const MAX_LOCKS: usize = 16_384;

/// The locks of one call; dropped, it leaves no trace in the table.
pub(super) struct Session<K: Kit> {
    table: Arc<Table<K>>,
    party: Arc<Party>,
    presence: K::Mutex<Presence<K>>,
}

/// Where the table knows of the session.
struct Presence<K: Kit> {
    keys: HashTable<Uses>,
    /// All `times` together.
    total: usize,
    waits: Vec<Wait<K>>,
}

/// A key that the session holds or waits for, and how often.
struct Uses {
    slot: Slot,
    times: usize,
}

enum Wait<K: Kit> {
    Lock(Arc<Waiter<K>>),
    Call { other: CallId, number: u64 },
}

/// The first step of locking.
pub(super) enum Turn<'a, K: Kit> {
    Granted,
    Queued(Queued<'a, K>),
}

/// A place in a queue: a future of the lock. Dropped, it passes the turn on.
pub(super) struct Queued<'a, K: Kit> {
    session: &'a Session<K>,
    /// Until the future is ready.
    waiter: Option<Arc<Waiter<K>>>,
}

impl<K: Kit> Session<K> {
    pub fn new(table: Arc<Table<K>>, party: Party) -> Self {
        let presence = Presence {
            keys: HashTable::new(),
            total: 0,
            waits: Vec::new(),
        };
        Self {
            table,
            party: Arc::new(party),
            presence: K::Mutex::new(presence),
        }
    }

    /// Takes a lock or a place in its queue.
    pub fn lock(&self, key: &StateKey, mode: Mode) -> Result<Turn<'_, K>, LockError> {
        let hash = self.table.hash(key);
        let mut presence = self.presence.lock();
        if presence.total == MAX_LOCKS {
            return Err(LockError::TooMany { limit: MAX_LOCKS });
        }
        let entered = self.table.shard(hash).enter(hash, key, &self.party, mode);
        let waiter = match entered {
            Entered::HeldByItself(held) => {
                return Err(Deadlock::with_itself(&self.party, key, held, mode).into());
            }
            Entered::Granted => None,
            Entered::Queued(waiter) => Some(waiter),
        };
        presence.add(hash, key);
        let Some(waiter) = waiter else {
            return Ok(Turn::Granted);
        };
        presence.waits.push(Wait::Lock(Arc::clone(&waiter)));
        Ok(Turn::Queued(Queued {
            session: self,
            waiter: Some(waiter),
        }))
    }

    /// Gives a lock back.
    pub fn unlock(&self, key: &StateKey, mode: Mode) -> Result<(), NotHeld> {
        let hash = self.table.hash(key);
        let mut wakers = Vec::new();
        let mut presence = self.presence.lock();
        let released = self
            .table
            .shard(hash)
            .leave(hash, key, &mut wakers, |lock| {
                lock.release(&self.party, mode)
            });
        if released != Some(true) {
            return Err(NotHeld {
                party: Party::clone(&self.party),
                key: key.clone(),
                mode,
            });
        }
        presence.remove(hash, key);
        drop(presence);
        wake(wakers);
        Ok(())
    }

    /// Notes that the call waits for another to end; the number is for [`Self::end_await`].
    pub fn begin_await(&self, other: CallId) -> u64 {
        let mut presence = self.presence.lock();
        let mut shard = self.table.shard_of_call(self.party.call);
        let number = shard.begin_await(Arc::clone(&self.party), other);
        presence.waits.push(Wait::Call { other, number });
        number
    }

    /// The call waits no more.
    pub fn end_await(&self, number: u64) {
        let mut presence = self.presence.lock();
        presence
            .waits
            .retain(|w| !matches!(w, Wait::Call { number: n, .. } if *n == number));
        self.table.shard_of_call(self.party.call).end_await(number);
    }

    /// What the call waits for, and who holds it.
    pub fn waits_for(&self) -> Option<String> {
        let presence = self.presence.lock();
        let waiter = match presence.waits.last()? {
            Wait::Call { other, .. } => return Some(format!("the end of call {other}")),
            Wait::Lock(waiter) => waiter,
        };
        let Slot { hash, key } = &waiter.slot;
        let shard = self.table.shard(*hash);
        let lock = shard.lock(*hash, key)?;
        let (mode, key) = (waiter.mode, Shown(key));
        Some(format!("the {mode} lock of {key}, {}", HeldBy(lock)))
    }

    /// Whether the call holds no lock and waits for none.
    pub fn is_empty(&self) -> bool {
        self.presence.lock().total == 0
    }

    /// Ends a wait: with its verdict, or, without one, because nobody waits any more.
    fn end_wait(&self, waiter: &Arc<Waiter<K>>, verdict: Option<&Result<(), Deadlock>>) {
        let Slot { hash, key } = &waiter.slot;
        let mut wakers = Vec::new();
        let mut presence = self.presence.lock();
        presence
            .waits
            .retain(|w| !matches!(w, Wait::Lock(other) if Arc::ptr_eq(other, waiter)));
        if verdict.is_none() {
            let mut shard = self.table.shard(*hash);
            shard.leave(*hash, key, &mut wakers, |lock| lock.abandon(waiter));
        }
        if verdict.is_none_or(Result::is_err) {
            presence.remove(*hash, key);
        }
        drop(presence);
        wake(wakers);
    }
}

impl<K: Kit> Drop for Session<K> {
    fn drop(&mut self) {
        let mut wakers = Vec::new();
        let mut presence = self.presence.lock();
        for Uses { slot, .. } in presence.keys.drain() {
            let mut shard = self.table.shard(slot.hash);
            shard.leave(slot.hash, &slot.key, &mut wakers, |lock| {
                lock.evict(&self.party)
            });
        }
        for wait in presence.waits.drain(..) {
            // Left by a guard that was forgotten.
            if let Wait::Call { number, .. } = wait {
                self.table.shard_of_call(self.party.call).end_await(number);
            }
        }
        drop(presence);
        wake(wakers);
    }
}

impl<K: Kit> Presence<K> {
    fn add(&mut self, hash: u64, key: &StateKey) {
        self.total += 1;
        self.keys
            .entry(hash, |u| u.slot.key == *key, |u| u.slot.hash)
            .and_modify(|uses| uses.times += 1)
            .or_insert_with(|| Uses {
                slot: Slot {
                    hash,
                    key: key.clone(),
                },
                times: 1,
            });
    }

    fn remove(&mut self, hash: u64, key: &StateKey) {
        if let Ok(mut entry) = self.keys.find_entry(hash, |u| u.slot.key == *key) {
            self.total -= 1;
            entry.get_mut().times -= 1;
            if entry.get().times == 0 {
                entry.remove();
            }
        }
    }
}

impl<K: Kit> Future for Queued<'_, K> {
    type Output = Result<(), Deadlock>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(waiter) = &self.waiter else {
            return Poll::Pending;
        };
        let verdict = std::task::ready!(waiter.poll(context));
        self.session.end_wait(waiter, Some(&verdict));
        self.waiter = None;
        Poll::Ready(verdict)
    }
}

impl<K: Kit> Drop for Queued<'_, K> {
    fn drop(&mut self) {
        if let Some(waiter) = self.waiter.take() {
            self.session.end_wait(&waiter, None);
        }
    }
}

/// Wakes calls. Whoever calls this holds no mutex: a waker may do anything.
pub(super) fn wake(wakers: Vec<Waker>) {
    for waker in wakers {
        waker.wake();
    }
}
