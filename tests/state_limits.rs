//! Limits of state and hostile arguments: each says what it is, and the server outlives all.

mod faults;
mod memory;

use faasm_testkit::Server;
use reqwest::Method;

use crate::state::guest::{fail, marked, run, set, start, stored};

#[tokio::test]
async fn what_lies_outside_of_a_value_or_is_negative_ends_the_call_and_names_the_import() {
    let server = start(Server::builder()).await;
    set(&server, "demo/a", "0123456789").await;
    for (script, import, problem) in [
        (
            "readat a 10 8 3",
            "__faasm_read_state_offset",
            "3 bytes at offset 8",
        ),
        ("readat a 10 11 0", "__faasm_read_state_offset", "outside"),
        (
            "readat a 10 -1 1",
            "__faasm_read_state_offset",
            "-1 is negative",
        ),
        (
            "readat a 10 0 -1",
            "__faasm_read_state_offset",
            "-1 is negative",
        ),
        (
            "readat a -5 0 1",
            "__faasm_read_state_offset",
            "-5 is negative",
        ),
        ("read a -1", "__faasm_read_state", "-1 is negative"),
        (
            "writeat a 10 8 abc",
            "__faasm_write_state_offset",
            "3 bytes at offset 8",
        ),
        (
            "writeat a 10 -1 abc",
            "__faasm_write_state_offset",
            "-1 is negative",
        ),
        (
            "writeat a -1 0 abc",
            "__faasm_write_state_offset",
            "-1 is negative",
        ),
        (
            "writeat a 2147483647 2147483646 abc",
            "__faasm_write_state_offset",
            "outside",
        ),
        (
            "map 0 a 0",
            "__faasm_read_state_ptr",
            "0 bytes cannot be mapped",
        ),
        ("map 0 a -1", "__faasm_read_state_ptr", "-1 is negative"),
        (
            "map 0 a -2147483648",
            "__faasm_read_state_ptr",
            "is negative",
        ),
        (
            "mapat 0 a 10 10 1",
            "__faasm_read_state_offset_ptr",
            "1 bytes at offset 10",
        ),
        (
            "mapat 0 a 10 2147483647 2147483647",
            "__faasm_read_state_offset_ptr",
            "outside",
        ),
        (
            "mapat 0 a 10 -4096 4096",
            "__faasm_read_state_offset_ptr",
            "-4096 is negative",
        ),
        (
            "mapat 0 a 10 0 -1",
            "__faasm_read_state_offset_ptr",
            "-1 is negative",
        ),
        ("pull a -1", "__faasm_pull_state", "-1 is negative"),
        ("dirty a -1", "__faasm_flag_state_dirty", "-1 is negative"),
        (
            "dirtyat a 10 5 6",
            "__faasm_flag_state_offset_dirty",
            "6 bytes at offset 5",
        ),
        (
            "list a 5 -1",
            "__faasm_read_appended_state",
            "-1 is negative",
        ),
    ] {
        let (code, message) = fail(&server, script).await;
        assert_eq!(code, "trap", "{script}: {message}");
        assert!(
            message.starts_with(&format!("{import}: ")),
            "{script}: {message}"
        );
        assert!(message.contains(problem), "{script}: {message}");
    }
    // Nothing of it changed the value.
    assert_eq!(run(&server, "read a 10").await, "10 0123456789\n");
    assert_eq!(stored(&server, "demo/a").await.unwrap(), "0123456789");
}

#[tokio::test]
async fn a_key_that_breaks_the_rule_of_keys_ends_the_call_and_quotes_the_rule() {
    let server = start(Server::builder()).await;
    let long = "k".repeat(512);
    let script = format!("write {long} v; read {long} 1; wlock {long}; append {long} x");
    assert_eq!(run(&server, &script).await, "1 v\n");
    let odd = "ä€𝄞%..\\\"'&?#";
    assert_eq!(
        run(&server, &format!("write {odd} v; read {odd} 1")).await,
        "1 v\n"
    );
    for key in [
        format!("{long}k"),
        "k".repeat(5_000),
        String::new(),
        "a/b".into(),
        "a\tb".into(),
        "a\u{7f}b".into(),
    ] {
        for (script, import) in [
            (format!("size {key}"), "read_state"),
            (format!("map 0 {key} 5"), "read_state_ptr"),
            (format!("write {key} v"), "write_state"),
            (format!("append {key} v"), "append_state"),
            (format!("push {key}"), "push_state"),
            (format!("mask a {key}"), "push_state_partial_mask"),
            (format!("dirty {key} 5"), "flag_state_dirty"),
            (format!("wlock {key}"), "lock_state_write"),
            (format!("wunlock {key}"), "unlock_state_write"),
            (format!("glock {key}"), "lock_state_global"),
        ] {
            let (code, message) = fail(&server, &script).await;
            assert_eq!(code, "trap", "{script}: {message}");
            assert!(
                message.starts_with(&format!("__faasm_{import}: ")),
                "{script}: {message}"
            );
            let is_told = message.contains("a state key is 1 to 512 bytes")
                || message.contains("is longer than");
            assert!(is_told, "{script}: {message}");
        }
    }
}

#[tokio::test]
async fn a_call_maps_no_more_than_its_limit() {
    let args = ["--max-mapped-state", "1MiB"];
    let server = start(Server::builder().args(args)).await;
    run(
        &server,
        "map 0 a 1000000; store 0 999999 1 x; map 1 a 1000000; mapat 2 a 1000000 70000 5",
    )
    .await;
    // Parts of a large value count as what they are.
    run(
        &server,
        "mapat 0 large 90000000 80000000 500000; mapat 1 large 90000000 5 500000",
    )
    .await;
    for script in [
        "map 0 b 1048577",
        "map 0 a 1000000; map 1 b 100000",
        "mapat 0 large 90000000 0 500000; mapat 1 large 90000000 80000000 600000",
    ] {
        let (code, message) = fail(&server, script).await;
        assert_eq!(code, "state_failed", "{script}: {message}");
        assert!(
            message.contains("the limit is 1048576 (--max-mapped-state)"),
            "{message}"
        );
    }
    // Copies are not mapped.
    assert_eq!(
        run(&server, "long c 3000000 c; readat c 3000000 2999999 1").await,
        "c\n"
    );
}

#[tokio::test]
async fn a_call_that_would_break_its_users_quota_fails_and_says_which() {
    let args = ["--max-state-bytes", "1MiB", "--max-state-keys", "3"];
    let server = start(Server::builder().args(args)).await;
    set(&server, "demo/a", vec![b'a'; 600_000]).await;
    let keys = "(--max-state-keys)";
    let bytes = "(--max-state-bytes)";
    for (script, option) in [
        ("long b 500000 b", bytes),
        ("map 0 b 500000; store 0 0 500000 b", bytes),
        (
            "map 0 b 500000; store 0 0 500000 b; push b; mark reached",
            bytes,
        ),
        ("file b 500000 b", bytes),
        (
            "writeat a 1200000 599999 bb; store 0 0 0 x; map 0 a 1200000; store 0 600000 599999 b",
            bytes,
        ),
        ("write b b; write c c; write d d", keys),
        ("map 0 b 1; map 1 c 1; map 2 d 1", keys),
        ("append b b; append c c; append d d", keys),
    ] {
        let (code, message) = fail(&server, script).await;
        assert_eq!(code, "state_failed", "{script}: {message}");
        assert!(
            message.contains(option) && message.contains("demo"),
            "{script}: {message}"
        );
        assert_eq!(stored(&server, "demo/reached").await, None);
        // What was there is there, and a fresh start is possible.
        let value = stored(&server, "demo/a").await.unwrap();
        assert_eq!((value.len(), value[599_999]), (600_000, b'a'), "{script}");
        for key in ["b", "c", "d"] {
            run(&server, &format!("clear {key}")).await;
            let _ = server
                .stored(Method::DELETE, &format!("/s/demo/{key}"), "")
                .await;
        }
        set(&server, "demo/a", vec![b'a'; 600_000]).await;
    }
    // One user's quota is not another's.
    crate::state::guest::run_as(&server, "other/f", "long b 500000 b").await;
    let put = server.stored(Method::PUT, "/s/demo/b", vec![0; 500_000]);
    let refused = put.await.expect(413).text();
    assert!(refused.contains("--max-state-bytes"), "{refused}");
}

#[tokio::test]
async fn a_value_that_is_set_smaller_while_it_is_mapped_stays_whole_for_who_has_it_mapped() {
    let server = start(Server::builder()).await;
    for (number, (size, smaller)) in [(1_000_000, "tiny"), (100_000, ""), (5_000, "x")]
        .into_iter()
        .enumerate()
    {
        set(&server, "demo/a", vec![b'a'; size]).await;
        let mark = format!("mapped{number}");
        // Some of it is touched before, and most of it only afterwards.
        let script = format!(
            "map 0 a {size}; load 0 0 1; store 0 {} 1 a; map 1 gate{number} 1; mark {mark}; until 1 0 x
            all 0 {size} a; store 0 0 {size} b; all 0 {size} b; map 2 a {size}; load 2 {} 1",
            size / 2,
            size - 1
        );
        let id = server.submit("demo/f", &script).await;
        marked(&server, &mark).await;
        set(&server, "demo/a", smaller).await;
        assert_eq!(
            run(&server, "read a 4").await,
            format!("{} {smaller:.<4}\n", smaller.len())
        );
        run(&server, &format!("map 0 gate{number} 1; store 0 0 1 x")).await;
        assert_eq!(server.wait(id).await, "SUCCESS: a\n.\n");
        // It asked for the larger total again, which extended the new value.
        let value = stored(&server, "demo/a").await.unwrap();
        assert_eq!(
            (value.len(), value.starts_with(smaller.as_bytes())),
            (size, true)
        );
    }
    // Shrunk by a function, deleted and set anew, again and again, under a mapping.
    let script =
        "map 0 b 300000; store 0 0 300000 b; map 1 gate 1; mark on; until 1 0 x; all 0 300000 b";
    let id = server.submit("demo/f", script).await;
    marked(&server, "on").await;
    for _ in 0..5 {
        run(&server, "write b small; map 0 b 400000; store 0 0 400000 c").await;
        let _ = server
            .stored(Method::DELETE, "/s/demo/b", "")
            .await
            .expect(200);
        set(&server, "demo/b", "x").await;
    }
    run(&server, "map 0 gate 1; store 0 0 1 x").await;
    assert_eq!(server.wait(id).await, "SUCCESS: ");
    assert_eq!(stored(&server, "demo/b").await.unwrap(), "x");
}
