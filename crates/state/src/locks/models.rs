//! The locks under a model checker, which decides at every mutex who goes on.

use std::ops::DerefMut;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use faasm_model::StateKey;
use shuttle::future::block_on;
use shuttle::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use shuttle::{check_dfs, check_pct, check_random, thread};

use super::mutex::{Kit, Mutex};
use super::party::samples::{key, party};
use super::search::resolve_deadlocks;
use super::session::{Session, Turn};
use super::table::Table;
use super::{LockError, Mode};

const ROUNDS: usize = 2_000;

struct Model;

impl Kit for Model {
    type Mutex<T: Send> = shuttle::sync::Mutex<T>;
}

impl<T: Send> Mutex<T> for shuttle::sync::Mutex<T> {
    fn new(value: T) -> Self {
        Self::new(value)
    }

    fn lock(&self) -> impl DerefMut<Target = T> {
        self.lock().unwrap()
    }
}

type Shared = Arc<Table<Model>>;

fn table() -> Shared {
    Arc::new(Table::new(2))
}

fn session(table: &Shared, call: u64) -> Session<Model> {
    Session::new(Arc::clone(table), party(call))
}

fn lock(session: &Session<Model>, key: &StateKey, mode: Mode) -> Result<(), LockError> {
    match session.lock(key, mode)? {
        Turn::Granted => Ok(()),
        Turn::Queued(queued) => Ok(block_on(queued)?),
    }
}

fn run_all(jobs: Vec<Box<dyn FnOnce() + Send>>) {
    let threads: Vec<_> = jobs.into_iter().map(thread::spawn).collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

fn assert_unused(table: &Shared, key: &StateKey) {
    let hash = table.hash(key);
    assert!(table.shard(hash).lock(hash, key).is_none());
}

/// Three calls lock and unlock one key; a writer must be alone.
fn crowd() {
    let (table, key, inside) = (table(), key("k"), Arc::new(AtomicI64::new(0)));
    let modes = [
        [Mode::Write, Mode::Read],
        [Mode::Read, Mode::Write],
        [Mode::Read, Mode::Read],
    ];
    let job = |(call, modes): (u64, [Mode; 2])| -> Box<dyn FnOnce() + Send> {
        let (table, key, inside) = (Arc::clone(&table), key.clone(), Arc::clone(&inside));
        Box::new(move || {
            let session = session(&table, call);
            for mode in modes {
                lock(&session, &key, mode).unwrap();
                let weight = if mode == Mode::Write { 1 << 32 } else { 1 };
                let before = inside.fetch_add(weight, Ordering::SeqCst);
                assert!(before == 0 || mode == Mode::Read && before < 1 << 32);
                inside.fetch_sub(weight, Ordering::SeqCst);
                session.unlock(&key, mode).unwrap();
            }
        })
    };
    run_all((1..).zip(modes).map(job).collect());
    assert_unused(&table, &key);
}

#[test]
fn a_writer_is_alone_and_everybody_gets_a_turn_in_random_orders() {
    check_random(crowd, ROUNDS);
}

#[test]
fn a_writer_is_alone_and_everybody_gets_a_turn_with_few_preemptions() {
    check_pct(crowd, ROUNDS, 3);
}

#[test]
fn two_writers_get_their_turns_in_every_possible_order() {
    check_dfs(
        || {
            let (table, key) = (Arc::new(Table::<Model>::new(1)), key("k"));
            let other = {
                let (table, key) = (Arc::clone(&table), key.clone());
                thread::spawn(move || lock(&session(&table, 2), &key, Mode::Write).unwrap())
            };
            lock(&session(&table, 1), &key, Mode::Write).unwrap();
            other.join().unwrap();
            assert_unused(&table, &key);
        },
        None,
    );
}

/// A holder, one that gives up as `give_up` does, and one that must get its turn.
fn with_one_that_gives_up(give_up: fn(Session<Model>, &StateKey)) {
    let (table, key) = (table(), key("k"));
    let with = |call: u64, act: fn(Session<Model>, &StateKey)| -> Box<dyn FnOnce() + Send> {
        let (session, key) = (session(&table, call), key.clone());
        Box::new(move || act(session, &key))
    };
    let hold: fn(Session<Model>, &StateKey) = |session, key| {
        lock(&session, key, Mode::Write).unwrap();
        session.unlock(key, Mode::Write).unwrap();
    };
    run_all(vec![with(1, hold), with(2, give_up), with(3, hold)]);
    assert_unused(&table, &key);
}

fn poll_once(future: impl Future) {
    let _ = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
}

#[test]
fn a_wait_given_up_at_any_moment_passes_the_turn_on() {
    check_random(
        || {
            with_one_that_gives_up(|session, key| {
                match session.lock(key, Mode::Write).unwrap() {
                    Turn::Granted => session.unlock(key, Mode::Write).unwrap(),
                    // Ready or not, nothing of it is kept: the session ends right after.
                    Turn::Queued(queued) => poll_once(queued),
                }
            });
        },
        ROUNDS,
    );
}

#[test]
fn a_session_dropped_at_any_moment_takes_its_forgotten_waits_along() {
    check_random(
        || {
            with_one_that_gives_up(|session, key| {
                if let Turn::Queued(queued) = session.lock(key, Mode::Write).unwrap() {
                    std::mem::forget(queued);
                }
            });
        },
        ROUNDS,
    );
}

#[test]
fn nobody_overtakes_who_queued_before() {
    check_random(
        || {
            let (table, key) = (table(), key("k"));
            let first = session(&table, 1);
            lock(&first, &key, Mode::Write).unwrap();
            let served = Arc::new(shuttle::sync::Mutex::new(Vec::new()));
            let threads: Vec<_> = (2..5)
                .map(|call| {
                    let (table, key, served) =
                        (Arc::clone(&table), key.clone(), Arc::clone(&served));
                    thread::spawn(move || {
                        let session = session(&table, call);
                        lock(&session, &key, Mode::Write).unwrap();
                        served.lock().unwrap().push(call);
                    })
                })
                .collect();
            let hash = table.hash(&key);
            let queued: Vec<u64> = loop {
                let shard = table.shard(hash);
                let queue = shard.lock(hash, &key).unwrap().queue();
                if queue.len() == 3 {
                    break queue.iter().map(|w| w.party.call.get()).collect();
                }
                drop(shard);
                thread::yield_now();
            };
            drop(first);
            for thread in threads {
                thread.join().unwrap();
            }
            assert_eq!(*served.lock().unwrap(), queued);
        },
        ROUNDS,
    );
}

type Steps = fn(&Session<Model>) -> Result<(), LockError>;

/// Two calls take their steps, while a third thread searches for deadlocks. Returns how
/// many were refused.
fn two_calls_under_search(steps: [Steps; 2]) -> usize {
    let table = table();
    let running = Arc::new(AtomicUsize::new(steps.len()));
    let refused = Arc::new(AtomicUsize::new(0));
    let job = |(call, steps): (u64, Steps)| -> Box<dyn FnOnce() + Send> {
        let session = session(&table, call);
        let (running, refused) = (Arc::clone(&running), Arc::clone(&refused));
        Box::new(move || {
            if steps(&session).is_err() {
                refused.fetch_add(1, Ordering::SeqCst);
            }
            drop(session);
            running.fetch_sub(1, Ordering::SeqCst);
        })
    };
    let mut jobs: Vec<_> = (1..).zip(steps).map(job).collect();
    let (searched, running) = (Arc::clone(&table), Arc::clone(&running));
    jobs.push(Box::new(move || {
        while running.load(Ordering::SeqCst) > 0 {
            resolve_deadlocks(&searched);
            thread::yield_now();
        }
    }));
    run_all(jobs);
    refused.load(Ordering::SeqCst)
}

fn lock_a_then_b(session: &Session<Model>) -> Result<(), LockError> {
    lock(session, &key("a"), Mode::Write)?;
    lock(session, &key("b"), Mode::Write)
}

fn lock_b_then_a(session: &Session<Model>) -> Result<(), LockError> {
    lock(session, &key("b"), Mode::Write)?;
    lock(session, &key("a"), Mode::Write)
}

#[test]
fn a_search_at_any_moment_finds_no_deadlock_where_there_is_none() {
    // Were the two keys looked at in different moments, the first call could seem to hold
    // one still while it waits for the other already.
    let one_after_the_other: Steps = |session| {
        lock(session, &key("a"), Mode::Write)?;
        session.unlock(&key("a"), Mode::Write).unwrap();
        lock(session, &key("b"), Mode::Write)
    };
    check_random(
        move || {
            assert_eq!(
                two_calls_under_search([one_after_the_other, lock_b_then_a]),
                0
            );
        },
        ROUNDS,
    );
}

#[test]
fn of_two_calls_in_a_circle_at_most_one_is_refused_and_the_other_goes_on() {
    let refusals = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&refusals);
    check_random(
        move || {
            let refused = two_calls_under_search([lock_a_then_b, lock_b_then_a]);
            assert!(refused <= 1);
            counted.fetch_add(refused, Ordering::SeqCst);
        },
        ROUNDS,
    );
    assert!(
        refusals.load(Ordering::SeqCst) > 0,
        "no circle was explored"
    );
}

#[test]
fn a_refused_waiter_that_gives_up_leaves_nothing_behind() {
    check_random(
        || {
            let (table, a, b) = (table(), key("a"), key("b"));
            let (first, second) = (session(&table, 1), session(&table, 2));
            lock(&first, &a, Mode::Write).unwrap();
            lock(&second, &b, Mode::Write).unwrap();
            let searched = Arc::clone(&table);
            let search = thread::spawn(move || resolve_deadlocks(&searched));
            {
                let Turn::Queued(_one) = first.lock(&b, Mode::Read).unwrap() else {
                    panic!("{b} is held")
                };
                let Turn::Queued(other) = second.lock(&a, Mode::Read).unwrap() else {
                    panic!("{a} is held")
                };
                let mut other = pin!(other);
                let polled = other.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                assert!(!matches!(polled, Poll::Ready(Ok(()))));
            }
            search.join().unwrap();
            assert!(!first.is_empty() && !second.is_empty());
            drop((first, second));
            assert_unused(&table, &a);
            assert_unused(&table, &b);
        },
        ROUNDS,
    );
}
