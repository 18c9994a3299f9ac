//! Locks of state, between real calls.

use faasm_testkit::Server;
use futures::future::join_all;
use serde_json::{Value, json};

use crate::state::guest::{cancel, code, fail, marked, run, set, start, stored};

/// Lets calls that wait at `until SLOT 0 x` of this key go on.
async fn open(server: &Server, gate: &str) {
    run(server, &format!("map 0 {gate} 1; store 0 0 1 x")).await;
}

#[tokio::test]
async fn concurrent_counters_under_a_write_lock_lose_no_count() {
    let server = start(Server::builder()).await;
    let counters = (0..100).map(|_| run(&server, "count n"));
    join_all(counters).await;
    assert_eq!(
        stored(&server, "demo/n").await.unwrap(),
        100_u32.to_le_bytes()[..]
    );
    // Chained ones are calls like others.
    let chains = (0..10).map(|_| run(&server, "chain f count n|count n; await; count n"));
    join_all(chains).await;
    assert_eq!(
        stored(&server, "demo/n").await.unwrap(),
        130_u32.to_le_bytes()[..]
    );
}

#[tokio::test]
async fn concurrent_counters_under_the_global_lock_lose_no_count() {
    let server = start(Server::builder()).await;
    set(&server, "demo/log", "").await;
    // The lock is held over the pull, the change and the push.
    let adders = (0..20).map(|n| {
        let script = format!(
            "glock log; pull log 0; size log; writeat log {} {n} x; push log; gunlock log",
            n + 1
        );
        let server = &server;
        async move { run(server, &script).await }
    });
    let sizes = join_all(adders).await;
    assert_eq!(sizes.len(), 20);
    assert_eq!(stored(&server, "demo/log").await.unwrap(), vec![b'x'; 20]);
}

#[tokio::test]
async fn readers_share_and_a_writer_waits_for_all_of_them() {
    let server = start(Server::builder()).await;
    // Both hold the lock while they wait for each other.
    let first =
        "rlock k; map 0 box 3; store 0 0 1 x; until 0 1 y; mark both; map 1 gate 1; until 1 0 x";
    let first = server.submit("demo/f", first).await;
    let second = server.submit("demo/f", "rlock k; map 0 box 3; until 0 0 x; store 0 1 1 y");
    let second = second.await;
    marked(&server, "both").await;
    let writer = server
        .submit("demo/f", "wlock k; map 0 box 3; store 0 2 1 w")
        .await;
    assert!(server.wait(second).await.starts_with("SUCCESS: "));
    let status = server.get(&format!("/calls/{writer}?wait_ms=300")).await;
    assert_eq!(status.text(), "RUNNING");
    assert_eq!(run(&server, "read box 3").await, "3 xy.\n");
    open(&server, "gate").await;
    for id in [first, writer] {
        assert!(server.wait(id).await.starts_with("SUCCESS: "));
    }
    assert_eq!(stored(&server, "demo/box").await.unwrap(), "xyw");
}

#[tokio::test]
async fn the_end_of_a_call_releases_its_locks_whatever_it_is() {
    let server = start(Server::builder()).await;
    let holds = "rlock r; wlock w; glock g";
    let take = "wlock r; wlock w; glock g; wunlock r; wunlock w; gunlock g";
    for end in [
        "return 0", "return 3", "exit 0", "exit 3", "trap", "wlock w",
    ] {
        let _ = server.call("demo/f", format!("{holds}; {end}")).await;
        run(&server, take).await;
    }
    for (number, busy) in ["spin", "nap 60000", "wlock other"].into_iter().enumerate() {
        let blocker = server
            .submit("demo/f", "wlock other; mark blocks; spin")
            .await;
        marked(&server, "blocks").await;
        let limits = |ms| server.set_limits("demo/f", json!({"time_ms": ms}));
        let _ = limits(300).await.expect(200);
        let _ = server
            .call("demo/f", format!("{holds}; {busy}"))
            .await
            .expect(504);
        let _ = limits(60_000).await.expect(200);
        run(&server, take).await;

        let mark = format!("held-{number}");
        let script = format!("{holds}; mark {mark}; {busy}");
        let id = server.submit("demo/f", &script).await;
        marked(&server, &mark).await;
        let waiter = server.submit("demo/f", take).await;
        cancel(&server, id).await;
        assert!(server.wait(waiter).await.starts_with("SUCCESS: "));

        let mark = format!("gone-{number}");
        tokio::select! {
            _ = server.call("demo/f", format!("{holds}; mark {mark}; {busy}")) => panic!("{busy} has ended"),
            () = marked(&server, &mark) => {}
        }
        run(&server, take).await;
        cancel(&server, blocker).await;
    }
}

#[tokio::test]
async fn of_calls_that_wait_for_each_other_one_is_told_so_by_name_and_the_others_go_on() {
    let server = start(Server::builder()).await;
    for round in 0..3 {
        let meet = |own, other| format!("map 0 box{round} 2; store 0 {own} 1 x; until 0 {other} x");
        let scripts = [
            format!("wlock a; {}; wlock b", meet(0, 1)),
            format!("wlock b; {}; wlock a", meet(1, 0)),
        ];
        let calls = scripts.map(|script| server.call_json("demo/f", script));
        let calls = join_all(calls).await;
        let ids = [&calls[0]["id"], &calls[1]["id"]].map(Value::to_string);
        let (failed, succeeded): (Vec<_>, Vec<_>) =
            calls.iter().partition(|call| call["status"] == "FAILED");
        assert_eq!((failed.len(), succeeded.len()), (1, 1), "{calls:?}");
        let reason = &failed[0]["reason"];
        assert_eq!(reason["code"], "deadlock", "{reason}");
        let message = reason["message"].as_str().unwrap();
        assert!(
            message.starts_with("__faasm_lock_state_write: deadlock: call "),
            "{message}"
        );
        for name in ["\"a\"", "\"b\"", "demo/f", &ids[0], &ids[1]] {
            assert!(message.contains(name), "{name} in {message}");
        }
    }
}

#[tokio::test]
async fn a_caller_that_awaits_a_callee_which_needs_its_lock_is_a_deadlock_too() {
    let server = start(Server::builder()).await;
    let script = "wlock a; chain f rlock a; await; wunlock a; chain f rlock a; await";
    let call = server.call_json("demo/f", script).await;
    assert_eq!(call["stdout"], "-1\n0\n", "{call}");
    let graph = server.get(&format!("/calls/{}/graph", call["id"])).await;
    let callee = &graph.expect(200).json()["root"]["chained"][0]["msg"];
    let text = callee.to_string();
    assert!(
        text.contains("deadlock: call ") && text.contains("for the end of call"),
        "{text}"
    );
}

#[tokio::test]
async fn a_call_that_would_wait_for_itself_is_told_so_at_once() {
    let server = start(Server::builder()).await;
    for (script, import) in [
        ("wlock a; wlock a", "__faasm_lock_state_write: "),
        ("rlock a; wlock a", "__faasm_lock_state_write: "),
        ("wlock a; rlock a", "__faasm_lock_state_read: "),
        ("glock a; glock a", "__faasm_lock_state_global: "),
    ] {
        let (code, message) = fail(&server, script).await;
        assert_eq!(code, "deadlock", "{script}: {message}");
        assert!(
            message.starts_with(import) && message.contains('a'),
            "{message}"
        );
    }
    // Readers may enter again; keys and kinds of locks are apart.
    run(
        &server,
        "rlock a; rlock a; runlock a; runlock a; wlock a; glock a; wlock b; glock b",
    )
    .await;
    run(
        &server,
        "wlock a; wunlock a; wlock a; wunlock a; glock a; gunlock a; glock a",
    )
    .await;
}

#[tokio::test]
async fn what_is_not_held_cannot_be_unlocked() {
    let server = start(Server::builder()).await;
    let holder = server
        .submit("demo/f", "wlock a; rlock b; glock c; mark on; spin")
        .await;
    marked(&server, "on").await;
    for (script, import) in [
        ("wunlock a", "__faasm_unlock_state_write: "),
        ("runlock b", "__faasm_unlock_state_read: "),
        ("gunlock c", "__faasm_unlock_state_global: "),
        ("wunlock none", "__faasm_unlock_state_write: "),
        ("rlock b; wunlock b", "__faasm_unlock_state_write: "),
        (
            "rlock b; runlock b; runlock b",
            "__faasm_unlock_state_read: ",
        ),
    ] {
        let (code, message) = fail(&server, script).await;
        assert_eq!(code, "trap", "{script}: {message}");
        assert!(message.starts_with(import), "{message}");
        assert!(message.contains("does not hold the "), "{message}");
    }
    cancel(&server, holder).await;
}

#[tokio::test]
async fn a_call_that_runs_out_of_time_says_what_it_waited_for_and_who_has_it() {
    let server = start(Server::builder()).await;
    let holder = server
        .submit("demo/f", "wlock a; glock g; mark on; spin")
        .await;
    marked(&server, "on").await;
    let held_by = format!("call {holder} (demo/f)");
    server.put("demo/unlimited", code()).await;
    let _ = server
        .set_limits("demo/f", json!({"time_ms": 500}))
        .await
        .expect(200);
    for (script, what) in [
        ("wlock a", ["the write lock of \"a\"", &held_by]),
        ("rlock a", ["the read lock of \"a\"", &held_by]),
        ("glock g", ["the global lock of ", "g"]),
        ("chain unlimited spin; await", ["the end of call ", ""]),
    ] {
        let (code, message) = fail(&server, script).await;
        assert_eq!(code, "time_limit", "{script}: {message}");
        assert!(
            what.iter().all(|what| message.contains(what)),
            "{script}: {message}"
        );
    }
    cancel(&server, holder).await;
}

#[tokio::test]
async fn a_global_lock_is_passed_on_when_it_is_let_go() {
    let server = start(Server::builder()).await;
    let holder = "glock a; mark on; map 0 gate 1; until 0 0 x; write v first; push v; gunlock a; until 0 0 y";
    let holder = server.submit("demo/f", holder).await;
    marked(&server, "on").await;
    let waiter = server
        .submit("demo/f", "glock a; read v 5; write v second")
        .await;
    let status = server.get(&format!("/calls/{waiter}?wait_ms=300")).await;
    assert_eq!(status.text(), "RUNNING");
    open(&server, "gate").await;
    assert_eq!(server.wait(waiter).await, "SUCCESS: 5 first\n");
    assert_eq!(stored(&server, "demo/v").await.unwrap(), "second");
    cancel(&server, holder).await;
}
