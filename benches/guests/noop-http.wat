;; Answers 200 without a body.
(core module $Handler
  (import "host" "drop-request" (func $drop-request (param i32)))
  (import "host" "fields" (func $fields (result i32)))
  (import "host" "response" (func $response (param i32) (result i32)))
  (import "host" "answer" (func $answer (param i32 i32 i32 i32 i64 i32 i32 i32 i32)))
  ;; A second request to the same instance fails: each is to have a fresh one.
  (global $used (mut i32) (i32.const 0))
  (func (export "handle") (param $request i32) (param $out i32)
    (if (global.get $used) (then unreachable))
    (global.set $used (i32.const 1))
    (call $drop-request (local.get $request))
    (call $answer (local.get $out)
      (i32.const 0) (call $response (call $fields))
      (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))
