//! Who gets a permit when.

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
            let permit = admission.enter(&user, rank, 1).await.unwrap();
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
        .enter(&user, Rank::Chained(Reverse(1)), 1)
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
    let refused = admission.enter(&user, Rank::Chained(Reverse(1)), 1).await;
    assert_eq!(refused.unwrap_err(), Exhausted);
}

#[tokio::test]
async fn a_waiter_that_gives_up_leaves_nothing_behind() {
    let admission = admission(1, 10);
    let user = name("a");
    let held = admission.try_enter(&user).unwrap();
    let waiting = admission.enter(&user, Rank::Synchronous, 1);
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

#[tokio::test]
async fn a_world_gets_all_of_its_permits_or_none() {
    let admission = admission(8, 100);
    let user = name("a");
    let first = admission.try_enter_all(&user, 5).unwrap();
    assert!(admission.try_enter_all(&user, 4).is_none());
    assert_eq!(admission.load().running, 5);
    // It waits without a part of them, and others are not kept from the rest.
    let world = admission.enter(&user, Rank::Asynchronous, 8);
    let other = admission.try_enter_all(&name("b"), 3).unwrap();
    let mut world = Box::pin(world);
    assert!(futures::poll!(world.as_mut()).is_pending());
    drop(first);
    assert!(futures::poll!(world.as_mut()).is_pending());
    drop(other);
    let whole = world.await.unwrap();
    assert_eq!(admission.load().running, 8);
    drop(whole);
    assert_eq!(admission.load().running, 0);
}

#[tokio::test]
async fn two_worlds_that_do_not_fit_together_run_one_after_the_other() {
    let admission = admission(8, 100);
    let run = |user: &'static str| {
        let entering = admission.enter(&name(user), Rank::Asynchronous, 6);
        let admission = admission.clone();
        async move {
            let permit = entering.await.unwrap();
            assert_eq!(admission.load().running, 6);
            tokio::task::yield_now().await;
            assert_eq!(admission.load().running, 6);
            drop(permit);
        }
    };
    let all = futures::future::join_all([run("a"), run("b"), run("a"), run("b")]);
    let limit = Duration::from_secs(60);
    assert!(tokio::time::timeout(limit, all).await.is_ok());
    let load = admission.load();
    assert_eq!((load.running, load.waiting), (0, 0));
}

#[tokio::test]
async fn who_waited_behind_a_world_that_gave_up_starts() {
    let admission = admission(8, 100);
    let (user, other) = (name("a"), name("b"));
    let held = admission.try_enter_all(&other, 2).unwrap();
    let world = admission.enter(&user, Rank::Asynchronous, 8);
    let behind = admission.enter(&user, Rank::Asynchronous, 1);
    let mut behind = Box::pin(behind);
    assert!(futures::poll!(behind.as_mut()).is_pending());
    drop(world);
    assert!(futures::poll!(behind.as_mut()).is_ready());
    drop(held);
}
