//! What state may take of the server's memory.

use faasm_testkit::Server;

use crate::state::guest::{fail, marked, run, set, start, stored};

/// Some megabytes.
fn megabytes(count: usize, byte: char) -> Vec<u8> {
    vec![byte as u8; count << 20]
}

#[tokio::test]
async fn values_larger_than_the_memory_together_are_used_one_after_the_other() {
    let args = ["--memory-budget", "64MiB"];
    let server = start(Server::builder().args(args)).await;
    let before = server.rss();
    for byte in ["a", "b", "c", "d", "e"] {
        set(
            &server,
            &format!("demo/{byte}"),
            megabytes(20, byte.chars().next().unwrap()),
        )
        .await;
    }
    for _ in 0..2 {
        for byte in ["a", "b", "c", "d", "e"] {
            // Read, mapped, copied, and changed in a few places.
            let script = format!(
                "map 0 {byte} {size}; all 0 {size} {byte}; readat {byte} {size} 5000000 3
                store 0 7000000 3 {byte}; writeat {byte} {size} 9000000 {byte}",
                size = 20 << 20
            );
            assert_eq!(run(&server, &script).await, format!("{}\n", byte.repeat(3)));
        }
    }
    assert!(
        server.peak_rss() < before + (150 << 20),
        "{} MiB",
        server.peak_rss() >> 20
    );
    assert!(server.metric("faasm_memory_budget_used_bytes", "").await <= f64::from(64 << 20));
}

#[tokio::test]
async fn a_user_takes_no_more_of_the_memory_than_its_share() {
    let args = ["--max-local-state", "4MiB"];
    let server = start(Server::builder().args(args)).await;
    let size = 6 << 20;
    set(&server, "demo/a", megabytes(6, 'a')).await;
    for script in [
        format!("map 0 a {size}; all 0 {size} a"),
        format!("long b {size} b"),
        format!("map 0 b {size}; store 0 0 {size} b"),
        "map 0 a 3000000; store 0 0 3000000 a".to_owned(),
    ] {
        let (code, message) = fail(&server, &script).await;
        assert_eq!(code, "state_failed", "{script}: {message}");
        assert!(
            message.contains("(--max-local-state)"),
            "{script}: {message}"
        );
        // Others have theirs, and so has this user what is small.
        crate::state::guest::run_as(&server, "other/f", "long c 3000000 c").await;
    }
    // A part of it can be used all the same.
    let _ = server
        .post(serde_json::json!({"flush": true}))
        .await
        .expect(200);
    let script = format!("mapat 0 a {size} 3000000 3000000; all 0 3000000 a");
    run(&server, &script).await;
}

#[tokio::test]
async fn a_gigabyte_of_which_three_pages_are_touched_takes_three_pages() {
    let server = start(Server::builder()).await;
    let before = server.rss();
    let size = 1 << 30;
    let script = format!(
        "map 0 a {size}; load 0 0 1; store 0 500000000 1 x; store 0 {} 1 y; size a",
        size - 1
    );
    assert_eq!(run(&server, &script).await, format!(".\n{size}\n"));
    let seen = format!(
        "mapat 0 a {size} 500000000 1; load 0 0 1; map 1 a {size}; load 1 {} 1",
        size - 1
    );
    assert_eq!(run(&server, &seen).await, "x\ny\n");
    assert!(
        server.rss() < before + (32 << 20),
        "{} MiB",
        server.rss() >> 20
    );
    // After a restart of the local tier it comes from the global one, as little of it.
    let _ = server
        .post(serde_json::json!({"flush": true}))
        .await
        .expect(200);
    assert_eq!(run(&server, &seen).await, "x\ny\n");
    assert!(
        server.rss() < before + (32 << 20),
        "{} MiB",
        server.rss() >> 20
    );
    let on_disk = std::fs::metadata(server.data_dir().join("state")).unwrap();
    assert!(on_disk.len() < 64 << 20);
}

#[tokio::test]
async fn the_largest_value_can_be_mapped_and_two_of_them_cannot() {
    let args = ["--max-mapped-state", "16GiB"];
    let server = start(Server::builder().args(args)).await;
    let largest = i32::MAX;
    let both_ends = format!(
        "map 0 a {largest}; store 0 0 1 x; store 0 {} 1 y; size a",
        largest - 1
    );
    assert_eq!(run(&server, &both_ends).await, format!("{largest}\n"));
    let seen = run(&server, &format!("readat a {largest} {} 2", largest - 2)).await;
    assert_eq!(seen, ".y\n");
    // They do not fit into 4 GiB together with the rest of the memory.
    let (code, message) = fail(&server, &format!("map 0 a {largest}; map 1 b {largest}")).await;
    assert!(
        ["trap", "memory_limit"].contains(&code.as_str()),
        "{code}: {message}"
    );
    assert!(message.contains("memory cannot grow"), "{message}");
    run(&server, &both_ends).await;
}

#[tokio::test]
async fn what_a_running_call_has_open_does_not_give_way_to_others() {
    let args = ["--memory-budget", "64MiB", "--max-local-state", "64MiB"];
    let server = start(Server::builder().args(args)).await;
    set(&server, "demo/a", megabytes(20, 'a')).await;
    set(&server, "demo/b", megabytes(20, 'b')).await;
    set(&server, "demo/c", megabytes(50, 'c')).await;
    let size = 20 << 20;
    let holder = format!(
        "map 0 a {size}; all 0 {size} a; map 1 gate 1; mark on; until 1 0 x; all 0 {size} a"
    );
    let holder = server.submit("demo/f", &holder).await;
    marked(&server, "on").await;
    run(&server, &format!("map 0 b {size}; all 0 {size} b")).await;
    let (code, message) = fail(
        &server,
        &format!("map 0 c {}; all 0 {} c", 50 << 20, 50 << 20),
    )
    .await;
    assert_eq!(code, "memory_limit", "{message}");
    assert!(message.contains("--memory-budget"), "{message}");
    run(&server, "map 0 gate 1; store 0 0 1 x").await;
    assert_eq!(server.wait(holder).await, "SUCCESS: ");
    run(
        &server,
        &format!("map 0 c {}; all 0 {} c", 50 << 20, 50 << 20),
    )
    .await;
    assert_eq!(stored(&server, "demo/a").await.unwrap().len(), size);
}
