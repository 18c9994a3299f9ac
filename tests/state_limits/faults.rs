//! Loads and stores to mapped state that cannot be served, or only with difficulty: the call
//! fails, and nothing else does.

use faasm_testkit::Server;
use futures::future::join_all;

use crate::state::guest::{run, set, start};

/// Maps 96 MiB of zeros, of which the budget has room for a part, and touches them as its
/// input says.
const BULK: &str = r#"(module
    (import "env" "__faasm_read_state_ptr" (func $map (param i32 i32) (result i32)))
    (import "env" "__faasm_read_input" (func $input (param i32 i32) (result i32)))
    (import "env" "__faasm_write_output" (func $output (param i32 i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "large\00")
    (data $bytes "some bytes")
    (func (export "_start") (local $at i32) (local $mode i32)
      (drop (call $input (i32.const 100) (i32.const 1)))
      (local.set $mode (i32.load8_u (i32.const 100)))
      (local.set $at (call $map (i32.const 0) (i32.const 0x6000000)))
      (if (i32.eq (local.get $mode) (i32.const 0x66)) (then
        (memory.fill (local.get $at) (i32.const 0x78) (i32.const 0x6000000))))
      (if (i32.eq (local.get $mode) (i32.const 0x63)) (then
        (memory.copy (local.get $at)
          (i32.add (local.get $at) (i32.const 0x3000000)) (i32.const 0x3000000))))
      ;; From the end to the beginning, since the ranges overlap.
      (if (i32.eq (local.get $mode) (i32.const 0x6f)) (then
        (memory.copy (i32.add (local.get $at) (i32.const 4096))
          (local.get $at) (i32.const 0x5fff000))))
      ;; What it has filled is nothing that the host takes.
      (if (i32.eq (local.get $mode) (i32.const 0x68)) (then
        (memory.fill (local.get $at) (i32.const 0x78) (i32.const 0x6000000))
        (call $output (local.get $at) (i32.const 100))))
      (if (i32.eq (local.get $mode) (i32.const 0x6c)) (then
        (loop $next
          (i64.store (local.get $at) (i64.const 7))
          (local.set $at (i32.add (local.get $at) (i32.const 4096)))
          (br_if $next (i32.lt_u (local.get $at) (i32.const 0x6000000))))))
      ;; Over the borders of pages and of chunks, which are 15 pages.
      (if (i32.eq (local.get $mode) (i32.const 0x62)) (then
        (memory.init $bytes (i32.add (local.get $at) (i32.const 61435)) (i32.const 0) (i32.const 10))
        (memory.copy (i32.add (local.get $at) (i32.const 122875))
          (i32.add (local.get $at) (i32.const 61435)) (i32.const 10))
        (v128.store (i32.add (local.get $at) (i32.const 4090))
          (v128.load (i32.add (local.get $at) (i32.const 122875))))
        (i64.store (i32.add (local.get $at) (i32.const 184317)) (i64.const -1))
        (if (i64.ne (i64.load (i32.add (local.get $at) (i32.const 4090)))
          (i64.const 0x74796220656d6f73)) (then unreachable))))))"#;

#[tokio::test]
async fn a_fault_that_cannot_be_served_fails_its_call_wherever_it_happens() {
    let args = ["--memory-budget", "64MiB"];
    let server = start(Server::builder().args(args)).await;
    server.put("demo/bulk", BULK).await;
    for mode in [
        "border",
        "loop",
        "fill",
        "copy",
        "overlap",
        "host call",
        "border",
    ] {
        let call = server.call_json("demo/bulk", mode).await;
        if mode == "border" {
            assert_eq!(call["status"], "SUCCESS", "{call}");
            continue;
        }
        assert_eq!(call["status"], "FAILED", "{mode}: {call}");
        assert_eq!(call["reason"]["code"], "state_failed", "{mode}: {call}");
        assert_eq!(call["output_data"], "", "{mode}: {call}");
        let message = call["reason"]["message"].as_str().unwrap();
        assert!(message.contains("--max-local-state"), "{mode}: {message}");
        // Its changes are of no use to anybody.
        let url = "/s/demo/large";
        let _ = server.stored(reqwest::Method::DELETE, url, "").await;
    }
    assert_eq!(
        server.call("demo/bulk", "none").await.expect(200).text(),
        ""
    );
}

#[tokio::test]
async fn readers_and_mappers_of_a_value_that_is_being_fetched_all_end() {
    let server = start(Server::builder()).await;
    let size = 16 << 20;
    let value = vec![b'a'; size];
    for _ in 0..5 {
        set(&server, "demo/a", value.clone()).await;
        let scripts = [
            format!("copy a {size}"),
            format!("map 0 a {size}; all 0 {size} a"),
            format!("mapat 0 a {size} 8000000 5000000; all 0 5000000 a"),
            format!("writeat a {size} 5000000 a"),
        ];
        let calls = (0..24).map(|n| server.call("demo/f", scripts[n % 4].clone()));
        let calls = tokio::time::timeout(std::time::Duration::from_secs(60), join_all(calls));
        let answers = calls.await.expect("the server hangs");
        for answer in answers {
            let _ = answer.expect(200);
        }
    }
}

#[tokio::test]
async fn a_call_that_maps_very_many_parts_harms_only_itself() {
    let server = start(Server::builder()).await;
    let size = 500_000_000;
    run(&server, &format!("mapmany a {size} 4096 1000")).await;
    // More together than the kernel gives a process.
    let hostile = (0..8).map(|n| {
        let script = format!("mapmany b{n} {size} 8192 40000");
        server.call_json("demo/f", script)
    });
    for call in join_all(hostile).await {
        assert_eq!(call["status"], "FAILED", "{call}");
        let message = call["reason"]["message"].as_str().unwrap();
        assert!(message.contains("map"), "{message}");
    }
    run(&server, "write c fine; map 0 c 4; load 0 0 4").await;
}

#[tokio::test]
async fn scattered_stores_to_a_large_value_are_served() {
    let server = start(Server::builder()).await;
    let size = 1_000_000_000_u64;
    let mut script = format!("map 0 a {size};");
    let mut at = 12_345;
    for _ in 0..1_500 {
        at = (at * 48_271) % size;
        script += &format!("store 0 {at} 1 x; load 0 {at} 1;");
    }
    assert_eq!(run(&server, &script).await, "x\n".repeat(1_500));
}
