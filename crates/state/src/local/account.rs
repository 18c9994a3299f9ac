//! Who pays for the memory of regions.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use faasm_budget::MemoryBudget;
use faasm_model::Name;

use super::store::Store;
use crate::error::{Error, Result};

/// What one user's state takes of this worker's memory.
pub(crate) struct Account {
    user: Name,
    budget: MemoryBudget,
    limit: u64,
    used: AtomicU64,
    values: AtomicUsize,
    store: Weak<Store>,
}

/// One of the values that a user may have in memory; dropping gives it back.
pub(super) struct Place(Arc<Account>);

impl Account {
    pub(super) fn new(user: Name, budget: MemoryBudget, limit: u64, store: Weak<Store>) -> Self {
        Self {
            user,
            budget,
            limit,
            used: AtomicU64::new(0),
            values: AtomicUsize::new(0),
            store,
        }
    }

    /// Takes a place for a value; the user's own clean copies give way to it.
    pub(super) fn place(self: &Arc<Self>) -> Result<Place> {
        let limit = self.store.upgrade().map_or(0, |store| store.max_values());
        let values = self.values.fetch_add(1, Ordering::Relaxed) + 1;
        let place = Place(Arc::clone(self));
        if values <= limit {
            return Ok(place);
        }
        if let Some(store) = self.store.upgrade() {
            store.evict(u64::MAX, Some(&self.user));
        }
        match self.values.load(Ordering::Relaxed) <= limit {
            true => Ok(place),
            false => Err(Error::LocalValues {
                user: self.user.clone(),
                limit,
            }),
        }
    }

    /// Takes memory; the user's own clean copies give way to it.
    pub(super) fn take(&self, bytes: u64) -> Result<()> {
        if !self.within_limit(bytes) {
            if let Some(store) = self.store.upgrade() {
                store.evict(bytes, Some(&self.user));
            }
            if !self.within_limit(bytes) {
                return Err(Error::LocalLimit {
                    user: self.user.clone(),
                    limit: self.limit,
                });
            }
        }
        match self.budget.take(bytes) {
            true => Ok(()),
            false => {
                self.used.fetch_sub(bytes, Ordering::Relaxed);
                Err(Error::NoMemory)
            }
        }
    }

    /// Bytes that are taken.
    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn within_limit(&self, bytes: u64) -> bool {
        let taken = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(bytes).filter(|sum| *sum <= self.limit)
            });
        taken.is_ok()
    }

    pub(super) fn give(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
        self.budget.give(bytes);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.values.fetch_sub(1, Ordering::Relaxed);
    }
}
