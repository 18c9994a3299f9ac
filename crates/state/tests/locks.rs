//! The locks as calls use them, on many threads.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use faasm_model::{CallId, FunctionName, Key, Name, StateKey};
use faasm_state::{LockError, LockSession, Locks, Mode, Party};
use tokio::task::JoinSet;

fn key(key: &str) -> StateKey {
    StateKey {
        user: Name::new("demo").unwrap(),
        key: Key::new(key).unwrap(),
    }
}

fn party(call: u64, function: &str) -> Party {
    Party {
        call: CallId::new(call).unwrap(),
        function: FunctionName::new("demo", function).unwrap(),
    }
}

fn session(locks: &Locks, call: u64) -> LockSession {
    locks.session(party(call, "f"))
}

/// A number that is different each time but the same in each run.
fn arbitrary(seed: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    seed.hash(&mut hasher);
    hasher.finish()
}

async fn until(mut done: impl FnMut() -> bool) {
    while !done() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_gives_up_when_a_writer_stays_alone_and_nothing_gets_stuck() {
    let locks = Locks::new();
    let keys: Arc<Vec<_>> = Arc::new((0..3).map(|n| key(&n.to_string())).collect());
    let inside: Arc<Vec<_>> = Arc::new(keys.iter().map(|_| AtomicI64::new(0)).collect());
    let mut calls = JoinSet::new();
    for call in 1..=64 {
        let (locks, keys, inside) = (locks.clone(), Arc::clone(&keys), Arc::clone(&inside));
        calls.spawn(async move {
            let session = session(&locks, call);
            for round in 0..200 {
                let dice = arbitrary((call, round));
                let which = dice as usize % keys.len();
                let (mode, weight) = match dice >> 8 & 3 {
                    0 => (Mode::Write, 1 << 32),
                    _ => (Mode::Read, 1),
                };
                let patience = Duration::from_micros(dice >> 16 & 0xff);
                let lock = session.lock(&keys[which], mode);
                match tokio::time::timeout(patience, lock).await {
                    Ok(locked) => locked.unwrap(),
                    Err(_) => continue,
                }
                let before = inside[which].fetch_add(weight, Ordering::SeqCst);
                assert!(before == 0 || mode == Mode::Read && before < 1 << 32);
                tokio::task::yield_now().await;
                inside[which].fetch_sub(weight, Ordering::SeqCst);
                session.unlock(&keys[which], mode).unwrap();
            }
            assert!(session.is_empty());
        });
    }
    calls.join_all().await;
    let last = session(&locks, 1000);
    for key in keys.iter() {
        last.lock(key, Mode::Write).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_ended_from_outside_at_any_moment_leave_their_locks_to_others() {
    let locks = Locks::new();
    for round in 0..20 {
        let calls: Vec<_> = (1..=32)
            .map(|call| {
                let locks = locks.clone();
                tokio::spawn(async move {
                    let session = session(&locks, call);
                    loop {
                        for name in ["a", "b"] {
                            session.lock(&key(name), Mode::Write).await.unwrap();
                            tokio::task::yield_now().await;
                        }
                        for name in ["a", "b"] {
                            session.unlock(&key(name), Mode::Write).unwrap();
                        }
                    }
                })
            })
            .collect();
        for (n, call) in calls.into_iter().enumerate() {
            for _ in 0..arbitrary((round, n)) % 20 {
                tokio::task::yield_now().await;
            }
            call.abort();
            assert!(call.await.unwrap_err().is_cancelled());
        }
        let after = session(&locks, 100);
        after.lock(&key("a"), Mode::Write).await.unwrap();
        after.lock(&key("b"), Mode::Write).await.unwrap();
    }
}

#[tokio::test]
async fn a_call_that_panics_releases_its_locks() {
    let locks = Locks::new();
    let holder = session(&locks, 1);
    holder.lock(&key("k"), Mode::Write).await.unwrap();
    let panicked = tokio::spawn(async move {
        let _holds = holder;
        panic!("as a host call may");
    });
    assert!(panicked.await.unwrap_err().is_panic());
    session(&locks, 2)
        .lock(&key("k"), Mode::Write)
        .await
        .unwrap();
}

#[tokio::test]
async fn two_calls_that_lock_in_opposite_order_are_told_by_name_and_one_goes_on() {
    let locks = Locks::new();
    let first = locks.session(party(7, "debit"));
    let second = locks.session(party(9, "credit"));
    let (a, b) = (key("a"), key("b"));
    first.lock(&a, Mode::Write).await.unwrap();
    second.lock(&b, Mode::Write).await.unwrap();
    let (went_on, refused) = tokio::join!(first.lock(&b, Mode::Write), async {
        let refused = second.lock(&a, Mode::Read).await;
        assert_eq!(second.waits_for(), None);
        second.unlock(&b, Mode::Write).unwrap();
        assert!(second.is_empty());
        refused
    });
    assert_eq!(went_on, Ok(()));
    assert_eq!(
        refused.unwrap_err().to_string(),
        "deadlock: call 9 (demo/credit) holds the write lock of \"b\" and waits for the read lock \
         of \"a\"; call 7 (demo/debit) holds the write lock of \"a\" and waits for the write lock \
         of \"b\"; lock keys in the same order everywhere"
    );
}

#[tokio::test]
async fn a_chained_call_that_needs_the_lock_of_its_awaiting_caller_is_a_deadlock() {
    let locks = Locks::new();
    let (parent, child) = (session(&locks, 1), session(&locks, 2));
    parent.lock(&key("k"), Mode::Read).await.unwrap();
    let waits = parent.awaiting(CallId::new(2).unwrap());
    let refused = child.lock(&key("k"), Mode::Write).await;
    assert!(
        matches!(refused, Err(LockError::Deadlock(_))),
        "{refused:?}"
    );
    drop(waits);
    assert_eq!(parent.waits_for(), None);
}

#[tokio::test]
async fn a_lock_that_the_call_itself_excludes_is_refused_at_once_and_changes_nothing() {
    let locks = Locks::new();
    let call = session(&locks, 5);
    call.lock(&key("k"), Mode::Read).await.unwrap();
    let refused = call.lock(&key("k"), Mode::Write).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "deadlock of call 5 (demo/f) with itself: it holds the read lock of \"k\" and asks for its \
         write lock, which it would never get; unlock it first"
    );
    call.unlock(&key("k"), Mode::Read).unwrap();
    assert!(call.is_empty());
}

#[tokio::test]
async fn a_read_lock_taken_twice_is_unlocked_twice() {
    let locks = Locks::new();
    let (reader, writer) = (session(&locks, 1), session(&locks, 2));
    let k = key("k");
    reader.lock(&k, Mode::Read).await.unwrap();
    let write = tokio::spawn(async move { writer.lock(&key("k"), Mode::Write).await });
    tokio::task::yield_now().await;
    reader.lock(&k, Mode::Read).await.unwrap();
    reader.unlock(&k, Mode::Read).unwrap();
    tokio::task::yield_now().await;
    assert!(!write.is_finished());
    reader.unlock(&k, Mode::Read).unwrap();
    write.await.unwrap().unwrap();
}

#[tokio::test]
async fn unlocking_what_is_not_held_is_refused_by_name() {
    let locks = Locks::new();
    let (holder, other) = (session(&locks, 1), session(&locks, 2));
    holder.lock(&key("k"), Mode::Write).await.unwrap();
    for (session, mode) in [(&other, Mode::Write), (&holder, Mode::Read)] {
        let refused = session.unlock(&key("k"), mode).unwrap_err();
        assert!(
            refused
                .to_string()
                .contains(&format!("does not hold the {mode} lock of \"k\""))
        );
    }
    holder.unlock(&key("k"), Mode::Write).unwrap();
}

#[tokio::test]
async fn a_waiting_call_can_say_what_it_waits_for() {
    let locks = Locks::new();
    let readers: Vec<_> = (1..=6).map(|call| session(&locks, call)).collect();
    for reader in &readers {
        reader.lock(&key("k"), Mode::Read).await.unwrap();
    }
    let writer = Arc::new(session(&locks, 9));
    let waiting = Arc::clone(&writer);
    let write = tokio::spawn(async move { waiting.lock(&key("k"), Mode::Write).await });
    until(|| writer.waits_for().is_some()).await;
    assert_eq!(
        writer.waits_for().unwrap(),
        "the write lock of \"k\", held by call 1 (demo/f), call 2 (demo/f), call 3 (demo/f), \
         call 4 (demo/f) and 2 more to read"
    );
    write.abort();
    assert!(write.await.unwrap_err().is_cancelled());
    assert!(writer.is_empty());
}

#[tokio::test]
async fn a_call_cannot_hold_locks_without_bound() {
    let locks = Locks::new();
    let call = session(&locks, 1);
    let refused = loop {
        if let Err(refused) = call.lock(&key("k"), Mode::Read).await {
            break refused;
        }
    };
    assert_eq!(refused, LockError::TooMany { limit: 16_384 });
    call.unlock(&key("k"), Mode::Read).unwrap();
    call.lock(&key("other"), Mode::Write).await.unwrap();
}

#[tokio::test]
async fn users_do_not_meet_in_keys_of_the_same_name() {
    let locks = Locks::new();
    let (mine, theirs) = (session(&locks, 1), session(&locks, 2));
    let their_key = StateKey {
        user: Name::new("other").unwrap(),
        ..key("k")
    };
    mine.lock(&key("k"), Mode::Write).await.unwrap();
    theirs.lock(&their_key, Mode::Write).await.unwrap();
}
