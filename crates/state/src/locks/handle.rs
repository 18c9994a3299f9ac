//! The locks as calls use them: with waiting, and a look for deadlocks while it lasts.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use faasm_model::{CallId, StateKey};
use tokio::time::Instant;

use super::mutex::Std;
use super::search::resolve_deadlocks;
use super::session::{Session, Turn};
use super::table::Table;
use super::{LockError, Mode, NotHeld, Party};

/// How long a call waits before it looks for a deadlock, and before it looks again.
const PATIENCE: Duration = Duration::from_secs(1);

/// Enough that calls on different keys seldom meet.
const SHARDS: usize = 64;

/// All local locks of a worker. Cheap to clone; the clones are one.
#[derive(Clone)]
pub struct Locks {
    shared: Arc<Shared>,
}

struct Shared {
    table: Arc<Table<Std>>,
    patience: Duration,
    searched: Mutex<Option<Instant>>,
}

impl Locks {
    /// No locks yet.
    pub fn new() -> Self {
        Self::with_patience(PATIENCE)
    }

    pub(super) fn with_patience(patience: Duration) -> Self {
        let shared = Shared {
            table: Arc::new(Table::new(SHARDS)),
            patience,
            searched: Mutex::new(None),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// What one call holds and waits for. There is one session a call: deadlocks are found
    /// by call.
    pub fn session(&self, party: Party) -> LockSession {
        LockSession {
            session: Session::new(Arc::clone(&self.shared.table), party),
            shared: Arc::clone(&self.shared),
        }
    }
}

impl Default for Locks {
    fn default() -> Self {
        Self::new()
    }
}

impl Shared {
    /// Searches for deadlocks, unless somebody just did: a search finds those of everybody,
    /// and many waiters shall not make many searches. Whoever waited for `patience` was
    /// there already a tenth of it ago.
    fn search(&self) {
        let now = Instant::now();
        {
            let mut searched = self.searched.lock().unwrap_or_else(PoisonError::into_inner);
            if searched.is_some_and(|then| now.duration_since(then) < self.patience / 10) {
                return;
            }
            *searched = Some(now);
        }
        resolve_deadlocks(&self.table);
    }
}

/// The locks of one call, and what it waits for. A call does one thing at a time; when the
/// session is dropped, in whatever state, all is released and the next in the queues go on.
pub struct LockSession {
    session: Session<Std>,
    shared: Arc<Shared>,
}

impl LockSession {
    /// Locks a key, once it is this call's turn: first come, first served, and readers that
    /// stand together enter together. A read lock may be taken again by its holder, and then
    /// is to be unlocked as often. Dropping the future leaves the queue.
    ///
    /// Waits without end; the caller bounds the time.
    ///
    /// # Errors
    /// [`LockError::Deadlock`] at once when the call itself holds the key and one of both
    /// locks is to write, and after a second or more when calls wait for each other in a
    /// circle (one of them gets the error). [`LockError::TooMany`] at 16,384 locks.
    pub async fn lock(&self, key: &StateKey, mode: Mode) -> Result<(), LockError> {
        let mut queued = match self.session.lock(key, mode)? {
            Turn::Granted => return Ok(()),
            Turn::Queued(queued) => queued,
        };
        loop {
            match tokio::time::timeout(self.shared.patience, &mut queued).await {
                Ok(verdict) => return Ok(verdict?),
                Err(_) => self.shared.search(),
            }
        }
    }

    /// Gives a lock back.
    ///
    /// # Errors
    /// [`NotHeld`] when the call does not hold that key in that mode.
    pub fn unlock(&self, key: &StateKey, mode: Mode) -> Result<(), NotHeld> {
        self.session.unlock(key, mode)
    }

    /// To be held while the call waits for another to end: that one may need a lock that
    /// this one holds.
    pub fn awaiting(&self, other: CallId) -> AwaitGuard<'_> {
        AwaitGuard {
            session: &self.session,
            number: self.session.begin_await(other),
        }
    }

    /// What the call waits for and who holds it, as a phrase for messages.
    pub fn waits_for(&self) -> Option<String> {
        self.session.waits_for()
    }

    /// Whether the call holds no lock and waits for none.
    pub fn is_empty(&self) -> bool {
        self.session.is_empty()
    }
}

/// While it lives, the call waits for another to end.
#[must_use = "the call counts as waiting only while the guard lives"]
pub struct AwaitGuard<'a> {
    session: &'a Session<Std>,
    number: u64,
}

impl Drop for AwaitGuard<'_> {
    fn drop(&mut self) {
        self.session.end_await(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locks::Deadlock;
    use crate::locks::party::samples::{key, party};

    const BLINK: Duration = Duration::from_millis(5);

    #[tokio::test]
    async fn a_wait_that_is_no_deadlock_outlives_many_searches() {
        let locks = Locks::with_patience(BLINK);
        let (holder, reader) = (locks.session(party(1)), locks.session(party(2)));
        holder.lock(&key("k"), Mode::Write).await.unwrap();
        let k = key("k");
        let wait = reader.lock(&k, Mode::Read);
        let (waited, ()) = tokio::join!(wait, async {
            tokio::time::sleep(BLINK * 20).await;
            holder.unlock(&k, Mode::Write).unwrap();
        });
        assert_eq!(waited, Ok(()));
    }

    #[tokio::test]
    async fn an_await_that_closes_a_circle_late_is_found_by_a_later_search() {
        let locks = Locks::with_patience(BLINK);
        let (parent, child) = (locks.session(party(1)), locks.session(party(2)));
        let k = key("k");
        parent.lock(&k, Mode::Write).await.unwrap();
        let (refused, ()) = tokio::join!(child.lock(&k, Mode::Write), async {
            tokio::time::sleep(BLINK * 10).await;
            let _waits = parent.awaiting(CallId::new(2).unwrap());
            while child.waits_for().is_some() {
                tokio::time::sleep(BLINK).await;
            }
        });
        let deadlock = refused.unwrap_err().to_string();
        assert_eq!(
            deadlock,
            "deadlock: call 2 (demo/f) waits for the write lock of \"k\"; call 1 (demo/f) holds \
             the write lock of \"k\" and waits for the end of call 2; lock keys in the same order \
             everywhere"
        );
    }

    #[tokio::test]
    async fn a_reader_stuck_behind_a_writer_is_told_about_the_writer() {
        let locks = Locks::with_patience(BLINK);
        let [first, writer, last] = [1, 2, 3].map(|call| locks.session(party(call)));
        let (a, b) = (key("a"), key("b"));
        first.lock(&a, Mode::Read).await.unwrap();
        last.lock(&b, Mode::Write).await.unwrap();
        let (waits, wrote, refused) = tokio::join!(
            async {
                let waited = first.lock(&b, Mode::Read).await;
                first.unlock(&a, Mode::Read).unwrap();
                waited
            },
            writer.lock(&a, Mode::Write),
            async {
                let refused = last.lock(&a, Mode::Read).await;
                last.unlock(&b, Mode::Write).unwrap();
                refused
            },
        );
        assert_eq!((waits, wrote), (Ok(()), Ok(())));
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("call 3 (demo/f) holds the write lock of \"b\" and waits for the read lock of \"a\" behind call 2, which wants to write"), "{text}");
    }

    #[tokio::test]
    async fn of_many_calls_in_a_circle_one_is_refused_and_the_message_stays_short() {
        let locks = Locks::with_patience(BLINK);
        let calls = 20;
        let fork = |n: u64| key(&format!("{n}{}", "\u{2028}".repeat(150)));
        let philosopher = async |n: u64| {
            let session = locks.session(party(n + 1));
            session.lock(&fork(n), Mode::Write).await?;
            tokio::task::yield_now().await;
            session.lock(&fork((n + 1) % calls), Mode::Write).await
        };
        let results = futures::future::join_all((0..calls).map(philosopher)).await;
        let refused: Vec<String> = results
            .into_iter()
            .filter_map(|r| r.err().map(|e| e.to_string()))
            .collect();
        assert_eq!(refused.len(), 1);
        assert!(refused[0].contains("and so on, 20 calls in all") || refused[0].ends_with('…'));
        assert!(refused[0].len() <= Deadlock::MAX_BYTES && !refused[0].contains('\u{2028}'));
    }
}
