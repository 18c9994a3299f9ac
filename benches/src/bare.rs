//! The bare limits: the same work with nothing of faasm around it.

use std::future::Future;
use std::io::Write;
use std::pin::Pin;

use wasmtime::{
    Caller, Config, Enabled, Engine, Extern, InstanceAllocationStrategy, InstancePre, Linker,
    Module, PoolingAllocationConfig, Store,
};

/// The state that the imports of a no-op need.
#[derive(Default)]
pub struct Host {
    exit: Option<i32>,
}

/// Whether compiled code looks at loops' ends and functions' starts whether it should stop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Epochs {
    Checked,
    Off,
}

/// An engine with the best settings for starts that were found.
pub fn engine(slots: u32, epochs: Epochs) -> wasmtime::Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(slots)
        .total_memories(slots)
        .total_tables(slots)
        .total_stacks(slots)
        .decommit_batch_size(1);
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.linear_memory_keep_resident(1 << 20)
            .table_keep_resident(4096)
            .pagemap_scan(Enabled::Yes);
    }
    let mut config = Config::new();
    config
        .concurrency_support(false)
        .epoch_interruption(epochs == Epochs::Checked)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config)
}

/// A C no-op with the least that its imports need.
pub fn prepare(engine: &Engine, wasm: &[u8]) -> wasmtime::Result<InstancePre<Host>> {
    const WASI: &str = "wasi_snapshot_preview1";
    let mut linker: Linker<Host> = Linker::new(engine);
    linker.func_wrap(
        WASI,
        "proc_exit",
        |mut host: Caller<'_, Host>, code: i32| -> wasmtime::Result<()> {
            host.data_mut().exit = Some(code);
            Err(wasmtime::Error::msg("exit"))
        },
    )?;
    linker.func_wrap(
        WASI,
        "args_sizes_get",
        |mut host: Caller<'_, Host>, argc: u32, size: u32| {
            if let Some(Extern::Memory(memory)) = host.get_export("memory") {
                let _ = memory.write(&mut host, argc as usize, &[0; 4]);
                let _ = memory.write(&mut host, size as usize, &[0; 4]);
            }
            0
        },
    )?;
    let module = Module::new(engine, wasm)?;
    // Whatever else the C library imports is not called by a no-op.
    linker.define_unknown_imports_as_traps(&module)?;
    linker.instantiate_pre(&module)
}

/// Instantiates, runs and drops.
pub fn call(pre: &InstancePre<Host>) -> wasmtime::Result<()> {
    let mut store = Store::new(pre.module().engine(), Host::default());
    let instance = pre.instantiate(&mut store)?;
    let start = instance.get_typed_func::<(), ()>(&mut store, "_start")?;
    match start.call(&mut store, ()) {
        Err(_) if store.data().exit == Some(0) => Ok(()),
        other => other,
    }
}

/// A bare axum handler that reads a body and answers as many bytes as faasm's no-op.
pub async fn serve_http() -> anyhow::Result<()> {
    let handler = |body: bytes::Bytes| async move {
        std::hint::black_box(body);
        "ok\n"
    };
    let router = axum::Router::new().route("/invoke/demo/noop", axum::routing::post(handler));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    axum::serve(listener, router).await?;
    Ok(())
}

/// Holds `count` instances suspended in a host call, and prints the memory each takes.
pub fn hold_instances(count: u32) -> anyhow::Result<()> {
    let before = rss()?;
    let held = suspend_instances(count).map_err(plain)?;
    println!("{}", rss()?.saturating_sub(before) / u64::from(count));
    drop(held);
    Ok(())
}

type Suspended = Pin<Box<dyn Future<Output = wasmtime::Result<()>>>>;

fn suspend_instances(count: u32) -> wasmtime::Result<Vec<Suspended>> {
    const GUEST: &str = r#"(module (import "h" "wait" (func $wait)) (memory (export "memory") 2)
        (func (export "_start") (i32.store (i32.const 1024) (i32.const 7)) call $wait))"#;
    let engine = engine(count + 16, Epochs::Off)?;
    let mut linker: Linker<()> = Linker::new(&engine);
    linker.func_wrap_async("h", "wait", |_, (): ()| {
        Box::new(std::future::pending::<()>())
    })?;
    let pre = linker.instantiate_pre(&Module::new(&engine, GUEST)?)?;
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut held: Vec<Suspended> = Vec::new();
    for _ in 0..count {
        let (pre, engine) = (pre.clone(), engine.clone());
        let mut instance: Suspended = Box::pin(async move {
            let mut store = Store::new(&engine, ());
            let instance = pre.instantiate_async(&mut store).await?;
            let start = instance.get_typed_func::<(), ()>(&mut store, "_start")?;
            start.call_async(&mut store, ()).await
        });
        assert!(
            instance.as_mut().poll(&mut context).is_pending(),
            "it must wait"
        );
        held.push(instance);
    }
    Ok(held)
}

/// wasmtime's error type is its own.
pub fn plain(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:#}")
}

/// This process's resident memory in bytes.
fn rss() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: u64 = line.unwrap_or("0").trim().trim_end_matches(" kB").parse()?;
    Ok(kib << 10)
}
