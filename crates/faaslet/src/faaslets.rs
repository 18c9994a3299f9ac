//! The handle to everything that runs Faaslets.

use std::sync::Arc;

use faasm_model::{FunctionName, Limits, Target};
use faasm_state::State;
use faasm_storage::{Compat, FunctionRecord, Functions, Storage};
use faasm_vfs::Spill;
use tokio::sync::Semaphore;

use crate::engine;
use crate::files::SharedTree;
use crate::host::Linkers;
use crate::modules::{Disk, Modules};
use crate::options::Options;
use crate::python::Python;
use crate::ticker::Ticker;
use crate::turns::Turns;
use crate::warm::Warm;
use faasm_budget::{MemoryBudget, UserBudgets};

/// Stores and runs functions. Cheap to clone.
#[derive(Clone)]
pub struct Faaslets(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) storage: Storage,
    pub(crate) state: State,
    pub(crate) modules: Modules,
    pub(crate) python: Option<Python>,
    pub(crate) budget: MemoryBudget,
    /// Of that, what calls take: memory, output, scratch files, messages.
    pub(crate) user_budgets: UserBudgets,
    /// Faaslets kept for later calls.
    pub(crate) warm: Warm,
    pub(crate) ticker: Ticker,
    pub(crate) cold_start_seconds: metrics::Histogram,
    pub(crate) turns: Arc<Turns>,
    /// Stacks for what host functions call in guests.
    pub(crate) spare_stacks: Arc<Semaphore>,
    /// The tree under every call's scratch files.
    pub(crate) shared_files: Arc<dyn faasm_vfs::Lower>,
    /// Where scratch files go that are too large for memory.
    pub(crate) spill: Spill,
}

/// What a function's initialiser has left, from which every call starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageInfo {
    /// Memory that it takes, in bytes, however many calls use it.
    pub bytes: u64,
    /// Linear memory that a call has from the start, in bytes.
    pub memory_bytes: u64,
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

impl Shared {
    /// The functions of a kind.
    pub(crate) fn functions(&self, target: &Target) -> &Functions {
        match target {
            Target::Wasm | Target::Mpi { .. } => self.storage.functions(),
            Target::Python { .. } => self.storage.python(),
        }
    }
}

impl Faaslets {
    /// Makes the engine and its pool of slots. Everything is charged to the memory budget
    /// that `state` is charged to.
    pub fn new(options: Options, storage: Storage, state: State) -> Result<Self, Error> {
        let engine = engine::engine(&options).map_err(Error::Engine)?;
        let linkers = Linkers::new(&engine).map_err(Error::Engine)?;
        let compatibility = engine::compatibility(&engine).map_err(Error::Storage)?;
        storage
            .artifacts()
            .retain_compat(&compatibility)
            .map_err(Error::Storage)?;
        let ticker = Ticker::start(&engine).map_err(Error::Ticker)?;
        let budget = state.budget().clone();
        let artifacts = storage.artifacts().clone();
        let disk = Disk::new(
            engine.clone(),
            linkers,
            artifacts,
            compatibility,
            budget.clone(),
        );
        let spare = storage.lock().data_dir().join("cache/python");
        let python = options.python.clone();
        let python = python.map(|runtime| Python::new(runtime, &engine, &disk, &spare));
        Ok(Self(Arc::new(Shared {
            shared_files: Arc::new(SharedTree::new(storage.files().clone())),
            spill: Spill {
                directory: storage.spool().directory().into(),
                above: options.max_scratch_memory_bytes,
            },
            user_budgets: UserBudgets::new(budget.clone(), options.max_user_memory.clone()),
            turns: Turns::new(options.processors),
            spare_stacks: Arc::new(Semaphore::new(engine::spare_stacks(&options) as usize)),
            options,
            modules: Modules::new(disk, storage.clone(), &budget),
            python: python.transpose()?,
            budget,
            warm: Warm::new(),
            storage,
            state,
            ticker,
            cold_start_seconds: metrics::histogram!("faasm_cold_start_seconds"),
        })))
    }

    /// The function of that name and kind, if there is one.
    pub fn function(&self, name: &FunctionName, target: &Target) -> Option<Arc<FunctionRecord>> {
        self.0.functions(target).get(name)
    }

    /// The limits of a call of this function.
    pub fn limits(&self, record: &FunctionRecord) -> Limits {
        record.limits.over(&self.0.options.limits)
    }

    /// The image that calls of this function start from, if it has one. Loads the function if
    /// nobody has called it yet; one that cannot be loaded has none.
    pub async fn image(&self, record: &Arc<FunctionRecord>, target: &Target) -> Option<ImageInfo> {
        let loaded = self.0.modules.get(&self.0, record, target).await.ok()?;
        let image = loaded.image.as_ref()?;
        Some(ImageInfo {
            bytes: image.bytes(),
            memory_bytes: image.memory_bytes(),
        })
    }

    /// What compiled code fits here: servers with the same can share theirs.
    pub fn compatibility(&self) -> &Compat {
        self.0.modules.compatibility()
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
        self.0.warm.clear();
    }
}
