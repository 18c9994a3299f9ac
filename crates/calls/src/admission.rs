//! Who may start when.
//!
//! A call needs a permit to start. While it waits for callees it lends the permit out, so
//! any depth of chaining makes progress. A user may hold as many permits as are free: one
//! user alone gets half of all, two get a third each, and whoever comes next always finds
//! some; nobody can take the server from the others. Who cannot start queues, users take
//! turns, and the queue of a user is bounded.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dashmap::DashMap;
use faasm_model::Name;
use tokio::sync::oneshot;

use crate::options::Options;
use crate::waiters::{Rank, Waiter, Waiters};

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

#[derive(Debug, Default)]
struct User {
    running: AtomicI64,
    queued_synchronous: AtomicUsize,
    queued_asynchronous: AtomicUsize,
}

/// The right to have a Faaslet. Dropping it lets the next call start.
#[derive(Debug)]
pub(crate) struct Permit {
    shared: Arc<Shared>,
    user: Arc<User>,
    /// For how many Faaslets it is.
    count: i64,
}

/// A permit lent out while its holder waits for a callee, until it is taken back.
#[derive(Debug)]
pub(crate) struct Lent {
    shared: Arc<Shared>,
    user: Arc<User>,
    is_out: AtomicBool,
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
pub(crate) struct Load {
    pub(crate) running: usize,
    pub(crate) waiting: usize,
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
            0 => self.0.take(self.user(user)),
            _ => None,
        }
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

    /// Waits for a permit. The call is in the queue when this returns, not only when the
    /// future is polled: a caller that chains and then waits must find its callees there,
    /// or shallower calls would start before them.
    pub(crate) fn enter(
        &self,
        user: &Name,
        rank: Rank,
    ) -> impl Future<Output = Result<Permit, Exhausted>> + use<> {
        let (sender, receiver) = oneshot::channel();
        self.0.enqueue(user, rank, sender);
        self.0.hand_out();
        async move {
            match receiver.await {
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

    /// Takes a permit if the user may have one more.
    fn take(self: &Arc<Self>, user: Arc<User>) -> Option<Permit> {
        let free = self.max_running - self.running.fetch_add(1, SeqCst);
        let has = user.running.fetch_add(1, SeqCst);
        let live = self.live.fetch_add(1, SeqCst);
        if has < free && live < self.max_live {
            let shared = Arc::clone(self);
            let count = 1;
            return Some(Permit {
                shared,
                user,
                count,
            });
        }
        self.running.fetch_sub(1, SeqCst);
        user.running.fetch_sub(1, SeqCst);
        self.live.fetch_sub(1, SeqCst);
        None
    }

    /// Gives permits to those who wait, as far as they go.
    fn hand_out(self: &Arc<Self>) {
        while self.waiting.load(SeqCst) > 0 {
            let mut waiters = self.lock();
            let gone = |count| {
                self.waiting.fetch_sub(count, SeqCst);
            };
            let next = waiters.next(gone, |name| self.take(self.users.get(name)?.clone()));
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
            let _ = waiter.send(answer);
        }
    }

    /// Whether only callers are alive that wait for callees that cannot start.
    fn is_stuck(&self) -> bool {
        self.running.load(SeqCst) <= 0 && self.live.load(SeqCst) >= self.max_live
    }
}

impl Permit {
    /// Has it be for `more` Faaslets as well, if the user may have as many.
    pub(crate) fn extend(&mut self, more: u32) -> bool {
        let more = i64::from(more);
        let free = self.shared.max_running - self.shared.running.fetch_add(more, SeqCst);
        let has = self.user.running.fetch_add(more, SeqCst) - self.count;
        let live = self.shared.live.fetch_add(more, SeqCst);
        if has + more <= free && live + more <= self.shared.max_live {
            self.count += more;
            return true;
        }
        self.shared.running.fetch_sub(more, SeqCst);
        self.user.running.fetch_sub(more, SeqCst);
        self.shared.live.fetch_sub(more, SeqCst);
        // It may have hidden permits from whoever looked meanwhile.
        self.shared.hand_out();
        false
    }

    /// Lends the permit out. Nobody gets it before [`Lent::offer`].
    pub(crate) fn lend(&self) -> Lent {
        self.user.running.fetch_sub(1, SeqCst);
        self.shared.running.fetch_sub(1, SeqCst);
        Lent {
            shared: Arc::clone(&self.shared),
            user: Arc::clone(&self.user),
            is_out: AtomicBool::new(true),
        }
    }
}

impl Lent {
    /// Lets others start.
    pub(crate) fn offer(&self) {
        self.shared.hand_out();
    }

    /// Takes the permit back, once. That never waits: one who has started is always let
    /// finish.
    pub(crate) fn take_back(&self) {
        if self.is_out.swap(false, SeqCst) {
            self.user.running.fetch_add(1, SeqCst);
            self.shared.running.fetch_add(1, SeqCst);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.user.running.fetch_sub(self.count, SeqCst);
        self.shared.running.fetch_sub(self.count, SeqCst);
        self.shared.live.fetch_sub(self.count, SeqCst);
        self.shared.hand_out();
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
mod tests {
    use super::*;
    use std::cmp::Reverse;
    use std::time::Duration;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn admission(max_running: u32, max_faaslets: u32) -> Admission {
        Admission::new(&Options {
            max_running,
            max_faaslets,
            max_queued: 2,
            ..Options::default()
        })
    }

    #[test]
    fn one_user_gets_half_and_the_next_one_still_finds_permits() {
        let admission = admission(8, 100);
        let flood: Vec<_> = (0..8)
            .filter_map(|_| admission.try_enter(&name("flood")))
            .collect();
        assert_eq!(flood.len(), 4);
        assert!(admission.try_enter(&name("other")).is_some());
    }

    #[test]
    fn a_queue_is_bounded_for_each_kind_of_call_apart() {
        let admission = admission(1, 1);
        let user = name("a");
        let places: Vec<_> = (0..2)
            .map(|_| admission.queue(&user, false).unwrap())
            .collect();
        assert_eq!(admission.queue(&user, false).unwrap_err(), QueueFull);
        assert!(admission.queue(&user, true).is_ok());
        drop(places);
        assert!(admission.queue(&user, false).is_ok());
    }

    #[tokio::test]
    async fn deeper_calls_start_first_and_users_take_turns() {
        let admission = admission(2, 100);
        let (a, b) = (name("a"), name("b"));
        let held = [
            admission.try_enter(&a).unwrap(),
            admission.try_enter(&b).unwrap_or_else(|| {
                // With two permits the second user's share is the one that is left.
                unreachable!("a newcomer finds a permit")
            }),
        ];
        let order = Arc::new(Mutex::new(Vec::new()));
        let ranks = [
            (&a, Rank::Asynchronous, "a async"),
            (&a, Rank::Synchronous, "a sync"),
            (&a, Rank::Chained(Reverse(1)), "a 1"),
            (&a, Rank::Chained(Reverse(2)), "a 2"),
            (&b, Rank::Asynchronous, "b async"),
        ];
        let mut tasks = Vec::new();
        for (user, rank, label) in ranks {
            let (admission, user, order) = (admission.clone(), user.clone(), Arc::clone(&order));
            tasks.push(tokio::spawn(async move {
                let permit = admission.enter(&user, rank).await.unwrap();
                order.lock().unwrap().push(label);
                tokio::time::sleep(Duration::from_millis(5)).await;
                drop(permit);
            }));
            tokio::task::yield_now().await;
        }
        drop(held);
        for task in tasks {
            task.await.unwrap();
        }
        let order = order.lock().unwrap().clone();
        let of_a: Vec<_> = order
            .iter()
            .filter(|l| l.starts_with('a'))
            .copied()
            .collect();
        assert_eq!(of_a, ["a 2", "a 1", "a sync", "a async"]);
        assert!(order.iter().position(|l| *l == "b async") <= Some(1));
    }

    #[tokio::test]
    async fn a_waiting_caller_lends_its_permit_to_its_callee() {
        let admission = admission(1, 10);
        let user = name("a");
        let caller = admission.try_enter(&user).unwrap();
        let lent = caller.lend();
        lent.offer();
        let callee = admission
            .enter(&user, Rank::Chained(Reverse(1)))
            .await
            .unwrap();
        drop(callee);
        lent.take_back();
        lent.take_back();
        assert_eq!(
            admission.load(),
            Load {
                running: 1,
                waiting: 0
            }
        );
    }

    #[tokio::test]
    async fn when_only_waiting_callers_are_alive_the_deepest_callee_is_refused() {
        let admission = admission(4, 1);
        let user = name("a");
        let caller = admission.try_enter(&user).unwrap();
        let _lent = caller.lend();
        let refused = admission.enter(&user, Rank::Chained(Reverse(1))).await;
        assert_eq!(refused.unwrap_err(), Exhausted);
    }

    #[tokio::test]
    async fn a_waiter_that_gives_up_leaves_nothing_behind() {
        let admission = admission(1, 10);
        let user = name("a");
        let held = admission.try_enter(&user).unwrap();
        let waiting = admission.enter(&user, Rank::Synchronous);
        assert!(
            tokio::time::timeout(Duration::from_millis(5), waiting)
                .await
                .is_err()
        );
        drop(held);
        assert_eq!(
            admission.load(),
            Load {
                running: 0,
                waiting: 0
            }
        );
        assert!(admission.try_enter(&user).is_some());
    }
}
