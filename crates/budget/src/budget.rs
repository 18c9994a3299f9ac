//! The memory budget of the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// One budget for everything that grows with what guests do: linear memories, captured
/// output, scratch files, queued inputs. Over it things are refused, so that the kernel
/// never has to kill the process.
#[derive(Clone, Debug)]
pub struct MemoryBudget(Arc<Budget>);

#[derive(Debug)]
struct Budget {
    total: u64,
    used: AtomicU64,
}

impl MemoryBudget {
    /// A budget of `total` bytes.
    pub fn new(total: u64) -> Self {
        let used = AtomicU64::new(0);
        Self(Arc::new(Budget { total, used }))
    }

    /// An empty charge, to be grown.
    pub fn charge(&self) -> Charge {
        Charge {
            budget: self.clone(),
            bytes: 0,
        }
    }

    /// The whole budget in bytes.
    pub fn total(&self) -> u64 {
        self.0.total
    }

    /// Bytes charged now.
    pub fn used(&self) -> u64 {
        self.0.used.load(Ordering::Relaxed)
    }

    /// Takes `bytes` if they fit. Whoever takes gives them back with [`Self::give`];
    /// a [`Charge`] does so by itself.
    pub fn take(&self, bytes: u64) -> bool {
        let Budget { total, used } = &*self.0;
        used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(bytes).filter(|sum| sum <= total)
        })
        .is_ok()
    }

    /// Gives back bytes that were taken.
    pub fn give(&self, bytes: u64) {
        self.0.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl faasm_vfs::Charge for MemoryBudget {
    fn grow(&self, bytes: u64) -> bool {
        self.take(bytes)
    }

    fn shrink(&self, bytes: u64) {
        self.give(bytes);
    }
}

/// Bytes of the budget that somebody holds; dropping gives them back.
#[derive(Debug)]
pub struct Charge {
    budget: MemoryBudget,
    bytes: u64,
}

impl Charge {
    /// Takes `more` bytes if the budget has them.
    #[must_use]
    pub fn grow(&mut self, more: u64) -> bool {
        let taken = self.budget.take(more);
        if taken {
            self.bytes += more;
        }
        taken
    }

    /// Moves what is held into a charge of its own.
    pub fn take(&mut self) -> Charge {
        let empty = self.budget.charge();
        std::mem::replace(self, empty)
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.budget.give(self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_over_the_budget_is_refused_and_a_dropped_one_returns() {
        let budget = MemoryBudget::new(100);
        let mut first = budget.charge();
        assert!(first.grow(60));
        let mut second = budget.charge();
        assert!(!second.grow(41));
        assert!(second.grow(40));
        drop(first);
        assert_eq!(budget.used(), 40);
        assert!(!second.grow(u64::MAX));
    }
}
