//! Runs calls of functions in **Faaslets**: isolated WebAssembly instances of one
//! process. Each runs one call; what is used again is cleared first, and only for the same function.
//!
//! [`Faaslets`] is the handle. [`Faaslets::publish`] checks, compiles and stores an
//! uploaded module; [`Faaslets::execute`] runs one call of it: it takes a warm slot of
//! wasmtime's pool, instantiates, runs, and tears down. A guest reaches other calls
//! through [`Chain`], which whoever schedules calls implements.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use faasm_faaslet::{Faaslets, MemoryBudget, Options};
//! use faasm_model::{FunctionName, Target};
//! use faasm_state::State;
//! use faasm_state::tier::{EmbeddedOptions, EmbeddedTier};
//! use faasm_storage::{DataDirLock, Storage};
//!
//! let lock = DataDirLock::acquire("data".as_ref(), "an example")?;
//! let storage = Storage::open(lock).await?;
//! let tier = EmbeddedTier::open("data/state".as_ref(), EmbeddedOptions::default())?;
//! let budget = MemoryBudget::new(1 << 30);
//! let state = State::new(std::sync::Arc::new(tier), &budget, Default::default())?;
//! let faaslets = Faaslets::new(Options::default(), storage, state)?;
//! let name = FunctionName::new("demo", "hello")?;
//! assert!(faaslets.function(&name, &Target::Wasm).is_none());
//! # Ok(())
//! # }
//! ```

mod backtrace;
mod binary;
mod call;
mod capture;
mod engine;
mod faaslet;
mod faaslets;
mod faults;
mod files;
mod handles;
mod host;
mod image;
mod loaded;
mod mappings;
#[cfg(test)]
mod mappings_tests;
mod memory;
mod modules;
mod nesting;
mod options;
mod page_map;
mod prepare;
mod publish;
mod python;
mod refusal;
mod run;
mod stop;
mod ticker;
mod turns;
mod usage;
mod waiting;
mod warm;
mod world;

pub use call::{Call, Callee, Chain, ChainRefused, Code, Entry, NoMemory};
pub use faaslets::{Error, Faaslets, ImageInfo};
pub use faasm_budget::{Charge, MemoryBudget};
pub use options::Options;
pub use publish::PublishError;
pub use python::{PythonRefused, PythonRuntime};
pub use refusal::Refusal;
pub use run::Executed;
pub use world::{Placement, World, WorldAborted, WorldLink, WorldPart, WorldRank};
