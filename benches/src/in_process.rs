//! faasm without its HTTP: the path that calls take behind it.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use bytes::Bytes;
use faasm_calllog::{CallLog, EmbeddedLog};
use faasm_calls::Calls;
use faasm_faaslet::{Faaslets, MemoryBudget, Options, PythonRuntime};
use faasm_model::{FunctionName, Invocation, Target};
use faasm_state::State;
use faasm_state::tier::{EmbeddedOptions, EmbeddedTier};
use faasm_storage::{DataDirLock, Storage};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::stats::Latencies;

/// Several of them are in one process, and share its address space.
const MAX_FAASLETS: u32 = 1_024;

/// A deployment with one function, in a directory of its own.
#[derive(Clone)]
pub struct InProcess {
    calls: Calls,
    invocation: Invocation,
    storage: Storage,
    _dir: Arc<TempDir>,
}

impl InProcess {
    pub async fn start(function: Bytes) -> anyhow::Result<Self> {
        let (target, python) = (Target::Wasm, None);
        Self::start_with(python, target, function, Bytes::new()).await
    }

    /// With a Python file, which is called with `input`.
    pub async fn start_python(
        runtime: PythonRuntime,
        source: &'static str,
        input: &'static str,
    ) -> anyhow::Result<Self> {
        let (source, input) = (Bytes::from(source), Bytes::from(input));
        Self::start_with(Some(runtime), Target::PYTHON, source, input).await
    }

    async fn start_with(
        python: Option<PythonRuntime>,
        target: Target,
        function: Bytes,
        input: Bytes,
    ) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let storage = Storage::open(DataDirLock::acquire(dir.path(), "benchmark")?).await?;
        let options = Options {
            max_faaslets: MAX_FAASLETS,
            python,
            ..Options::default()
        };
        let state = open_state(dir.path(), &options)?;
        let faaslets = Faaslets::new(options, storage.clone(), state)?;
        let name = FunctionName::new("demo", "function")?;
        let mut upload = storage.spool().create(1 << 30);
        upload.write(function).await?;
        let upload = upload.finish().await?;
        match target {
            Target::Python { .. } => faaslets.publish_python(&name, upload).await?,
            Target::Wasm | Target::Mpi { .. } => faaslets.publish(&name, upload).await?,
        };
        let log: Arc<dyn CallLog> = Arc::new(EmbeddedLog::open(&dir.path().join("calls"))?);
        let calls = Calls::start(
            faasm_calls::Options::default(),
            faaslets,
            faasm_calls::Company::Alone(log),
        )
        .await?;
        Ok(Self {
            calls,
            invocation: Invocation {
                target,
                ..Invocation::new(name, input)
            },
            storage,
            _dir: Arc::new(dir),
        })
    }

    pub fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Calls the function over and over, and adds the latencies.
    pub async fn call_for(&self, seconds: f64, latencies: &mut Latencies) -> anyhow::Result<()> {
        let begun = Instant::now();
        while begun.elapsed().as_secs_f64() < seconds {
            let invocation = self.invocation.clone();
            let at = Instant::now();
            let finished = self.calls.run(invocation).await;
            latencies.add(at.elapsed());
            let call = finished.ok().filter(|call| call.outcome.is_success());
            call.context("a call failed")?;
        }
        Ok(())
    }
}

/// As in the server, every call is counted and has a span, from now on. That is for the whole
/// process: nothing happens when it is so already.
pub fn observe(runtime: &Runtime) -> anyhow::Result<()> {
    let spans = tracing_subscriber::fmt().with_writer(std::io::sink);
    if spans.try_init().is_ok() {
        runtime.block_on(async { faasm_http::install_metrics() })?;
    }
    Ok(())
}

fn open_state(dir: &Path, options: &Options) -> anyhow::Result<State> {
    let tier = EmbeddedTier::open(&dir.join("state"), EmbeddedOptions::default())?;
    let budget = MemoryBudget::new(options.memory_budget);
    Ok(State::new(
        Arc::new(tier),
        &budget,
        faasm_state::Options::default(),
    )?)
}
