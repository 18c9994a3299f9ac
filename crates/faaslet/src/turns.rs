//! Turns at the processors for functions that compute for long.
//!
//! Short calls never come here: they run as soon as a thread is free. A function that
//! has used up its first ticks takes turns with all others of its kind, one tick a
//! turn, with as many turns at a time as there are processors. Users take turns first,
//! then the functions of a user, so that nobody gains by starting more of them; and
//! however many there are, a short call waits for one tick at most.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use faasm_model::Name;
use tokio::sync::oneshot;

/// Hands out turns.
#[derive(Debug)]
pub(crate) struct Turns(Mutex<State>);

#[derive(Debug)]
struct State {
    free: usize,
    /// Users who wait, in the order of their next turn.
    order: VecDeque<Name>,
    waiting: HashMap<Name, VecDeque<oneshot::Sender<Turn>>>,
}

/// The right to compute; dropping it passes it on.
#[derive(Debug)]
pub(crate) struct Turn(Arc<Turns>);

impl Turns {
    pub(crate) fn new(processors: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            free: processors,
            order: VecDeque::new(),
            waiting: HashMap::new(),
        })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn. Ready at the second poll at the earliest: asking for a turn
    /// always lets other tasks run first.
    pub(crate) async fn wait(self: &Arc<Self>, user: &Name) -> Turn {
        let (sender, receiver) = oneshot::channel();
        self.lock().enqueue(user, sender);
        step_aside().await;
        self.hand_out();
        match receiver.await {
            Ok(turn) => turn,
            // Queued senders are only dropped with the queue itself.
            Err(_) => std::future::pending().await,
        }
    }

    /// Gives free turns to those who wait.
    fn hand_out(self: &Arc<Self>) {
        loop {
            let next = self.lock().next();
            let Some(sender) = next else { return };
            // A waiter that has gone returns its turn here, through the drop.
            let _ = sender.send(Turn(Arc::clone(self)));
        }
    }
}

/// Lets everything else run first: what the network has brought, then all tasks that are
/// ready.
///
/// tokio's `yield_now` alone only has the network looked at: its task comes back in the
/// slot of its worker that is looked at before the queue, so that a few functions that
/// compute would keep what is in the queue waiting for ever. A task that wakes itself goes
/// to the end of the queue.
pub(crate) async fn step_aside() {
    tokio::task::yield_now().await;
    let mut stepped = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut stepped, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl State {
    fn enqueue(&mut self, user: &Name, sender: oneshot::Sender<Turn>) {
        let queue = self.waiting.entry(user.clone()).or_default();
        if queue.is_empty() {
            self.order.push_back(user.clone());
        }
        queue.push_back(sender);
    }

    /// Takes a free turn for the one whose turn it is.
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        if self.free == 0 {
            return None;
        }
        while let Some(user) = self.order.pop_front() {
            let queue = self.waiting.get_mut(&user)?;
            let sender = std::iter::from_fn(|| queue.pop_front()).find(|s| !s.is_closed());
            if queue.is_empty() {
                self.waiting.remove(&user);
            } else {
                self.order.push_back(user);
            }
            if sender.is_some() {
                self.free -= 1;
                return sender;
            }
        }
        None
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.lock().free += 1;
        self.0.hand_out();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    #[tokio::test]
    async fn users_alternate_however_many_functions_one_of_them_runs() {
        let turns = Turns::new(1);
        let held = turns.wait(&name("first")).await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let tasks: Vec<_> = ["a", "a", "a", "b"]
            .into_iter()
            .map(|user| {
                let (turns, order) = (Arc::clone(&turns), Arc::clone(&order));
                tokio::spawn(async move {
                    let _turn = turns.wait(&name(user)).await;
                    order.lock().unwrap().push(user);
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(held);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), ["a", "b", "a", "a"]);
    }

    #[tokio::test]
    async fn a_waiter_that_goes_away_loses_no_turn() {
        let turns = Turns::new(1);
        let held = turns.wait(&name("a")).await;
        let user = name("a");
        let gone = turns.wait(&user);
        assert!(
            tokio::time::timeout(Duration::from_millis(5), gone)
                .await
                .is_err()
        );
        drop(held);
        let _turn = turns.wait(&name("b")).await;
    }

    #[test]
    fn who_takes_turn_after_turn_lets_others_run() {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).event_interval(1).build().unwrap();
        let others_ran = Arc::new(AtomicUsize::new(0));
        let spinning = runtime.spawn(async move {
            let turns = Turns::new(1);
            // More than one: the worker's slot for the next task takes care of one.
            for _ in 0..3 {
                let ran = Arc::clone(&others_ran);
                tokio::spawn(async move { ran.fetch_add(1, Ordering::SeqCst) });
            }
            for _ in 0..1_000 {
                drop(turns.wait(&name("a")).await);
            }
            others_ran.load(Ordering::SeqCst)
        });
        assert_eq!(runtime.block_on(spinning).unwrap(), 3);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_more_turns_are_out_than_there_are_processors() {
        let (turns, out) = (Turns::new(2), Arc::new(AtomicUsize::new(0)));
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let (turns, out) = (Arc::clone(&turns), Arc::clone(&out));
                tokio::spawn(async move {
                    for _ in 0..20 {
                        let turn = turns.wait(&name("a")).await;
                        assert!(out.fetch_add(1, Ordering::SeqCst) < 2);
                        tokio::task::yield_now().await;
                        out.fetch_sub(1, Ordering::SeqCst);
                        drop(turn);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    }
}
