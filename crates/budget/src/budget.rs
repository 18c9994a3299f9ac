//! The memory budget of the process.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

/// One budget for everything that grows with what guests do: linear memories, captured
/// output, scratch files, queued inputs, state. Over it things are refused, so that the
/// kernel never has to kill the process.
#[derive(Clone, Debug)]
pub struct MemoryBudget(Arc<Budget>);

struct Budget {
    total: u64,
    used: AtomicU64,
    reclaim: OnceLock<Weak<dyn Reclaim>>,
    /// What this is a part of.
    whole: Option<MemoryBudget>,
}

/// Why there was no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsedUp {
    /// The whole budget.
    Server,
    /// The part of it that a user's calls may take together.
    User {
        /// So many bytes.
        limit: u64,
    },
}

impl fmt::Display for UsedUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server => f.write_str("the server's memory budget (--memory-budget) is used up"),
            Self::User { limit } => write!(
                f,
                "the memory that all calls of the user may take together, {limit} bytes (--user-max-memory), is used up"
            ),
        }
    }
}

/// Who holds bytes of the budget that could be had again: caches.
pub trait Reclaim: Send + Sync {
    /// Gives back `bytes` of the budget, or what there is. Called by whoever is about to
    /// be refused, on any thread: it must neither wait nor take from the budget.
    fn reclaim(&self, bytes: u64);
}

impl MemoryBudget {
    /// A budget of `total` bytes.
    pub fn new(total: u64) -> Self {
        Self::of(total, None)
    }

    /// A part of this budget: what is taken from the part is taken from the whole as well, or
    /// from neither.
    pub fn part(&self, total: u64) -> Self {
        Self::of(total, Some(self.clone()))
    }

    fn of(total: u64, whole: Option<Self>) -> Self {
        Self(Arc::new(Budget {
            total,
            used: AtomicU64::new(0),
            reclaim: OnceLock::new(),
            whole,
        }))
    }

    /// Whether it is a part of another one.
    pub fn is_part(&self) -> bool {
        self.0.whole.is_some()
    }

    /// Why so many bytes were refused just now.
    pub fn used_up(&self, bytes: u64) -> UsedUp {
        let limit = self.total();
        match self.is_part() && self.used().saturating_add(bytes) > limit {
            true => UsedUp::User { limit },
            false => UsedUp::Server,
        }
    }

    /// Has `cache` asked before anything is refused. Only the first one counts.
    pub fn reclaim_from(&self, cache: Weak<dyn Reclaim>) {
        // A second cache would need an order in which they are asked.
        let _ = self.0.reclaim.set(cache);
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
        if !self.take_own(bytes) {
            return false;
        }
        let also = self.0.whole.as_ref().is_none_or(|whole| whole.take(bytes));
        if !also {
            self.0.give(bytes);
        }
        also
    }

    fn take_own(&self, bytes: u64) -> bool {
        if self.try_take(bytes) {
            return true;
        }
        let cache = self.0.reclaim.get().and_then(Weak::upgrade);
        match cache {
            Some(cache) if bytes <= self.0.total => {
                cache.reclaim(bytes);
                self.try_take(bytes)
            }
            _ => false,
        }
    }

    fn try_take(&self, bytes: u64) -> bool {
        let Budget { total, used, .. } = &*self.0;
        used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(bytes).filter(|sum| sum <= total)
        })
        .is_ok()
    }

    /// Gives back bytes that were taken.
    pub fn give(&self, bytes: u64) {
        self.0.give(bytes);
        if let Some(whole) = &self.0.whole {
            whole.give(bytes);
        }
    }
}

impl Budget {
    fn give(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget")
            .field("total", &self.total)
            .field("used", &self.used)
            .finish_non_exhaustive()
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

    /// Gives `less` bytes back, or all that there are.
    pub fn shrink(&mut self, less: u64) {
        let less = less.min(self.bytes);
        self.bytes -= less;
        self.budget.give(less);
    }

    /// Why `more` bytes were refused just now.
    pub fn used_up(&self, more: u64) -> UsedUp {
        self.budget.used_up(more)
    }

    /// How many bytes it holds.
    pub fn bytes(&self) -> u64 {
        self.bytes
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
        second.shrink(10);
        assert_eq!((second.bytes(), budget.used()), (30, 30));
        second.shrink(u64::MAX);
        assert_eq!((second.bytes(), budget.used()), (0, 0));
        assert!(!second.grow(u64::MAX));
    }

    #[test]
    fn what_the_whole_refuses_is_not_taken_from_a_part() {
        let whole = MemoryBudget::new(100);
        let (part, other) = (whole.part(80), whole.part(80));
        assert!(part.take(60) && !other.take(50));
        assert_eq!((other.used(), whole.used()), (0, 60));
        assert_eq!(other.used_up(50), UsedUp::Server);
        assert!(!part.take(30));
        assert_eq!(part.used_up(30), UsedUp::User { limit: 80 });
        part.give(60);
        assert_eq!((part.used(), whole.used()), (0, 0));
    }

    struct Cache(MemoryBudget, AtomicU64);

    impl Reclaim for Cache {
        fn reclaim(&self, bytes: u64) {
            let given = self.1.load(Ordering::Relaxed).min(bytes);
            self.1.fetch_sub(given, Ordering::Relaxed);
            self.0.give(given);
        }
    }

    #[test]
    fn a_cache_gives_way_before_anything_is_refused() {
        let budget = MemoryBudget::new(100);
        assert!(budget.take(100));
        let cache = Arc::new(Cache(budget.clone(), AtomicU64::new(30)));
        let weak: Weak<Cache> = Arc::downgrade(&cache);
        budget.reclaim_from(weak);
        assert!(budget.take(20));
        assert!(!budget.take(20));
        assert!(budget.take(10));
        assert_eq!(budget.used(), 100);
    }
}
