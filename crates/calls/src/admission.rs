//! Who may start when.
//!
//! A call needs a permit to start. While it waits for callees it lends the permit out, so
//! any depth of chaining makes progress. A user may hold as many permits as are free: one
//! user alone gets half of all, two get a third each, and whoever comes next always finds
//! some; nobody can take the server from the others. Who cannot start queues, users take
//! turns, and the queue of a user is bounded.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dashmap::DashMap;
use faasm_model::Name;
use tokio::sync::oneshot;

use crate::options::Options;
use crate::waiters::{Rank, Waiter, Waiters};

mod permit;

pub(crate) use permit::{Lent, Permit};

/// Hands out permits. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Admission(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    max_running: i64,
    max_live: i64,
    max_queued: usize,
    running: AtomicI64,
    live: AtomicI64,
    waiting: AtomicUsize,
    users: DashMap<Name, Arc<User>>,
    waiters: Mutex<Waiters>,
}

/// What a user has of it all.
#[derive(Debug, Default)]
pub(crate) struct User {
    running: AtomicI64,
    queued_synchronous: AtomicUsize,
    queued_asynchronous: AtomicUsize,
}

/// A place in a user's queue; dropping gives it up.
#[derive(Debug)]
pub(crate) struct Place {
    user: Arc<User>,
    asynchronous: bool,
}

/// The user's queue has no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QueueFull;

/// All Faaslets are callers that wait for callees that can have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exhausted;

/// How busy the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Calls in motion: started, and not waiting for callees.
    pub running: usize,
    /// Calls that wait for a place.
    pub waiting: usize,
}

impl Admission {
    pub(crate) fn new(options: &Options) -> Self {
        Self(Arc::new(Shared {
            max_running: i64::from(options.max_running.max(1)),
            max_live: i64::from(options.max_faaslets.max(1)),
            max_queued: options.max_queued,
            running: AtomicI64::new(0),
            live: AtomicI64::new(0),
            waiting: AtomicUsize::new(0),
            users: DashMap::new(),
            waiters: Mutex::default(),
        }))
    }

    fn user(&self, name: &Name) -> Arc<User> {
        if let Some(user) = self.0.users.get(name) {
            return Arc::clone(&user);
        }
        Arc::clone(&self.0.users.entry(name.clone()).or_default())
    }

    /// A permit at once, if nobody waits for one and the user may have it.
    pub(crate) fn try_enter(&self, user: &Name) -> Option<Permit> {
        match self.0.waiting.load(SeqCst) {
            0 => self.0.take(self.user(user), 1),
            _ => None,
        }
    }

    /// A permit for all of so many Faaslets at once, if the user may have them, whoever waits: what
    /// others wait for is mostly not free.
    pub(crate) fn try_enter_all(&self, user: &Name, count: u32) -> Option<Permit> {
        let permit = self.0.take(self.user(user), count);
        if permit.is_none() {
            // It may have hidden permits from whoever looked meanwhile.
            self.0.hand_out();
        }
        permit
    }

    /// A place in the user's queue, if there is one.
    pub(crate) fn queue(&self, user: &Name, asynchronous: bool) -> Result<Place, QueueFull> {
        let user = self.user(user);
        let place = Place { user, asynchronous };
        let before = place.count().fetch_add(1, SeqCst);
        if before < self.0.max_queued {
            return Ok(place);
        }
        drop(place);
        // A failed `try_enter` may have hidden a permit from whoever looked meanwhile.
        self.0.hand_out();
        Err(QueueFull)
    }

    /// A place for a call that was accepted before, whatever the bound says now.
    pub(crate) fn accepted_place(&self, user: &Name) -> Place {
        let user = self.user(user);
        user.queued_asynchronous.fetch_add(1, SeqCst);
        let asynchronous = true;
        Place { user, asynchronous }
    }

    /// How many more calls could start now, if they were of users who have none.
    pub(crate) fn room(&self) -> usize {
        let free = self.0.max_running - self.0.running.load(SeqCst);
        usize::try_from(free).unwrap_or(0)
    }

    /// For how many more Faaslets the user could have a permit now.
    pub(crate) fn room_for(&self, user: &Name) -> u32 {
        let shared = &*self.0;
        let user = shared.users.get(user);
        let has = user.map_or(0, |user| user.running.load(SeqCst));
        let free = shared.max_running - shared.running.load(SeqCst) - has;
        let room = free.min(shared.max_live - shared.live.load(SeqCst));
        u32::try_from(room.max(0)).unwrap_or(u32::MAX)
    }

    /// Users of whose asynchronous calls none more could start now.
    pub(crate) fn full_users(&self) -> Vec<Name> {
        let free = self.0.max_running - self.0.running.load(SeqCst);
        let full = self.0.users.iter().filter(|user| {
            user.queued_asynchronous.load(SeqCst) > 0 || user.running.load(SeqCst) >= free
        });
        full.map(|user| user.key().clone()).collect()
    }

    /// Waits for a permit for so many Faaslets, which it gets all at once. The call is in the queue
    /// when this returns, not only when the future is polled: a caller that chains and then waits
    /// must find its callees there, or shallower calls would start before them.
    pub(crate) fn enter(
        &self,
        user: &Name,
        rank: Rank,
        count: u32,
    ) -> impl Future<Output = Result<Permit, Exhausted>> + use<> {
        let (answer, receiver) = oneshot::channel();
        let waiter = Waiter {
            answer,
            user: self.user(user),
            count,
        };
        self.0.enqueue(user, rank, waiter);
        self.0.hand_out();
        let waiting = Waiting {
            receiver,
            _next: HandOut(Arc::clone(&self.0)),
        };
        async move {
            // All of it, whether it is ever polled or not.
            let mut waiting = waiting;
            match (&mut waiting.receiver).await {
                Ok(answer) => answer,
                // A waiter is only dropped unanswered when this future is.
                Err(_) => std::future::pending().await,
            }
        }
    }

    pub(crate) fn load(&self) -> Load {
        Load {
            running: usize::try_from(self.0.running.load(SeqCst)).unwrap_or(0),
            waiting: self.0.waiting.load(SeqCst),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiters> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enqueue(&self, user: &Name, rank: Rank, waiter: Waiter) {
        let mut waiters = self.lock();
        waiters.push(user, rank, waiter);
        // Counted under the lock, as the ones taken out are: never below what is there.
        self.waiting.fetch_add(1, SeqCst);
    }

    /// Takes a permit for so many Faaslets if the user may have as many more.
    fn take(self: &Arc<Self>, user: Arc<User>, count: u32) -> Option<Permit> {
        let count = i64::from(count);
        let free = self.max_running - self.running.fetch_add(count, SeqCst);
        let has = user.running.fetch_add(count, SeqCst);
        let live = self.live.fetch_add(count, SeqCst);
        if has + count <= free && live + count <= self.max_live {
            return Some(Permit::new(self, user, count));
        }
        // In this order, or it could seem as if all that live were waiting for others.
        self.live.fetch_sub(count, SeqCst);
        user.running.fetch_sub(count, SeqCst);
        self.running.fetch_sub(count, SeqCst);
        None
    }

    /// Gives permits to those who wait, as far as they go.
    fn hand_out(self: &Arc<Self>) {
        while self.waiting.load(SeqCst) > 0 {
            let mut waiters = self.lock();
            let gone = |count| {
                self.waiting.fetch_sub(count, SeqCst);
            };
            let next = waiters.next(gone, |waiter| {
                self.take(Arc::clone(&waiter.user), waiter.count)
            });
            let (waiter, answer) = match next {
                Some((waiter, permit)) => (waiter, Ok(permit)),
                None if !self.is_stuck() => return,
                None => match waiters.deepest() {
                    Some(waiter) => (waiter, Err(Exhausted)),
                    None => return,
                },
            };
            self.waiting.fetch_sub(1, SeqCst);
            drop(waiters);
            // One that has just gone returns its permit here, through the drop.
            let _ = waiter.answer.send(answer);
        }
    }

    /// Whether only callers are alive that wait for callees that cannot start.
    fn is_stuck(&self) -> bool {
        self.running.load(SeqCst) <= 0 && self.live.load(SeqCst) >= self.max_live
    }
}

/// A call that waits. When it gives up, those behind it may have what it could not.
struct Waiting {
    receiver: oneshot::Receiver<Result<Permit, Exhausted>>,
    /// After the receiver, by whose end the waiter is known to have gone.
    _next: HandOut,
}

struct HandOut(Arc<Shared>);

impl Drop for HandOut {
    fn drop(&mut self) {
        self.0.hand_out();
    }
}

impl Place {
    fn count(&self) -> &AtomicUsize {
        match self.asynchronous {
            true => &self.user.queued_asynchronous,
            false => &self.user.queued_synchronous,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.count().fetch_sub(1, SeqCst);
    }
}

#[cfg(test)]
mod tests;
