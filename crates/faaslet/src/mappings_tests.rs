//! The guard that undoes mappings, in a pool with one slot: however a guest ends, the next
//! one in its memory finds zeros, and what it writes there reaches nobody's state.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use faasm_budget::MemoryBudget;
use faasm_model::{CallId, FunctionName, Key};
use faasm_state::tier::{EmbeddedOptions, EmbeddedTier};
use faasm_state::{Party, Session, State};
use futures::FutureExt;
use futures::executor::block_on;
use tempfile::TempDir;
use wasmtime::{Engine, Instance, InstanceAllocationStrategy, Linker, Memory, Module};
use wasmtime::{PoolingAllocationConfig, Store};

use crate::faults;
use crate::mappings::Mappings;

const GUEST: &str = r#"(module
    (import "host" "panic" (func $panic))
    (import "host" "wait" (func $wait))
    (memory (export "memory") 1)
    (func (export "store") (param $at i32) (i32.store8 (local.get $at) (i32.const 77)))
    (func (export "trap") (param $at i32) (i32.store8 (local.get $at) (i32.const 77)) unreachable)
    (func (export "panic") (param $at i32) (i32.store8 (local.get $at) (i32.const 77)) (call $panic))
    (func (export "wait") (param $at i32) (i32.store8 (local.get $at) (i32.const 77)) (call $wait))
    (func (export "grow") (param $at i32)
      (i32.store8 (local.get $at) (i32.const 77)) (drop (memory.grow (i32.const 5))))
    (func (export "check") (param $pages i32) (local $at i32) (local $end i32)
      (drop (memory.grow (local.get $pages)))
      (local.set $at (i32.const 65536))
      (local.set $end (i32.mul (memory.size) (i32.const 65536)))
      (loop $next
        (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then unreachable))
        (i64.store (local.get $at) (i64.const -1))
        (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (local.get $end))))))"#;

const VALUE: u64 = 200_000;

struct World {
    engine: Engine,
    module: Module,
    state: State,
    runtime: tokio::runtime::Runtime,
    _dir: TempDir,
}

struct Guest {
    store: Store<Mappings>,
    instance: Instance,
    memory: Memory,
}

impl World {
    fn new() -> Self {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_memories(1)
            .total_core_instances(1)
            .total_stacks(1);
        let mut config = wasmtime::Config::new();
        config
            .concurrency_support(false)
            .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = Engine::new(&config).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let _context = runtime.enter();
        let tier = EmbeddedTier::open(dir.path(), EmbeddedOptions::default()).unwrap();
        let budget = MemoryBudget::new(1 << 30);
        Self {
            module: Module::new(&engine, GUEST).unwrap(),
            state: State::new(Arc::new(tier), &budget, Default::default()).unwrap(),
            engine,
            runtime: {
                drop(_context);
                runtime
            },
            _dir: dir,
        }
    }

    fn session(&self) -> Session {
        self.state.session(Party {
            call: CallId::new(1).unwrap(),
            function: FunctionName::new("demo", "f").unwrap(),
        })
    }

    fn guest(&self) -> Guest {
        let mut linker = Linker::new(&self.engine);
        let panic = || -> () { panic!("a host function that panics on purpose") };
        linker.func_wrap("host", "panic", panic).unwrap();
        let waits = linker.func_wrap_async("host", "wait", |_, (): ()| {
            Box::new(std::future::pending::<()>())
        });
        waits.unwrap();
        let mut store = Store::new(&self.engine, Mappings::new());
        let table = Arc::clone(store.data().table());
        faults::serve(&mut store, table);
        let instance = linker.instantiate_async(&mut store, &self.module);
        let instance = block_on(instance).unwrap();
        let memory = instance.get_memory(&mut store, "memory").unwrap();
        Guest {
            store,
            instance,
            memory,
        }
    }

    /// Maps the value into the guest and returns where.
    fn map(&self, guest: &mut Guest) -> u32 {
        let session = self.session();
        let key = Key::new("value").unwrap();
        let part = self.runtime.block_on(session.part(&key, VALUE, 0, VALUE));
        let view = session.map(&part.unwrap()).unwrap();
        let pages = view.length().div_ceil(65_536);
        let start = guest.memory.grow(&mut guest.store, pages).unwrap() * 65_536;
        let start = u32::try_from(start).unwrap();
        let address = guest
            .memory
            .data_ptr(&guest.store)
            .wrapping_add(start as usize);
        // SAFETY: the pages are new, and nobody has a reference into them.
        unsafe { guest.store.data().add(address, start, view) }.unwrap();
        start
    }

    fn value(&self) -> Vec<u8> {
        let key = Key::new("value").unwrap();
        let session = self.session();
        let read = session.read(&key, 0, VALUE);
        self.runtime.block_on(read).unwrap()
    }
}

impl Guest {
    async fn call(&mut self, name: &str, argument: u32) -> wasmtime::Result<()> {
        let function = self
            .instance
            .get_typed_func::<u32, ()>(&mut self.store, name)?;
        function.call_async(&mut self.store, argument).await
    }
}

/// Has a guest store a byte and end in the way of `end`; the next one must find nothing.
fn ends(end: impl FnOnce(Guest, u32)) {
    let world = World::new();
    let mut guest = world.guest();
    let start = world.map(&mut guest);
    let first = guest.memory.data_ptr(&guest.store) as usize;
    end(guest, start);
    let mut next = world.guest();
    assert_eq!(
        next.memory.data_ptr(&next.store) as usize,
        first,
        "another slot"
    );
    block_on(next.call("check", 20)).unwrap();
    drop(next);
    let value = world.value();
    assert_eq!(value[5], 77);
    assert_eq!(value.iter().filter(|&&byte| byte != 0).count(), 1);
}

#[test]
fn a_return_leaves_nothing() {
    ends(|mut guest, start| block_on(guest.call("store", start + 5)).unwrap());
}

#[test]
fn a_trap_leaves_nothing() {
    ends(|mut guest, start| assert!(block_on(guest.call("trap", start + 5)).is_err()));
}

#[test]
fn a_growth_after_the_mapping_leaves_nothing() {
    ends(|mut guest, start| block_on(guest.call("grow", start + 5)).unwrap());
}

#[test]
fn a_cancelled_future_leaves_nothing() {
    ends(|mut guest, start| assert!(guest.call("wait", start + 5).now_or_never().is_none()));
}

#[test]
fn a_panic_in_a_host_function_leaves_nothing() {
    ends(|mut guest, start| {
        let run = AssertUnwindSafe(move || block_on(guest.call("panic", start + 5)));
        assert!(catch_unwind(run).is_err());
    });
}

#[test]
fn a_store_beside_the_mapping_traps_as_ever() {
    let world = World::new();
    let mut guest = world.guest();
    let start = world.map(&mut guest);
    let end = guest.memory.data_size(&guest.store);
    assert!(block_on(guest.call("store", u32::try_from(end).unwrap())).is_err());
    block_on(guest.call("store", start + 5)).unwrap();
}
