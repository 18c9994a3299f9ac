//! Who pays for the memory of regions.

use std::sync::Weak;
use std::sync::atomic::{AtomicU64, Ordering};

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
    store: Weak<Store>,
}

impl Account {
    pub(super) fn new(user: Name, budget: MemoryBudget, limit: u64, store: Weak<Store>) -> Self {
        Self {
            user,
            budget,
            limit,
            used: AtomicU64::new(0),
            store,
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
