//! faasm without its HTTP: the path that calls take behind it.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use bytes::Bytes;
use faasm_calllog::{CallLog, EmbeddedLog};
use faasm_calls::Calls;
use faasm_faaslet::{Faaslets, MemoryBudget, Options};
use faasm_model::{FunctionName, Invocation};
use faasm_state::State;
use faasm_state::tier::{EmbeddedOptions, EmbeddedTier};
use faasm_storage::{DataDirLock, Storage};
use tempfile::TempDir;

use crate::stats::Latencies;

/// Several of them are in one process, and share its address space.
const MAX_FAASLETS: u32 = 1_024;

/// A deployment with one function, in a directory of its own.
#[derive(Clone)]
pub struct InProcess {
    calls: Calls,
    function: FunctionName,
    storage: Storage,
    _dir: Arc<TempDir>,
}

impl InProcess {
    pub async fn start(function: Bytes) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let storage = Storage::open(DataDirLock::acquire(dir.path(), "benchmark")?).await?;
        let options = Options {
            max_faaslets: MAX_FAASLETS,
            ..Options::default()
        };
        let state = open_state(dir.path(), &options)?;
        let faaslets = Faaslets::new(options, storage.clone(), state)?;
        let name = FunctionName::new("demo", "function")?;
        let mut upload = storage.spool().create(1 << 30);
        upload.write(function).await?;
        faaslets.publish(&name, upload.finish().await?).await?;
        let log: Arc<dyn CallLog> = Arc::new(EmbeddedLog::open(&dir.path().join("calls"))?);
        let calls = Calls::start(faasm_calls::Options::default(), faaslets, log).await?;
        Ok(Self {
            calls,
            function: name,
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
            let invocation = Invocation::new(self.function.clone(), "");
            let at = Instant::now();
            let finished = self.calls.run(invocation).await;
            latencies.add(at.elapsed());
            let call = finished.ok().filter(|call| call.outcome.is_success());
            call.context("a call failed")?;
        }
        Ok(())
    }
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
