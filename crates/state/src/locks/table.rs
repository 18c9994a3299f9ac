//! All locks of a worker, in shards by key.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::ops::DerefMut;
use std::sync::Arc;
use std::task::Waker;

use faasm_model::{CallId, StateKey};
use hashbrown::HashTable;

use super::key_lock::{Asked, KeyLock};
use super::mutex::{Kit, Mutex};
use super::waiter::Waiter;
use super::{Mode, Party};

/// A key with its hash, which is computed once an operation. Keys come from functions: the
/// hash is seeded, so that nobody can make them collide.
#[derive(Clone)]
pub(super) struct Slot {
    pub hash: u64,
    pub key: StateKey,
}

/// The locks. Mutexes are taken in this order: a session's, a shard's (several by rising
/// index), a waiter's.
pub(super) struct Table<K: Kit> {
    seed: RandomState,
    shards: Box<[K::Mutex<Shard<K>>]>,
}

/// The keys of one shard, and the calls of one shard that wait for other calls.
pub(super) struct Shard<K: Kit> {
    locks: HashTable<Entry<K>>,
    /// The keys somebody waits for, so that a search need not look at all.
    contended: HashSet<StateKey>,
    awaits: HashMap<u64, Await>,
    next_await: u64,
}

struct Entry<K: Kit> {
    slot: Slot,
    lock: KeyLock<K>,
}

/// A call that waits for another to end.
pub(super) struct Await {
    pub party: Arc<Party>,
    pub other: CallId,
}

/// What became of entering a lock.
pub(super) enum Entered<K: Kit> {
    Granted,
    Queued(Arc<Waiter<K>>),
    HeldByItself(Mode),
}

impl<K: Kit> Table<K> {
    /// `shards` is a power of two.
    pub fn new(shards: usize) -> Self {
        let shards = (0..shards).map(|_| K::Mutex::new(Shard::new())).collect();
        Self {
            seed: RandomState::new(),
            shards,
        }
    }

    pub fn hash(&self, key: &StateKey) -> u64 {
        self.seed.hash_one(key)
    }

    /// The shard of a key's hash.
    pub fn shard(&self, hash: u64) -> impl DerefMut<Target = Shard<K>> {
        self.shards[self.index(hash)].lock()
    }

    /// The shard that keeps what a call waits for.
    pub fn shard_of_call(&self, call: CallId) -> impl DerefMut<Target = Shard<K>> {
        self.shards[self.index(self.seed.hash_one(call))].lock()
    }

    /// All shards at one moment.
    pub fn freeze(&self) -> Vec<impl DerefMut<Target = Shard<K>>> {
        self.shards.iter().map(Mutex::lock).collect()
    }

    /// The index of the shard of a hash. The hash tables use the ends of the hash; the
    /// middle is still free.
    pub fn index(&self, hash: u64) -> usize {
        (hash >> 32) as usize & (self.shards.len() - 1)
    }
}

impl<K: Kit> Shard<K> {
    fn new() -> Self {
        Self {
            locks: HashTable::new(),
            contended: HashSet::new(),
            awaits: HashMap::new(),
            next_await: 0,
        }
    }

    /// Takes the lock of a key, or a place in its queue.
    pub fn enter(
        &mut self,
        hash: u64,
        key: &StateKey,
        party: &Arc<Party>,
        mode: Mode,
    ) -> Entered<K> {
        let slot = |key: &StateKey| Slot {
            hash,
            key: key.clone(),
        };
        let entry = self
            .locks
            .entry(hash, |e| e.slot.key == *key, |e| e.slot.hash)
            .or_insert_with(|| Entry {
                slot: slot(key),
                lock: KeyLock::new(),
            });
        let lock = &mut entry.into_mut().lock;
        match lock.ask(party, mode) {
            Asked::Granted => Entered::Granted,
            Asked::HeldByItself(held) => Entered::HeldByItself(held),
            Asked::Busy => {
                let waiter = Waiter::new(slot(key), Arc::clone(party), mode);
                lock.enqueue(Arc::clone(&waiter));
                self.contended.insert(key.clone());
                Entered::Queued(waiter)
            }
        }
    }

    /// Changes the lock of a key by taking something away, and lets in whose turn it then
    /// is; their wakers are added to `wakers`. `None` if nobody holds the lock or waits.
    pub fn leave<R>(
        &mut self,
        hash: u64,
        key: &StateKey,
        wakers: &mut Vec<Waker>,
        take: impl FnOnce(&mut KeyLock<K>) -> R,
    ) -> Option<R> {
        let mut entry = self.locks.find_entry(hash, |e| e.slot.key == *key).ok()?;
        let lock = &mut entry.get_mut().lock;
        let taken = take(lock);
        lock.advance(wakers);
        if lock.queue().is_empty() && !self.contended.is_empty() {
            self.contended.remove(key);
        }
        if lock.is_unused() {
            entry.remove();
            self.shrink();
        }
        Some(taken)
    }

    /// The lock of a key that somebody holds or waits for.
    pub fn lock(&self, hash: u64, key: &StateKey) -> Option<&KeyLock<K>> {
        Some(&self.locks.find(hash, |e| e.slot.key == *key)?.lock)
    }

    /// The keys somebody waits for.
    pub fn contended(&self) -> impl Iterator<Item = &StateKey> {
        self.contended.iter()
    }

    /// The calls that wait for others to end.
    pub fn awaits(&self) -> impl Iterator<Item = &Await> {
        self.awaits.values()
    }

    /// Notes that a call waits for another to end, and returns the number of the note.
    pub fn begin_await(&mut self, party: Arc<Party>, other: CallId) -> u64 {
        let number = self.next_await;
        self.next_await += 1;
        self.awaits.insert(number, Await { party, other });
        number
    }

    /// Removes the note of that number.
    pub fn end_await(&mut self, number: u64) {
        self.awaits.remove(&number);
    }

    /// Gives memory back after a crowd of keys.
    fn shrink(&mut self) {
        const KEPT: usize = 64;
        let (used, capacity) = (self.locks.len(), self.locks.capacity());
        if capacity > KEPT && used < capacity / 8 {
            self.locks.shrink_to(used * 2, |e| e.slot.hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locks::mutex::Std;
    use crate::locks::party::samples::{key, party};
    use crate::locks::session::Session;

    #[test]
    fn a_million_keys_leave_nothing_behind() {
        let table = Arc::new(Table::<Std>::new(4));
        for call in 1..=100 {
            let session = Session::new(Arc::clone(&table), party(call));
            for n in 0..10_000 {
                session
                    .lock(&key(&format!("{call}.{n}")), Mode::Write)
                    .unwrap();
            }
        }
        for shard in table.freeze() {
            assert!(shard.locks.is_empty() && shard.contended.is_empty());
            assert!(shard.locks.capacity() < 1_000, "{}", shard.locks.capacity());
        }
    }

    #[test]
    fn a_forgotten_await_ends_with_its_session() {
        let table = Arc::new(Table::<Std>::new(4));
        let session = Session::new(Arc::clone(&table), party(1));
        session.begin_await(CallId::new(2).unwrap());
        assert_eq!(session.waits_for().unwrap(), "the end of call 2");
        drop(session);
        assert!(table.freeze().iter().all(|shard| shard.awaits.is_empty()));
    }
}
