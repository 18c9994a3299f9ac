//! Calls that wait for a place, in the order in which they get one.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use faasm_model::Name;
use tokio::sync::oneshot;

use crate::admission::{Exhausted, Permit, User};

/// A waiting call.
#[derive(Debug)]
pub(crate) struct Waiter {
    /// Where it hears of its place.
    pub(crate) answer: oneshot::Sender<Result<Permit, Exhausted>>,
    /// Whose call it is.
    pub(crate) user: Arc<User>,
    /// How many Faaslets it is to have, all at once.
    pub(crate) count: u32,
}

/// What kind of call waits. Within a user, deeper calls come first: they are what those
/// that have started wait for, and so the number of started ones stays small. Then those
/// with a client on the line, then those without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    Chained(Reverse<u32>),
    Synchronous,
    Asynchronous,
}

/// The queues of all users, who take turns.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    order: VecDeque<Name>,
    queues: HashMap<Name, BTreeMap<(Rank, u64), Waiter>>,
    arrivals: u64,
}

impl Waiters {
    pub(crate) fn push(&mut self, user: &Name, rank: Rank, waiter: Waiter) {
        let queue = self.queues.entry(user.clone()).or_default();
        if queue.is_empty() {
            self.order.push_back(user.clone());
        }
        self.arrivals += 1;
        queue.insert((rank, self.arrivals), waiter);
    }

    /// Takes the next call of the first user, in turn, for whom `take` gives something.
    /// `passed` is told how many waiters were found to have gone.
    pub(crate) fn next<T>(
        &mut self,
        mut passed: impl FnMut(usize),
        mut take: impl FnMut(&Waiter) -> Option<T>,
    ) -> Option<(Waiter, T)> {
        for _ in 0..self.order.len() {
            let user = self.order.pop_front()?;
            let Some(queue) = self.queues.get_mut(&user) else {
                continue;
            };
            passed(drop_gone(queue));
            let taken = queue.first_key_value().and_then(|(_, first)| take(first));
            let found = taken.and_then(|t| Some((queue.pop_first()?.1, t)));
            if queue.is_empty() {
                self.queues.remove(&user);
            } else {
                self.order.push_back(user);
            }
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Takes the deepest call of all, whoever's turn it is.
    pub(crate) fn deepest(&mut self) -> Option<Waiter> {
        let first = |queue: &BTreeMap<(Rank, u64), Waiter>| queue.keys().next().copied();
        let queues = self.queues.iter_mut();
        let (_, queue) = queues.min_by_key(|(_, queue)| first(queue))?;
        queue.pop_first().map(|(_, waiter)| waiter)
    }
}

/// Drops the waiters at the head of a queue whose calls have gone away.
fn drop_gone(queue: &mut BTreeMap<(Rank, u64), Waiter>) -> usize {
    let mut gone = 0;
    while let Some(first) = queue.first_entry() {
        if !first.get().answer.is_closed() {
            break;
        }
        first.remove();
        gone += 1;
    }
    gone
}
