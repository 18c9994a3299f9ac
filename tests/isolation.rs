//! Nothing of a call is left for the next one in the same slot.

use std::time::Duration;

use faasm_testkit::{Server, wat_noop};
use reqwest::Method;
use serde_json::json;

/// Fills memory, globals and table, grows both, and then ends as its input says.
const DIRTY: &str = r#"(module
    (import "env" "__faasm_read_input" (func $input (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 16)
    (table (export "table") 64 1000 funcref)
    (elem declare func $secret)
    (global $word (mut i64) (i64.const 0))
    (func $secret (result i32) (i32.const 1))
    (func (export "_start") (local $mode i32)
      (drop (call $input (i32.const 0) (i32.const 1)))
      (local.set $mode (i32.load8_u (i32.const 0)))
      (drop (memory.grow (i32.const 112)))
      (memory.fill (i32.const 0) (i32.const 0xa5) (i32.const 0x800000))
      (global.set $word (i64.const -1))
      (drop (table.grow (ref.func $secret) (i32.const 500)))
      (table.fill (i32.const 0) (ref.func $secret) (i32.const 564))
      (if (i32.eq (local.get $mode) (i32.const 116)) (then unreachable))
      (if (i32.eq (local.get $mode) (i32.const 115)) (then (loop (br 0))))
      (if (i32.eq (local.get $mode) (i32.const 119)) (then
        ;; One subscription: the clock, in ten minutes.
        (memory.fill (i32.const 0) (i32.const 0) (i32.const 256))
        (i32.store (i32.const 16) (i32.const 1))
        (i64.store (i32.const 24) (i64.const 600000000000))
        (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))))))"#;

/// Traps unless its memory, globals and table are as its code says, grown parts included.
const CLEAN: &str = r#"(module
    (memory (export "memory") 8)
    (table (export "table") 32 1000 funcref)
    (elem (i32.const 3) $mine)
    (data (i32.const 100000) "mine")
    (global $word (mut i64) (i64.const 42))
    (func $mine)
    (func $zero (param $at i32) (param $end i32)
      (loop $next
        (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then unreachable))
        (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (local.get $end)))))
    (func $null (param $at i32) (param $end i32)
      (loop $next
        (if (i32.eqz (ref.is_null (table.get (local.get $at)))) (then unreachable))
        (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (local.get $end)))))
    (func (export "_start")
      (if (i64.ne (global.get $word) (i64.const 42)) (then unreachable))
      (if (i32.ne (i32.load (i32.const 100000)) (i32.const 0x656e696d)) (then unreachable))
      (if (i32.ne (memory.size) (i32.const 8)) (then unreachable))
      (if (i32.ne (table.size) (i32.const 32)) (then unreachable))
      (call $zero (i32.const 0) (i32.const 100000))
      (call $zero (i32.const 100008) (i32.const 0x80000))
      (if (i32.ne (memory.grow (i32.const 120)) (i32.const 8)) (then unreachable))
      (call $zero (i32.const 0x80000) (i32.const 0x800000))
      (call $null (i32.const 0) (i32.const 3))
      (if (ref.is_null (table.get (i32.const 3))) (then unreachable))
      (call $null (i32.const 4) (i32.const 32))
      (if (i32.ne (table.grow (ref.null func) (i32.const 600)) (i32.const 32)) (then unreachable))
      (call $null (i32.const 32) (i32.const 632))))"#;

#[tokio::test]
async fn the_next_call_in_a_slot_sees_nothing_of_the_one_before() {
    let args = ["--max-faaslets", "1", "--max-running", "1"];
    let server = Server::builder().args(args).start().await;
    server.put("dirty/f", DIRTY).await;
    server.put("clean/f", CLEAN).await;
    server.put("clean/noop", wat_noop()).await;
    let _ = server.call("clean/f", "").await.expect(200);
    let limited = |ms| server.set_limits("dirty/f", json!({"time_ms": ms}));
    for round in 0..3 {
        let _ = limited(60_000).await.expect(200);
        // Returns, traps, runs out of time computing and waiting.
        let _ = server.call("dirty/f", "r").await.expect(200);
        let _ = server.call("clean/f", "").await.expect(200);
        let _ = server.call("dirty/f", "t").await.expect(500);
        let _ = server.call("clean/f", "").await.expect(200);
        let _ = limited(100).await.expect(200);
        for mode in ["s", "w"] {
            let _ = server.call("dirty/f", mode).await.expect(504);
            let _ = server.call("clean/f", "").await.expect(200);
        }
        let _ = limited(60_000).await.expect(200);
        for mode in ["s", "w"] {
            // Is cancelled.
            let id = server.submit("dirty/f", mode).await;
            while server.metric("faasm_faaslets_live", "").await < 1.0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
            let url = format!("{}/calls/{id}", server.invoke);
            let _ = server.request(Method::DELETE, &url, "").await.expect(200);
            let _ = server.call("clean/f", "").await.expect(200);
            // Loses its client.
            let call = server.call("dirty/f", mode);
            let gone = tokio::time::timeout(Duration::from_millis(100), call).await;
            assert!(gone.is_err(), "round {round}");
            let _ = server.call("clean/f", "").await.expect(200);
        }
    }
}

#[tokio::test]
async fn files_output_and_handles_of_a_call_are_its_own() {
    let args = ["--max-faaslets", "2", "--max-running", "1"];
    let server = Server::builder().args(args).start().await;
    let code = faasm_testkit::c(
        r#"
        #include <faasm/faasm.h>
        #include <stdio.h>
        static int child(void) { return 0; }
        int main(void)
        {
            if (fopen("/tmp/secret", "r") != NULL) return 1;
            FILE *file = fopen("/tmp/secret", "w");
            fputs("secret", file);
            fclose(file);
            char text[16] = "nothing";
            faasmGetInput(text, 15);
            if (text[0] == 'q') return 0;
            if (faasmChain(child, 0, 0) != 1) return 2;
            faasmSetOutput("output", 6);
            printf("printed");
            fprintf(stderr, "complained");
            if (text[0] == 't') __builtin_trap();
            return 0;
        }"#,
    );
    server.put("a/f", code.clone()).await;
    server.put("b/f", code).await;
    for _ in 0..10 {
        for mode in ["return", "trap"] {
            let call = server.call_json("a/f", mode).await;
            assert_eq!(call["output_data"], "output", "{call}");
            let call = server.call_json("b/f", "quiet").await;
            for field in ["output_data", "stdout", "stderr"] {
                assert_eq!(call[field], "", "{call}");
            }
            assert_eq!(call["return_value"], 0, "{call}");
        }
    }
}
