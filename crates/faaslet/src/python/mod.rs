//! Python functions: files that an interpreter runs, which is a module like any other.
//!
//! The interpreter is compiled and initialised once for a machine: that leaves the **base**
//! image. An uploaded file is imported once, on top of that image, which leaves the file's own.
//! A call starts from that and does nothing but run the function.

mod base;
mod cache;
mod function;
mod host;
mod refused;
mod source;

use std::path::PathBuf;
use std::sync::Arc;

use faasm_model::Target;
use tokio::sync::OnceCell;
use wasmtime::Engine;

use crate::engine;
use crate::faaslets::Shared;
use crate::host::Linkers;
use crate::image;
use crate::modules::{Disk, Unavailable};
use base::Base;

pub(crate) use host::add as add_host_functions;
pub(crate) use refused::Failed;
pub use refused::PythonRefused;

/// Where an interpreter for Python functions is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PythonRuntime {
    /// The interpreter: a module.
    pub wasm: PathBuf,
    /// The standard library: an archive whose entries are not compressed.
    pub library: PathBuf,
    /// Where the guest finds the library.
    pub library_path: String,
    /// A directory for what is made of the interpreter. Another is used if it cannot be written.
    pub cache: PathBuf,
}

/// The interpreter of this server.
pub(crate) struct Python {
    runtime: PythonRuntime,
    disk: Disk,
    base: OnceCell<Arc<Base>>,
}

impl Python {
    /// Nothing is read before it is needed. `disk` compiles.
    pub(crate) fn new(
        runtime: PythonRuntime,
        engine: &Engine,
        disk: &Disk,
        spare: &std::path::Path,
    ) -> Result<Self, crate::Error> {
        let linkers = Linkers::for_python(engine).map_err(crate::Error::Engine)?;
        let compatibility = engine::compatibility(engine).map_err(crate::Error::Storage)?;
        let form = format!("{compatibility}-{}", image::FORMAT);
        let artifacts = match cache::open(&runtime.cache, &form) {
            Ok(artifacts) => artifacts,
            Err(error) => {
                tracing::info!(%error, "what is made of the Python runtime is kept in the data directory");
                cache::open(spare, &form).map_err(crate::Error::Storage)?
            }
        };
        Ok(Self {
            runtime,
            disk: disk.with(linkers, artifacts),
            base: OnceCell::new(),
        })
    }

    /// The interpreter, ready. Made ready by whoever is first.
    pub(crate) async fn base(&self, shared: &Arc<Shared>) -> Result<&Arc<Base>, Unavailable> {
        let make = || async { Base::open(self, shared).await.map(Arc::new) };
        self.base.get_or_try_init(make).await
    }
}

/// The function of a Python file that a call runs.
pub(crate) fn entry(target: &Target) -> Option<&str> {
    match target {
        Target::Wasm | Target::Mpi { .. } => None,
        Target::Python { entry } => {
            let entry = entry.as_ref().map(faasm_model::Name::as_str);
            Some(entry.unwrap_or(Target::PYTHON_ENTRY))
        }
    }
}
