//! The one place where wasmtime is configured: server, precompiler and benchmarks use
//! the same engine, since compiled code is only accepted by an equal one.

use std::hash::{DefaultHasher, Hash, Hasher};

use faasm_storage::Compat;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::options::Options;
use crate::warm::MAX_KEPT;

/// The least and greatest number of bytes of a used memory slot that stay resident, so
/// that the next Faaslet in it need not fault them in again (about 2 µs a page).
const KEEP_RESIDENT: std::ops::RangeInclusive<u64> = (128 << 10)..=(1 << 20);

/// Room for host frames on a fiber's stack, above what wasm may use of it.
const HOST_STACK: usize = 256 << 10;

/// Makes the engine that `options` describe.
pub(crate) fn engine(options: &Options) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .concurrency_support(false)
        .max_wasm_stack(options.max_stack_bytes)
        .async_stack_size(options.max_stack_bytes + HOST_STACK)
        .wasm_multi_memory(false)
        // The host interface has 32-bit pointers.
        .wasm_memory64(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(options)));
    Engine::new(&config)
}

/// Stacks beside one for each Faaslet, for the guests' `malloc`, which host functions call. Each
/// takes two memory mappings all the time, of which a process has few.
pub(crate) fn spare_stacks(options: &Options) -> u32 {
    (options.max_faaslets / 8).max(64)
}

fn pool(options: &Options) -> PoolingAllocationConfig {
    let slots = options
        .max_faaslets
        .saturating_add(INITIALISERS + 2 * MAX_KEPT);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(slots)
        .total_memories(slots)
        .total_tables(slots)
        .total_stacks(slots.saturating_add(spare_stacks(options)))
        .max_memory_size(4 << 30)
        .table_elements(faasm_model::LimitOverrides::MAX_TABLE_ELEMENTS as usize)
        .max_core_instance_size(16 << 20)
        .max_unused_warm_slots(slots.min(1_000))
        .decommit_batch_size(1);
    // Without the scan the kernel cannot say which pages are dirty, and clearing kept
    // pages by hand costs more than faulting them in.
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        let share = options.memory_budget / 16 / u64::from(slots.max(1));
        let keep = share.clamp(*KEEP_RESIDENT.start(), *KEEP_RESIDENT.end()) & !4095;
        pool.pagemap_scan(Enabled::Yes)
            .linear_memory_keep_resident(keep as usize)
            .table_keep_resident(4096);
    }
    pool
}

/// Initialisers that run at a time, beside the Faaslets of calls.
pub(crate) const INITIALISERS: u32 = 4;

/// Changes with what is done to modules before they are compiled.
const FORM: u32 = 2;

/// Names the compiled code that this engine accepts: other versions of wasmtime, other
/// settings and other processors have other names.
pub(crate) fn compatibility(engine: &Engine) -> Result<Compat, faasm_storage::Error> {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    Compat::new(&format!("{:016x}-{FORM}", hasher.finish()))
}
