"""The functions that are called, as WebAssembly text."""

NOOP = '(module (memory (export "memory") 1) (func (export "_start")))'


def module(imports, body, data=""):
    """A function that does `body` at each call; each import is a name, its parameters and its results."""
    lines = "".join(
        f'(import "env" "__faasm_{name}" (func ${name} (param{" i32" * params}) (result{" i32" * results})))'
        for name, params, results in imports
    )
    return f'(module {lines} (memory (export "memory") 1) {data} (func (export "_start") {body}))'


KEY = '(data (i32.const 0) "key\\00")'

# Calls the no-op, and waits for it.
CHAIN = module(
    [("chain_name", 3, 1), ("await_call", 1, 1)],
    "(drop (call $await_call (call $chain_name (i32.const 0) (i32.const 0) (i32.const 0))))",
    '(data (i32.const 0) "noop\\00")',
)

READ = module(
    [("read_state", 3, 1)],
    "(drop (call $read_state (i32.const 0) (i32.const 64) (i32.const 16)))",
    KEY,
)

# Adds one to a number at the beginning of a value of 1 MiB that is mapped.
CHANGE = module(
    [("read_state_ptr", 2, 1)],
    "(local $at i32) (local.set $at (call $read_state_ptr (i32.const 0) (i32.const 1048576)))"
    "(i64.store (local.get $at) (i64.add (i64.load (local.get $at)) (i64.const 1)))",
    KEY,
)

APPEND = module(
    [("append_state", 3, 0)],
    "(call $append_state (i32.const 0) (i32.const 64) (i32.const 16))",
    KEY,
)

LOCK = module(
    [("lock_state_global", 1, 0), ("unlock_state_global", 1, 0)],
    "(call $lock_state_global (i32.const 0)) (call $unlock_state_global (i32.const 0))",
    KEY,
)

# Answers 1 KiB.
ANSWER = module([("write_output", 2, 0)], "(call $write_output (i32.const 0) (i32.const 1024))")

# Waits for an hour, or until somebody ends it.
SLEEP = """(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.const 3600000000000))
    (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))))"""


def different(number):
    """One of many modules that are no copies of each other."""
    return f'(module (memory (export "memory") 1) (func (export "_start") (drop (i32.const {number}))))'
