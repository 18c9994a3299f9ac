//! Several workers with one call log.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod shared;

use std::collections::BTreeSet;
use std::time::Duration;

use faasm_calllog::conformance::{finished, new_call};
use faasm_calllog::{
    CallLog, Cancelling, ClaimedCall, Error, LoggedCall, NewCall, RecordPart, SharedLog,
};
use faasm_cluster::RedisLog;
use faasm_model::{CallId, FailureKind, FinishedCall, Outcome};
use faasm_testkit::Redis as Server;
use shared::{tell, until, worker};

const LONG: Duration = Duration::from_secs(60);

async fn log(server: &Server) -> RedisLog {
    RedisLog::new(&worker(server).await, 1_000)
}

/// Accepts a call of each of these users, with ids from 1 on.
async fn accept(log: &RedisLog, users: &[&str]) -> Vec<NewCall> {
    let mut calls = Vec::new();
    for (id, user) in (1..).zip(users) {
        let call = new_call(id, user).unwrap();
        log.accept(call.clone()).await.unwrap();
        calls.push(call);
    }
    calls
}

fn ids(claimed: &[ClaimedCall]) -> Vec<u64> {
    claimed
        .iter()
        .map(|claimed| claimed.call.summary.id.get())
        .collect()
}

fn cancelled(call: &NewCall) -> FinishedCall {
    FinishedCall {
        outcome: Outcome::failed(FailureKind::Cancelled, "cancelled"),
        ..finished(call, 9_000, "")
    }
}

/// Claims until there is a call.
async fn claim_one(log: &RedisLog) -> ClaimedCall {
    let mut found = None;
    until("a call can be claimed", async || {
        found = log.claim(1, &[]).await.unwrap().pop();
        found.is_some()
    })
    .await;
    found.unwrap()
}

#[tokio::test]
async fn users_take_turns_and_each_has_calls_in_their_order() {
    let server = Server::start();
    let (one, other) = (log(&server).await, log(&server).await);
    accept(&one, &["a", "a", "a", "a", "b", "c", "b"]).await;
    assert_eq!(ids(&other.claim(4, &[]).await.unwrap()), [1, 5, 6, 2]);
    assert_eq!(ids(&one.claim(2, &[]).await.unwrap()), [7, 3]);
    let last = other.claim(10, &[]).await.unwrap();
    assert_eq!(ids(&last), [4]);
    let invocation = last[0].call.invocation.clone().unwrap();
    assert_eq!(invocation, *new_call(4, "a").unwrap().invocation);
    assert_eq!((last[0].call.attempts, last[0].cancelled), (0, false));
    assert!(one.claim(10, &[]).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_call_is_handed_to_one_of_many_workers() {
    let server = Server::start();
    let users: Vec<String> = (0..200).map(|n| format!("u{}", n % 7)).collect();
    let users: Vec<&str> = users.iter().map(String::as_str).collect();
    let calls = accept(&log(&server).await, &users).await;
    let mut workers = Vec::new();
    for _ in 0..4 {
        let log = log(&server).await;
        workers.push(tokio::spawn(async move {
            let mut mine = Vec::new();
            loop {
                let claimed = log.claim(3, &[]).await.unwrap();
                if claimed.is_empty() {
                    return mine;
                }
                for claimed in claimed {
                    let id = claimed.call.summary.id;
                    assert_eq!(log.begin(id).await, Ok(1));
                    let call = new_call(id.get(), claimed.call.summary.function.user.as_str());
                    assert!(log.finish(finished(&call.unwrap(), 1, "x")).await.unwrap());
                    mine.push(id);
                }
            }
        }));
    }
    let mut all = Vec::new();
    for worker in workers {
        all.extend(worker.await.unwrap());
    }
    assert_eq!(all.len(), calls.len());
    assert_eq!(
        all.into_iter().collect::<BTreeSet<CallId>>().len(),
        calls.len()
    );
    assert!(
        log(&server)
            .await
            .pending(None, 10)
            .await
            .unwrap()
            .is_empty()
    );
    // Of the queues nothing is left.
    assert_eq!(server.cli(&["--scan", "--pattern", "*:calls}:q:*"]), "");
    assert_eq!(
        server.cli(&[
            "EXISTS",
            "{faasm:calls}:ring",
            "{faasm:calls}:waiting",
            "{faasm:calls}:leases"
        ]),
        "0"
    );
}

#[tokio::test]
async fn calls_of_a_dead_worker_move_and_those_of_a_living_one_stay() {
    let server = Server::start();
    let (dead, living, third) = (log(&server).await, log(&server).await, log(&server).await);
    let calls = accept(&dead, &["a", "b"]).await;
    let (lost, kept) = (&calls[0], &calls[1]);
    assert_eq!(ids(&dead.claim(1, &[]).await.unwrap()), [1]);
    assert_eq!(ids(&living.claim(1, &[]).await.unwrap()), [2]);
    assert_eq!(dead.begin(lost.id).await, Ok(1));

    let mut moved = None;
    until("the dead worker's call has moved", async || {
        let renewed = living.renew(&[kept.id]).await.unwrap();
        assert!(renewed.lost.is_empty() && renewed.cancelled.is_empty());
        moved = third.claim(5, &[]).await.unwrap().pop();
        moved.is_some()
    })
    .await;
    assert_eq!(
        moved.map(|moved| (moved.call.summary.id, moved.call.attempts)),
        Some((lost.id, 1))
    );

    // It was not dead after all.
    assert_eq!(dead.begin(lost.id).await, Err(Error::Lost(lost.id)));
    assert_eq!(
        dead.finish(finished(lost, 5, "stale")).await,
        Err(Error::Lost(lost.id))
    );
    assert_eq!(dead.renew(&[lost.id]).await.unwrap().lost, [lost.id]);
    assert_eq!(third.begin(lost.id).await, Ok(2));
    let result = finished(lost, 6, "good");
    assert_eq!(third.finish(result.clone()).await, Ok(true));
    assert_eq!(dead.finish(finished(lost, 7, "late")).await, Ok(false));
    assert_eq!(
        dead.get(lost.id).await,
        Ok(Some(LoggedCall::Finished(result)))
    );
    assert_eq!(living.finish(finished(kept, 8, "x")).await, Ok(true));
}

#[tokio::test]
async fn a_worker_that_claims_a_call_again_which_it_lost_goes_on_under_the_new_claim() {
    let server = Server::start();
    let log = log(&server).await;
    let call = accept(&log, &["a"]).await.remove(0);
    log.claim(1, &[]).await.unwrap();
    assert_eq!(log.begin(call.id).await, Ok(1));
    assert_eq!(log.begin(call.id).await, Ok(1));
    tell(&server, &["ZADD", "{faasm:calls}:leases", "1", "1"]);
    let again = log.claim(1, &[]).await.unwrap();
    assert_eq!((ids(&again), again[0].call.attempts), (vec![1], 1));
    assert_eq!(log.begin(call.id).await, Ok(2));
    for _ in 0..2 {
        assert_eq!(log.give_back(call.id).await, Ok(1));
    }
    assert_eq!(log.finish(finished(&call, 5, "x")).await, Ok(true));
}

#[tokio::test]
async fn what_is_released_can_be_claimed_at_once_and_not_finished() {
    let server = Server::start();
    let (one, other) = (log(&server).await, log(&server).await);
    let calls = accept(&one, &["a", "b"]).await;
    one.claim(2, &[]).await.unwrap();
    one.release(&[calls[0].id]).await.unwrap();
    assert_eq!(one.begin(calls[0].id).await, Err(Error::Lost(calls[0].id)));
    assert_eq!(ids(&other.claim(5, &[]).await.unwrap()), [1]);
    // Closing releases, too.
    one.close().await;
    assert_eq!(ids(&other.claim(5, &[]).await.unwrap()), [2]);
    assert_eq!(other.finish(finished(&calls[1], 5, "x")).await, Ok(true));
}

#[tokio::test]
async fn a_waiting_call_that_is_cancelled_has_ended_and_never_runs() {
    let server = Server::start();
    let (one, other) = (log(&server).await, log(&server).await);
    let calls = accept(&one, &["a", "a", "b"]).await;
    let end = cancelled(&calls[0]);
    assert_eq!(other.cancel(end.clone()).await, Ok(Cancelling::Ended));
    assert_eq!(
        one.get(end.id).await,
        Ok(Some(LoggedCall::Finished(end.clone())))
    );
    assert_eq!(other.cancel(end).await, Ok(Cancelling::AlreadyEnded));
    other.cancel(cancelled(&calls[2])).await.unwrap();
    assert_eq!(ids(&one.claim(10, &[]).await.unwrap()), [2]);
    let unknown = cancelled(&new_call(77, "a").unwrap());
    let id = unknown.id;
    assert_eq!(other.cancel(unknown).await, Err(Error::UnknownCall(id)));
}

#[tokio::test]
async fn the_owner_of_a_cancelled_call_hears_of_it_and_so_does_the_next() {
    let server = Server::start();
    let (owner, other) = (log(&server).await, log(&server).await);
    let call = accept(&other, &["a"]).await.remove(0);
    owner.claim(1, &[]).await.unwrap();
    assert_eq!(
        other.cancel(cancelled(&call)).await,
        Ok(Cancelling::Requested)
    );
    tokio::time::timeout(LONG, owner.recall()).await.unwrap();
    let mut told = Vec::new();
    until("the owner was told", async || {
        told = owner.renew(&[call.id]).await.unwrap().cancelled;
        !told.is_empty()
    })
    .await;
    assert_eq!(told, [call.id]);
    // It does not get to it.
    owner.release(&[call.id]).await.unwrap();
    let claimed = other.claim(1, &[]).await.unwrap();
    assert_eq!(ids(&claimed), [1]);
    assert!(claimed[0].cancelled);
}

#[tokio::test]
async fn workers_hear_of_work_and_clients_of_ends() {
    let server = Server::start();
    let (one, other) = (log(&server).await, log(&server).await);
    assert!(other.claim(1, &[]).await.unwrap().is_empty());
    let call = accept(&one, &["a"]).await.remove(0);
    tokio::time::timeout(LONG, other.work()).await.unwrap();
    let claimed = claim_one(&other).await;
    assert_eq!(claimed.call.summary.id, call.id);

    let running = one.ended(call.id, Duration::ZERO).await.unwrap();
    assert!(matches!(running, Some(LoggedCall::Pending { .. })));
    let running = one.ended(call.id, Duration::from_millis(30)).await.unwrap();
    assert!(matches!(running, Some(LoggedCall::Pending { .. })));
    let result = finished(&call, 5, "answer");
    let (ended, finish) = tokio::join!(one.ended(call.id, LONG), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        other.finish(result.clone()).await
    });
    assert_eq!(finish, Ok(true));
    assert_eq!(ended, Ok(Some(LoggedCall::Finished(result))));
    assert_eq!(one.ended(CallId::new(99).unwrap(), LONG).await, Ok(None));
}

#[tokio::test]
async fn a_server_that_is_killed_and_started_again_loses_no_call() {
    let mut server = Server::start();
    let (one, other) = (log(&server).await, log(&server).await);
    let calls = accept(&one, &["a", "b"]).await;
    assert_eq!(ids(&one.claim(1, &[]).await.unwrap()), [1]);
    server.restart();
    // Claims are as they were.
    until("the server is asked again", async || {
        one.begin(calls[0].id).await == Ok(1)
    })
    .await;
    assert_eq!(one.finish(finished(&calls[0], 5, "x")).await, Ok(true));
    assert_eq!(claim_one(&other).await.call.summary.id, calls[1].id);
    let (ended, finish) = tokio::join!(
        one.ended(calls[1].id, LONG),
        other.finish(finished(&calls[1], 6, "y")),
    );
    assert_eq!(finish, Ok(true));
    assert!(matches!(ended, Ok(Some(LoggedCall::Finished(_)))));
}

#[tokio::test]
async fn a_user_with_too_many_waiting_calls_is_refused_another() {
    let server = Server::start();
    let log = RedisLog::new(&worker(&server).await, 2);
    accept(&log, &["a", "a"]).await;
    let more = new_call(3, "a").unwrap();
    assert_eq!(
        log.accept(more.clone()).await,
        Err(Error::QueueFull { limit: 2 })
    );
    assert!(log.accept(new_call(4, "b").unwrap()).await.is_ok());
    log.claim(1, &[]).await.unwrap();
    assert!(log.accept(more).await.is_ok());
}

#[tokio::test]
async fn contents_that_faasm_never_wrote_hurt_no_other_call() {
    let server = Server::start();
    let log = log(&server).await;
    let calls = accept(&log, &["a", "b", "c", "d", "e"]).await;
    let key = |name: &str| format!("{{faasm:calls}}:{name}");
    // Of another type, without its fields, with other bytes, without its queue.
    tell(&server, &["DEL", &key("c:1")]);
    tell(&server, &["SET", &key("c:1"), "x"]);
    tell(&server, &["HDEL", &key("c:2"), "entry"]);
    tell(&server, &["SET", &key("i:3"), "x"]);
    tell(&server, &["DEL", &key("q:d")]);
    tell(&server, &["RPUSH", &key("ring"), "nobody"]);
    let claimed = log.claim(10, &[]).await.unwrap();
    assert_eq!(ids(&claimed), [3, 5]);
    let invocation = claimed[0].call.invocation.clone();
    let part = RecordPart::Invocation;
    assert_eq!(
        invocation,
        Err(Error::Corrupted {
            id: calls[2].id,
            part
        })
    );
    for bad in [calls[0].id, calls[1].id] {
        assert!(matches!(log.begin(bad).await, Err(Error::Unavailable(_))));
        assert!(log.renew(&[bad]).await.unwrap().lost == [bad]);
    }
    assert!(matches!(
        log.get(calls[0].id).await,
        Err(Error::Unavailable(_))
    ));
    tell(&server, &["HSET", &key("c:5"), "attempts", "-1"]);
    assert!(matches!(
        log.begin(calls[4].id).await,
        Err(Error::Unavailable(_))
    ));
    tell(
        &server,
        &["HSET", &key("c:5"), "attempts", "0", "summary", "x"],
    );
    let damaged = log.get(calls[4].id).await;
    assert!(
        matches!(damaged, Err(Error::Corrupted { .. })),
        "{damaged:?}"
    );
    let listed = log.list(None, None, 10).await.unwrap();
    assert_eq!(
        listed.iter().map(|call| call.id.get()).collect::<Vec<_>>(),
        [4, 3, 2]
    );
    tell(&server, &["HSET", &key("counters"), "id", "1e30"]);
    assert!(matches!(
        log.reserve_ids(1).await,
        Err(Error::Unavailable(_))
    ));
    tell(&server, &["SET", &key("ring"), "x"]);
    tell(&server, &["DEL", &key("ring")]);
    tell(&server, &["SET", &key("ring"), "x"]);
    assert!(matches!(
        log.claim(1, &[]).await,
        Err(Error::Unavailable(_))
    ));
}

#[tokio::test]
async fn a_server_without_memory_takes_ends_but_no_calls() {
    let server = Server::with(["--maxmemory", "64mb", "--maxmemory-policy", "noeviction"]);
    let log = log(&server).await;
    let call = accept(&log, &["a"]).await.remove(0);
    log.claim(1, &[]).await.unwrap();
    tell(&server, &["CONFIG", "SET", "maxmemory", "1"]);
    assert_eq!(
        log.accept(new_call(2, "a").unwrap()).await,
        Err(Error::NoSpace)
    );
    assert_eq!(log.begin(call.id).await, Ok(1));
    assert!(log.renew(&[call.id]).await.unwrap().lost.is_empty());
    assert_eq!(log.finish(finished(&call, 5, "x")).await, Ok(true));
}
