//! Uploading: checked, compiled, initialised and durable before it is in force.

use std::sync::Arc;

use faasm_model::{FunctionName, Target};
use faasm_storage::{FunctionRecord, SpooledFile};
use tokio::io::AsyncReadExt;

use crate::Faaslets;
use crate::binary;
use crate::modules::{Form, Unavailable};
use crate::python::PythonRefused;
use crate::refusal::Refusal;

/// Why an upload is not in force.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The module cannot be a function.
    #[error(transparent)]
    Refused(Arc<Refusal>),
    /// The data directory failed: often, it is full.
    #[error(transparent)]
    Storage(Arc<faasm_storage::Error>),
    /// The memory budget has no room to compile the module.
    #[error("the server's memory budget has no room to compile {0} bytes of code; try again later")]
    NoMemory(u64),
    /// The memory budget has no room for the function's initialiser, or for what it leaves.
    #[error("the server's memory budget has no room to initialise the function; try again later")]
    NoMemoryForImage,
    /// The Python file cannot be a function.
    #[error(transparent)]
    Python(Arc<PythonRefused>),
    /// There is no interpreter for Python functions.
    #[error(
        "this server runs no Python functions; its operator can: `faasm python install`, then restart it"
    )]
    NoPython,
    /// A fault of the server.
    #[error("{0}")]
    Internal(String),
}

/// Bytes that tell what an upload is.
const HEAD: u64 = 64;

/// Memory that compiling takes, as a multiple of the code's size.
const COMPILE_FACTOR: u64 = 10;

impl Faaslets {
    /// Checks and compiles an uploaded module, runs its initialiser, and stores it under `name`. When this
    /// returns, the function is durable and the next call runs it.
    pub async fn publish(
        &self,
        name: &FunctionName,
        upload: SpooledFile,
    ) -> Result<Arc<FunctionRecord>, PublishError> {
        let shared = &self.0;
        // Rubbish is refused by its first bytes, however much of it there is.
        let head = read(&upload, HEAD).await?;
        binary::format(&head).map_err(|r| PublishError::Refused(Arc::new(r)))?;

        let mut charge = shared.budget.charge();
        let memory = upload.size().saturating_mul(COMPILE_FACTOR);
        if !charge.grow(memory) {
            return Err(PublishError::NoMemory(upload.size()));
        }
        let code = read(&upload, upload.size()).await?;
        let hash = upload.hash();
        let (loaded, initialised) = shared.modules.compile(shared, name, hash, code).await?;
        drop(charge);

        let functions = shared.storage.functions();
        let record = functions.put(name.clone(), upload, initialised).await;
        let record = record.map_err(Unavailable::from)?;
        shared
            .modules
            .keep(Form::of(&record, &Target::Wasm), loaded)
            .await;
        tracing::info!(function = %name, size = record.size, hash = %record.hash, "function stored");
        Ok(record)
    }
}

/// The first bytes of an upload, `limit` at most.
pub(crate) async fn read(upload: &SpooledFile, limit: u64) -> Result<Vec<u8>, PublishError> {
    let read = async {
        let file = tokio::fs::File::open(upload.path()).await?;
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes).await?;
        Ok(bytes)
    };
    read.await.map_err(|error: std::io::Error| {
        PublishError::Internal(format!("cannot read the upload back: {error}"))
    })
}

impl From<Unavailable> for PublishError {
    fn from(error: Unavailable) -> Self {
        match error {
            Unavailable::Refused(refusal) => Self::Refused(refusal),
            Unavailable::Python(refused) => Self::Python(refused),
            Unavailable::NoPython => Self::NoPython,
            Unavailable::Storage(error) => Self::Storage(error),
            Unavailable::NoMemory => Self::NoMemoryForImage,
            Unavailable::Internal(text) => Self::Internal(text.to_string()),
        }
    }
}
