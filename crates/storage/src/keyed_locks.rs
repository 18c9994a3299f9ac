//! A lock for each key that is in use.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;

/// Async locks by key, which take no memory for keys that nobody holds or waits for.
#[derive(Debug)]
pub(crate) struct KeyedLocks<K: Hash + Eq + Clone> {
    locks: Mutex<HashMap<K, Arc<tokio::sync::Mutex<()>>>>,
}

/// Holds one key's lock until it is dropped.
pub(crate) struct KeyedGuard<'a, K: Hash + Eq + Clone> {
    owner: &'a KeyedLocks<K>,
    key: K,
    held: Option<OwnedMutexGuard<()>>,
}

impl<K: Hash + Eq + Clone> KeyedLocks<K> {
    pub(crate) fn new() -> Self {
        Self {
            locks: Mutex::new(HashMap::new()),
        }
    }

    /// Waits for `key`'s lock; those who wait get it in the order in which they asked.
    pub(crate) async fn lock(&self, key: K) -> KeyedGuard<'_, K> {
        let lock = Arc::clone(locked(&self.locks).entry(key.clone()).or_default());
        // Made before waiting, so that giving up while waiting cleans up as well.
        let mut guard = KeyedGuard {
            owner: self,
            key,
            held: None,
        };
        guard.held = Some(lock.lock_owned().await);
        guard
    }
}

impl<K: Hash + Eq + Clone> KeyedGuard<'_, K> {
    /// The key whose lock is held.
    pub(crate) fn key(&self) -> &K {
        &self.key
    }
}

impl<K: Hash + Eq + Clone> Drop for KeyedGuard<'_, K> {
    fn drop(&mut self) {
        self.held = None;
        let mut locks = locked(&self.owner.locks);
        let unused = |lock: &Arc<_>| Arc::strong_count(lock) == 1;
        if locks.get(&self.key).is_some_and(unused) {
            locks.remove(&self.key);
        }
    }
}

/// Locks `mutex` even if a thread panicked with it: what is kept here stays consistent
/// between any two statements.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn one_key_is_exclusive_and_another_is_free() {
        let locks = KeyedLocks::new();
        let held = locks.lock("a").await;
        assert!(locks.lock("a").now_or_never().is_none());
        assert!(locks.lock("b").now_or_never().is_some());
        drop(held);
        assert!(locks.lock("a").now_or_never().is_some());
    }

    #[tokio::test]
    async fn keys_that_nobody_uses_are_forgotten() {
        let locks = KeyedLocks::new();
        let held = locks.lock("a").await;
        {
            let mut given_up = Box::pin(locks.lock("a"));
            assert!(futures::poll!(given_up.as_mut()).is_pending());
            drop(held);
        }
        assert!(locked(&locks.locks).is_empty());
    }
}
