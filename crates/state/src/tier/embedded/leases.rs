//! The global locks. They are in memory: their holders end with this process.
//!
//! Fences come from one counter, and a lock is remembered with its latest fence. When
//! there are many that nobody holds, they are forgotten, and the greatest fence among them
//! is kept for all: a fence up to that one whose lock is not remembered is not accepted
//! any more. So memory follows the locks that are held, and no old fence ever writes.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use faasm_model::StateKey;
use tokio::time::Instant;

use crate::tier::{Error, Fence, Result};

/// Locks that are remembered before those are forgotten that nobody holds.
const REMEMBERED: usize = 4_096;

/// Longest lease: far ahead, and still a time that can be computed.
const LONGEST_LEASE: Duration = Duration::from_secs(365 * 24 * 3_600);

#[derive(Default)]
pub(super) struct Leases(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    locks: HashMap<StateKey, Lease>,
    /// The last fence that was given out, for any key.
    last: u64,
    /// The greatest fence among the forgotten locks.
    forgotten: u64,
    closed: bool,
}

struct Lease {
    latest: Fence,
    /// `None` when it was given back.
    until: Option<Instant>,
}

impl Lease {
    fn is_held(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() < until)
    }
}

impl Leases {
    /// Takes a lock that nobody has.
    pub(super) fn take(&self, key: &StateKey, lease: Duration) -> Result<Option<Fence>> {
        let mut inner = self.open()?;
        if inner.locks.get(key).is_some_and(Lease::is_held) {
            return Ok(None);
        }
        inner.forget_some();
        inner.last += 1;
        let latest = Fence(inner.last);
        let until = Some(end_of(lease));
        inner.locks.insert(key.clone(), Lease { latest, until });
        Ok(Some(latest))
    }

    /// Extends a lease; `false` if the lock is not held with this fence.
    pub(super) fn renew(&self, key: &StateKey, fence: Fence, lease: Duration) -> Result<bool> {
        let mut inner = self.open()?;
        let held = inner.held(key, fence);
        let is_held = held.is_some();
        if let Some(held) = held {
            held.until = Some(end_of(lease));
        }
        Ok(is_held)
    }

    /// Gives a lock back, if it is held with this fence.
    pub(super) fn give_back(&self, key: &StateKey, fence: Fence) -> Result<()> {
        if let Some(held) = self.open()?.held(key, fence) {
            held.until = None;
        }
        Ok(())
    }

    /// Refuses a fence when a newer one was given out for the key.
    pub(super) fn check(&self, key: &StateKey, fence: Option<Fence>) -> Result<()> {
        let Some(fence) = fence else {
            return Ok(());
        };
        let inner = self.lock();
        let latest = match inner.locks.get(key) {
            Some(lease) => lease.latest,
            // Fences begin at 1.
            None => Fence(inner.forgotten.saturating_add(1)),
        };
        match fence >= latest {
            true => Ok(()),
            false => Err(Error::Fenced { latest }),
        }
    }

    /// Gives out no more; what is on its way is still checked.
    pub(super) fn close(&self) {
        self.lock().closed = true;
    }

    fn open(&self) -> Result<MutexGuard<'_, Inner>> {
        let inner = self.lock();
        match inner.closed {
            true => Err(Error::Closed),
            false => Ok(inner),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn held(&mut self, key: &StateKey, fence: Fence) -> Option<&mut Lease> {
        let lease = self.locks.get_mut(key)?;
        (lease.latest == fence && lease.is_held()).then_some(lease)
    }

    /// Makes room among the locks, when there are as many as the map holds.
    fn forget_some(&mut self) {
        if self.locks.len() < REMEMBERED || self.locks.len() < self.locks.capacity() {
            return;
        }
        let mut forgotten = self.forgotten;
        self.locks.retain(|_, lease| {
            if !lease.is_held() {
                forgotten = forgotten.max(lease.latest.0);
            }
            lease.is_held()
        });
        self.forgotten = forgotten;
    }
}

fn end_of(lease: Duration) -> Instant {
    Instant::now() + lease.min(LONGEST_LEASE)
}

#[cfg(test)]
mod tests {
    use faasm_model::{Key, Name};

    use super::*;

    const LEASE: Duration = Duration::from_secs(3_600);

    fn key(number: usize) -> StateKey {
        StateKey {
            user: Name::new("demo").unwrap(),
            key: Key::new(&number.to_string()).unwrap(),
        }
    }

    #[test]
    fn forgotten_locks_let_no_old_fence_write_and_take_no_memory() {
        let leases = Leases::default();
        let old = leases.take(&key(0), LEASE).unwrap().unwrap();
        leases.give_back(&key(0), old).unwrap();
        let newer = leases.take(&key(0), LEASE).unwrap().unwrap();
        leases.give_back(&key(0), newer).unwrap();
        let held = leases.take(&key(1), LEASE).unwrap().unwrap();
        for number in 2..100_000 {
            let fence = leases.take(&key(number), LEASE).unwrap().unwrap();
            leases.give_back(&key(number), fence).unwrap();
        }
        assert!(leases.lock().locks.len() < 4 * REMEMBERED);
        assert!(matches!(
            leases.check(&key(0), Some(old)),
            Err(Error::Fenced { .. })
        ));
        assert_eq!(leases.check(&key(1), Some(held)), Ok(()));
        let next = leases.take(&key(0), LEASE).unwrap().unwrap();
        assert!(next > newer);
        assert_eq!(leases.check(&key(0), Some(next)), Ok(()));
    }

    #[test]
    fn a_lease_runs_out_and_its_fence_counts_until_there_is_a_newer_one() {
        let leases = Leases::default();
        let short = Duration::from_millis(5);
        let first = leases.take(&key(0), short).unwrap().unwrap();
        while leases.lock().locks[&key(0)].is_held() {
            std::thread::sleep(short);
        }
        assert_eq!(leases.renew(&key(0), first, LEASE), Ok(false));
        assert_eq!(leases.check(&key(0), Some(first)), Ok(()));
        let latest = leases.take(&key(0), Duration::MAX).unwrap().unwrap();
        let fenced = Err(Error::Fenced { latest });
        assert_eq!(leases.check(&key(0), Some(first)), fenced);
        leases.give_back(&key(0), first).unwrap();
        let again = leases.take(&key(0), LEASE);
        assert_eq!(again, Ok(None), "the old holder has nothing to give");
        assert_eq!(leases.renew(&key(0), latest, LEASE), Ok(true));
    }
}
