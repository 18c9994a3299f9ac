//! What becomes of a call's writes, however it ends.

use serde_json::json;

use faasm_testkit::Server;

use super::guest::{cancel, fail, marked, run, run_as, set, start, stored};

/// Ways to change the value `a` from `before` to `after!`.
const WRITES: [&str; 4] = [
    "write a after!",
    "writeat a 6 0 after!",
    "map 0 a 6; store 0 0 1 a; store 0 1 1 f; store 0 2 1 t; store 0 3 1 e; store 0 4 1 r; store 0 5 1 !",
    "write a longer-than-before; write a after!",
];

#[tokio::test]
async fn what_a_failed_call_wrote_is_seen_by_the_next_call_but_is_not_durable() {
    let server = start(Server::builder()).await;
    for end in [
        "return 3",
        "exit 3",
        "trap",
        "spin",
        "nap 60000",
        "rlock a; wlock a",
    ] {
        let limit = if end.starts_with(['s', 'n']) {
            300
        } else {
            60_000
        };
        for write in WRITES {
            let _ = server
                .set_limits("demo/f", json!({"time_ms": 60_000}))
                .await;
            set(&server, "demo/a", "before").await;
            let limits = json!({"time_ms": limit});
            let _ = server.set_limits("demo/f", limits).await.expect(200);
            let _ = fail(&server, &format!("{write}; {end}")).await;
            let seen = run(&server, "read a 6; map 0 a 6; load 0 0 6").await;
            assert_eq!(seen, "6 after!\nafter!\n", "{write}; {end}");
            assert_eq!(stored(&server, "demo/a").await.unwrap(), "before");
            assert_eq!(run(&server, "push a; size a").await, "6\n");
            assert_eq!(stored(&server, "demo/a").await.unwrap(), "after!");
        }
    }
}

#[tokio::test]
async fn what_a_cancelled_call_wrote_is_seen_by_the_next_call_but_is_not_durable() {
    let server = start(Server::builder()).await;
    for (round, write) in WRITES.into_iter().enumerate() {
        set(&server, "demo/a", "before").await;
        let mark = format!("cancelled{round}");
        let script = format!("{write}; mark {mark}; spin");
        let id = server.submit("demo/f", &script).await;
        marked(&server, &mark).await;
        cancel(&server, id).await;
        assert!(server.wait(id).await.starts_with("FAILED: "));
        assert_eq!(run(&server, "read a 6").await, "6 after!\n", "{write}");
        assert_eq!(stored(&server, "demo/a").await.unwrap(), "before");
    }
}

#[tokio::test]
async fn a_value_that_only_a_failed_call_made_is_there_for_calls_only() {
    let server = start(Server::builder()).await;
    let _ = fail(&server, "write a abc; map 0 b 3; store 0 0 3 b; trap").await;
    assert_eq!(run(&server, "read a 3; read b 3").await, "3 abc\n3 bbb\n");
    for name in ["demo/a", "demo/b"] {
        assert_eq!(stored(&server, name).await, None);
    }
    // Whoever changes it and succeeds makes it durable.
    run(&server, "writeat a 3 1 B").await;
    assert_eq!(stored(&server, "demo/a").await.unwrap(), "aBc");
    set(&server, "demo/b", "outside").await;
    assert_eq!(run(&server, "read b 7").await, "7 outside\n");
}

#[tokio::test]
async fn what_a_successful_call_wrote_is_durable_when_its_success_is_known() {
    let server = start(Server::builder()).await;
    for (round, write) in WRITES.into_iter().enumerate() {
        let reset = || set(&server, "demo/a", "before");
        reset().await;
        run(&server, write).await;
        assert_eq!(
            stored(&server, "demo/a").await.unwrap(),
            "after!",
            "{write}"
        );
        reset().await;
        run(&server, &format!("{write}; exit 0")).await;
        assert_eq!(
            stored(&server, "demo/a").await.unwrap(),
            "after!",
            "{write}"
        );
        reset().await;
        let id = server.submit("demo/f", write).await;
        assert!(server.wait(id).await.starts_with("SUCCESS: "));
        assert_eq!(
            stored(&server, "demo/a").await.unwrap(),
            "after!",
            "{write}"
        );
        // A callee's success is its own, whatever comes of its caller.
        reset().await;
        let mark = format!("chained{round}");
        let inner = write.replace(';', "|");
        let caller = format!("map 0 gate 1; chain f {inner}; await; mark {mark}; until 0 0 x");
        let caller = server.submit("demo/f", &caller).await;
        marked(&server, &mark).await;
        assert_eq!(
            stored(&server, "demo/a").await.unwrap(),
            "after!",
            "{write}"
        );
        cancel(&server, caller).await;
        assert!(server.wait(caller).await.starts_with("FAILED: "));
        assert_eq!(
            stored(&server, "demo/a").await.unwrap(),
            "after!",
            "{write}"
        );
    }
}

#[tokio::test]
async fn a_callee_sees_what_its_caller_wrote_and_the_caller_what_the_callee_wrote() {
    let server = start(Server::builder()).await;
    let script = "map 0 a 4; store 0 0 4 a; write b from-caller
        chain f read a 4|read b 11|map 0 a 4|store 0 1 2 c|write b from-callee; await
        load 0 0 4; read b 11; return 1";
    let call = server.call_json("demo/f", script).await;
    assert_eq!(call["stdout"], "0\nacca\n11 from-callee\n", "{call}");
    // The caller failed, the callee did not.
    assert_eq!(stored(&server, "demo/b").await.unwrap(), "from-callee");
}

#[tokio::test]
async fn a_function_that_is_replaced_while_it_runs_still_pushes_what_it_wrote() {
    let server = start(Server::builder()).await;
    let script = "write a old; map 0 b 1; mark on; until 0 0 x; writeat a 3 0 O";
    let id = server.submit("demo/f", script).await;
    marked(&server, "on").await;
    server.put("demo/f", super::guest::code()).await;
    run_as(&server, "demo/f", "map 0 b 1; store 0 0 1 x").await;
    assert!(server.wait(id).await.starts_with("SUCCESS: "));
    assert_eq!(stored(&server, "demo/a").await.unwrap(), "Old");
}
