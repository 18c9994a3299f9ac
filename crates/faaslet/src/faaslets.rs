//! The handle to everything that runs Faaslets.

use std::sync::Arc;

use faasm_model::{FunctionName, Limits};
use faasm_state::State;
use faasm_storage::{FunctionRecord, Storage};
use faasm_vfs::Spill;

use crate::files::SharedTree;
use crate::modules::Modules;
use crate::options::Options;
use crate::ticker::Ticker;
use crate::turns::Turns;
use crate::{engine, host};
use faasm_budget::MemoryBudget;

/// Stores and runs functions. Cheap to clone.
#[derive(Clone)]
pub struct Faaslets(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) storage: Storage,
    pub(crate) state: State,
    pub(crate) modules: Modules,
    pub(crate) budget: MemoryBudget,
    pub(crate) ticker: Ticker,
    pub(crate) cold_start_seconds: metrics::Histogram,
    pub(crate) turns: Arc<Turns>,
    /// The tree under every call's scratch files.
    pub(crate) shared_files: Arc<dyn faasm_vfs::Lower>,
    /// Where scratch files go that are too large for memory.
    pub(crate) spill: Spill,
    /// Where those in memory are charged.
    pub(crate) scratch_charge: Arc<dyn faasm_vfs::Charge>,
}

/// Faaslets cannot be run here.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// wasmtime does not start with these options on this machine.
    #[error(
        "the WebAssembly engine does not start: {0:#} (fewer --max-faaslets reserve less address space)"
    )]
    Engine(wasmtime::Error),
    /// The cache of compiled code cannot be used.
    #[error(transparent)]
    Storage(faasm_storage::Error),
    /// The thread that interrupts guests cannot be made.
    #[error("cannot start the ticker thread: {0}")]
    Ticker(std::io::Error),
}

impl Faaslets {
    /// Makes the engine and its pool of slots. Everything is charged to the memory budget
    /// that `state` is charged to.
    pub fn new(options: Options, storage: Storage, state: State) -> Result<Self, Error> {
        let engine = engine::engine(&options).map_err(Error::Engine)?;
        let linker = host::linker(&engine).map_err(Error::Engine)?;
        let compatibility = engine::compatibility(&engine).map_err(Error::Storage)?;
        storage
            .artifacts()
            .retain_compat(&compatibility)
            .map_err(Error::Storage)?;
        let ticker = Ticker::start(&engine).map_err(Error::Ticker)?;
        let budget = state.budget().clone();
        Ok(Self(Arc::new(Shared {
            shared_files: Arc::new(SharedTree::new(storage.files().clone())),
            spill: Spill {
                directory: storage.spool().directory().into(),
                above: options.max_scratch_memory_bytes,
            },
            scratch_charge: Arc::new(Scratch(budget.clone())),
            budget,
            turns: Turns::new(options.processors),
            options,
            modules: Modules::new(engine, linker, storage.clone(), compatibility),
            storage,
            state,
            ticker,
            cold_start_seconds: metrics::histogram!("faasm_cold_start_seconds"),
        })))
    }

    /// The function of that name, if there is one.
    pub fn function(&self, name: &FunctionName) -> Option<Arc<FunctionRecord>> {
        self.0.storage.functions().get(name)
    }

    /// The limits of a call of this function.
    pub fn limits(&self, record: &FunctionRecord) -> Limits {
        record.limits.over(&self.0.options.limits)
    }

    /// The process's memory budget.
    pub fn budget(&self) -> &MemoryBudget {
        &self.0.budget
    }

    /// How many Faaslets are alive.
    pub fn live(&self) -> usize {
        self.0.ticker.live()
    }

    /// Drops every cached module. Never needed for fresh code: modules are cached by
    /// what they are, not by name.
    pub fn flush(&self) {
        self.0.modules.flush();
    }
}

/// Scratch files are charged to the memory budget.
struct Scratch(MemoryBudget);

impl faasm_vfs::Charge for Scratch {
    fn grow(&self, bytes: u64) -> bool {
        self.0.take(bytes)
    }

    fn shrink(&self, bytes: u64) {
        self.0.give(bytes);
    }
}
