//! Modules in WebAssembly text, which leave what no compiler would.

use faasm_testkit::Server;
use serde_json::Value;

use super::{image, stored_images};

#[tokio::test]
async fn globals_tables_and_memory_of_any_module_are_kept() {
    let server = Server::start().await;
    let module = r#"(module
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (global $i (mut i32) (i32.const 1)) (global $l (mut i64) (i64.const 2))
        (global $f (mut f32) (f32.const 3)) (global $d (mut f64) (f64.const 4))
        (global $v (mut v128) (v128.const i32x4 0 0 0 0)) (global $c i32 (i32.const 9))
        (global $r (mut funcref) (ref.null func))
        (table $t 2 100 funcref) (elem (table $t) (i32.const 0) func $a)
        (elem declare func $b $exit)
        (type $int (func (result i32)))
        (data (i32.const 8) "\01") (data $p "\05")
        (func $a (result i32) (i32.const 1)) (func $b (result i32) (i32.const 2))
        (func $begin (i32.store (i32.const 16) (i32.add (i32.load (i32.const 16)) (i32.const 1))))
        (start $begin)
        (func (export "_faasm_zygote") (result i32)
            (global.set $i (i32.const -10)) (global.set $l (i64.const -20))
            (global.set $f (f32.const nan)) (global.set $d (f64.const -0))
            (global.set $v (v128.const i32x4 1 2 3 4)) (global.set $r (ref.func $b))
            (drop (table.grow $t (ref.func $exit) (i32.const 5)))
            (table.set $t (i32.const 1) (ref.func $b))
            (table.set $t (i32.const 0) (ref.null func))
            (drop (memory.grow (i32.const 3)))
            (i32.store (i32.const 262140) (i32.const 77))
            (i32.store (i32.const 12) (i32.load8_u (i32.const 8)))
            (i32.const 0))
        (func $check (param i32 i32)
            (if (i32.eqz (local.get 0)) (then (call $exit (local.get 1)))))
        (func (export "main") (result i32)
            (call $check (i32.eq (global.get $i) (i32.const -10)) (i32.const 1))
            (call $check (i64.eq (global.get $l) (i64.const -20)) (i32.const 2))
            (call $check (f32.ne (global.get $f) (global.get $f)) (i32.const 3))
            (call $check (i64.eq (i64.reinterpret_f64 (global.get $d)) (i64.const 0x8000000000000000)) (i32.const 4))
            (call $check (i32.eq (i32x4.extract_lane 3 (global.get $v)) (i32.const 4)) (i32.const 5))
            (call $check (i32.eq (table.size $t) (i32.const 7)) (i32.const 6))
            (call $check (ref.is_null (table.get $t (i32.const 0))) (i32.const 7))
            (call $check (i32.eq (call_indirect $t (type $int) (i32.const 1)) (i32.const 2)) (i32.const 8))
            (call $check (i32.eq (memory.size) (i32.const 4)) (i32.const 9))
            (call $check (i32.eq (i32.load (i32.const 262140)) (i32.const 77)) (i32.const 10))
            (call $check (i32.eq (i32.load (i32.const 12)) (i32.const 1)) (i32.const 11))
            (call $check (i32.eq (i32.load (i32.const 16)) (i32.const 1)) (i32.const 12))
            (call $check (i32.eqz (ref.is_null (global.get $r))) (i32.const 13))
            (memory.init $p (i32.const 20) (i32.const 0) (i32.const 1))
            (call $check (i32.eq (i32.load8_u (i32.const 20)) (i32.const 5)) (i32.const 14))
            ;; Dirties everything; and exits with 0 through the table.
            (global.set $i (i32.const 0)) (i32.store (i32.const 16) (i32.const 9))
            (table.set $t (i32.const 1) (ref.null func)) (drop (memory.grow (i32.const 1)))
            (i32.const 0) (call_indirect $t (param i32) (i32.const 6))
            (i32.const 15)))"#;
    server.put("demo/f", module).await;
    for _ in 0..3 {
        let _ = server.call("demo/f", "").await.expect(200);
    }
}

#[tokio::test]
async fn a_memory_that_nobody_exports_is_kept_as_well() {
    let server = Server::start().await;
    for name in ["", r#"(export "mine")"#] {
        let module = format!(
            r#"(module (memory {name} 1) (data (i32.const 0) "\01\02")
            (func (export "_faasm_zygote")
                (i32.store8 (i32.const 1) (i32.const 3)) (drop (memory.grow (i32.const 1)))
                (i32.store8 (i32.const 100000) (i32.const 4)))
            (func (export "main") (result i32) (local $right i32)
                (local.set $right (i32.and (i32.eq (i32.load (i32.const 0)) (i32.const 0x301))
                    (i32.and (i32.eq (i32.load (i32.const 100000)) (i32.const 4))
                        (i32.eq (memory.size) (i32.const 2)))))
                (i32.store (i32.const 0) (i32.const 0))
                (i32.eqz (local.get $right))))"#
        );
        server.put("demo/f", module).await;
        for _ in 0..3 {
            let _ = server.call("demo/f", "").await.expect(200);
        }
        assert_eq!(image(&server).await["bytes"], 8192);
    }
}

#[tokio::test]
async fn pages_that_are_zeros_are_not_stored() {
    let server = Server::start().await;
    let module = r#"(module (memory (export "memory") 1)
        (func (export "_faasm_zygote")
            (drop (memory.grow (i32.const 1600)))
            (i32.store8 (i32.const 0) (i32.const 1))
            (i32.store8 (i32.const 104857600) (i32.const 2)))
        (func (export "main") (result i32)
            (i32.ne (i32.const 3) (i32.add (i32.load (i32.const 52428800))
                (i32.add (i32.load (i32.const 0)) (i32.load (i32.const 104857600)))))))"#;
    server.put("demo/f", module).await;
    for _ in 0..3 {
        let _ = server.call("demo/f", "").await.expect(200);
    }
    let image = image(&server).await;
    assert_eq!(image["bytes"], 8192, "{image}");
    assert_eq!(image["memory_bytes"], 1601 * 65_536, "{image}");
    let stored = stored_images(&server).remove(0);
    let length = std::fs::metadata(&stored).unwrap().len();
    assert!((8192..16_384).contains(&length), "{length}");
}

#[tokio::test]
async fn segments_that_the_initialiser_drops_are_there_again() {
    let server = Server::start().await;
    let module = r#"(module (memory (export "memory") 1) (data $d "\05") (table 1 funcref)
        (elem $e func $f) (func $f)
        (func (export "_faasm_zygote")
            (data.drop $d) (elem.drop $e) (i32.store (i32.const 8) (i32.const 1)))
        (func (export "main") (result i32)
            (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))
            (table.init $e (i32.const 0) (i32.const 0) (i32.const 1))
            (i32.ne (i32.load8_u (i32.const 0)) (i32.const 5))))"#;
    server.put("demo/f", module).await;
    assert_ne!(image(&server).await, Value::Null);
    let _ = server.call("demo/f", "").await.expect(200);
}
