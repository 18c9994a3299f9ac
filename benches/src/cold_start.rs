//! `cold-start`: a fresh Faaslet for every call of a C no-op, on the path that HTTP takes.

use std::sync::Arc;

use faasm_calllog::{CallLog, EmbeddedLog};
use faasm_calls::Calls;
use faasm_faaslet::{Faaslets, MemoryBudget, Options};
use faasm_model::{FunctionName, Invocation};
use faasm_state::State;
use faasm_state::tier::{EmbeddedOptions, EmbeddedTier};
use faasm_storage::{DataDirLock, Storage};

use crate::bare;
use crate::stats::{Latencies, alternate, repeat};

pub fn run(seconds: f64) -> anyhow::Result<()> {
    let wasm = faasm_testkit::c("int main(void) { return 0; }");
    let dir = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let name = FunctionName::new("demo", "noop")?;
    // As in the server: every call is counted and has a span.
    tracing_subscriber::fmt().with_writer(std::io::sink).init();
    let _metrics = runtime.block_on(async { faasm_http::install_metrics() })?;
    let calls = runtime.block_on(start(dir.path(), &name, wasm.clone()))?;
    let pre = bare::engine(1_000).and_then(|engine| bare::prepare(&engine, &wasm));
    let pre = pre.map_err(bare::plain)?;

    let (mut ours, mut theirs) = (Latencies::default(), Latencies::default());
    alternate(
        seconds,
        |seconds| {
            runtime.block_on(async {
                let begun = std::time::Instant::now();
                while begun.elapsed().as_secs_f64() < seconds {
                    let invocation = Invocation::new(name.clone(), "");
                    let at = std::time::Instant::now();
                    let finished = calls.run(invocation).await;
                    ours.add(at.elapsed());
                    assert!(finished.is_ok_and(|call| call.outcome.is_success()));
                }
            });
        },
        |seconds| {
            repeat(seconds, || {
                theirs.time(|| bare::call(&pre)).unwrap_or_default()
            })
        },
    );
    println!("cold-start: instantiate, run and drop a C no-op");
    println!("  faasm          {}", ours.line());
    println!("  bare wasmtime  {}", theirs.line());
    println!(
        "  ratio of p50   {:.2}   (goal: at most 2, and p50 below 25 µs)",
        ours.us(0.5) / theirs.us(0.5)
    );
    Ok(())
}

async fn start(
    dir: &std::path::Path,
    name: &FunctionName,
    wasm: bytes::Bytes,
) -> anyhow::Result<Calls> {
    let storage = Storage::open(DataDirLock::acquire(dir, "benchmark")?).await?;
    let options = Options::default();
    let tier = EmbeddedTier::open(&dir.join("state"), EmbeddedOptions::default())?;
    let budget = MemoryBudget::new(options.memory_budget);
    let state = State::new(Arc::new(tier), &budget, faasm_state::Options::default())?;
    let faaslets = Faaslets::new(options, storage.clone(), state)?;
    let mut upload = storage.spool().create(1 << 30);
    upload.write(wasm).await?;
    faaslets.publish(name, upload.finish().await?).await?;
    let log: Arc<dyn CallLog> = Arc::new(EmbeddedLog::open(&dir.join("calls"))?);
    Ok(Calls::start(faasm_calls::Options::default(), faaslets, log).await?)
}
