//! All keys of this worker, and what makes room among them.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use dashmap::DashMap;
use faasm_budget::{MemoryBudget, Reclaim};
use faasm_model::{Name, StateKey};

use super::account::Account;
use super::entry::Entry;

/// The keys that were used in this worker.
pub(crate) struct Store {
    this: Weak<Self>,
    entries: DashMap<StateKey, Arc<Entry>>,
    accounts: DashMap<Name, Arc<Account>>,
    budget: MemoryBudget,
    /// Most bytes of one user.
    user_limit: u64,
    /// Keys beyond which clean ones are dropped: each takes a file descriptor.
    max_entries: usize,
    clock: AtomicU64,
    /// Entries at which the next sweep is worth while.
    sweep_at: AtomicUsize,
}

impl Store {
    pub(crate) fn new(budget: MemoryBudget, user_limit: u64, max_entries: usize) -> Arc<Self> {
        let store = Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            entries: DashMap::new(),
            accounts: DashMap::new(),
            budget,
            user_limit,
            max_entries,
            clock: AtomicU64::new(0),
            sweep_at: AtomicUsize::new(max_entries),
        });
        let cache: Weak<Self> = Arc::downgrade(&store);
        store.budget.reclaim_from(cache);
        store
    }

    pub(crate) fn budget(&self) -> &MemoryBudget {
        &self.budget
    }

    /// Values that one user may have in memory at a time.
    pub(super) fn max_values(&self) -> usize {
        self.max_entries
    }

    /// The entry of a key, made if need be.
    pub(crate) fn entry(&self, key: &StateKey) -> Arc<Entry> {
        let now = self.clock.fetch_add(1, Ordering::Relaxed);
        if let Some(entry) = self.entries.get(key) {
            entry.touch(now);
            return Arc::clone(&entry);
        }
        if self.entries.len() >= self.sweep_at.load(Ordering::Relaxed) {
            self.sweep();
        }
        let account = self.account(&key.user);
        let entry = self.entries.entry(key.clone());
        let entry = entry.or_insert_with(|| Arc::new(Entry::new(key.clone(), account)));
        entry.touch(now);
        Arc::clone(&entry)
    }

    fn account(&self, user: &Name) -> Arc<Account> {
        let account = self.accounts.entry(user.clone());
        let account = account.or_insert_with(|| {
            let (budget, store) = (self.budget.clone(), Weak::clone(&self.this));
            Arc::new(Account::new(user.clone(), budget, self.user_limit, store))
        });
        Arc::clone(&account)
    }

    /// Entries that have something in memory.
    pub(crate) fn entries(&self) -> Vec<Arc<Entry>> {
        let entries = self.entries.iter().map(|entry| Arc::clone(&entry));
        entries.collect()
    }

    /// Keys that are known, and the bytes of memory that they take.
    pub(crate) fn usage(&self) -> (usize, u64) {
        let bytes = self.accounts.iter().map(|account| account.used()).sum();
        (self.entries.len(), bytes)
    }

    /// Drops clean copies that nobody uses, the least recently used first, until `bytes`
    /// are free. Only those of `user`, if one is given.
    pub(crate) fn evict(&self, bytes: u64, user: Option<&Name>) {
        let mut entries = self.entries();
        entries.retain(|entry| user.is_none_or(|user| entry.key().user == *user));
        entries.sort_by_key(|entry| entry.used_at());
        let mut freed = 0;
        for entry in entries {
            if freed >= bytes {
                break;
            }
            freed += entry.evict().unwrap_or(0);
        }
    }

    /// Drops a quarter of the copies, and forgets keys that have none.
    fn sweep(&self) {
        let mut entries = self.entries();
        entries.sort_by_key(|entry| entry.used_at());
        let oldest = entries.len() / 4;
        for entry in entries.drain(..).take(oldest) {
            entry.evict();
        }
        // A new reference is only taken under the lock that this holds.
        self.entries
            .retain(|_, entry| Arc::strong_count(entry) > 1 || entry.region().is_some());
        self.accounts
            .retain(|_, account| Arc::strong_count(account) > 1);
        // What is left is in use or dirty: looking again at each new key would not help.
        let next = self.max_entries.max(self.entries.len() / 4 * 5);
        self.sweep_at.store(next, Ordering::Relaxed);
    }
}

impl Reclaim for Store {
    fn reclaim(&self, bytes: u64) {
        // Somewhat more than is asked for: looking through all keys should be worth it.
        self.evict(bytes.max(self.budget.total() / 32), None);
    }
}
