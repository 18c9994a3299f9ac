//! Modules: compiling them, and keeping the ones in use ready.

use std::sync::Arc;

use faasm_model::ContentHash;
use faasm_storage::{Compat, FunctionRecord, Storage};
use tokio::sync::Semaphore;
use wasmtime::{Engine, Linker, Module};

use crate::faaslet::Faaslet;
use crate::loaded::Loaded;
use crate::refusal::Refusal;

/// Modules kept ready. Each takes a few memory mappings of its own.
const READY_MODULES: u64 = 2_000;

/// Compiles and caches modules by the hash of their code: a name that is uploaded again
/// has another hash, so nothing here can be stale.
pub(crate) struct Modules {
    engine: Engine,
    linker: Linker<Faaslet>,
    storage: Storage,
    compatibility: Compat,
    ready: moka::future::Cache<ContentHash, Arc<Loaded>>,
    compiling: Arc<Semaphore>,
}

/// Why a module cannot be had.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Unavailable {
    #[error("the code is refused: {0}")]
    Refused(Arc<Refusal>),
    #[error(transparent)]
    Storage(Arc<faasm_storage::Error>),
    #[error("the server failed to load the code: {0}")]
    Internal(Arc<str>),
}

impl Modules {
    pub(crate) fn new(
        engine: Engine,
        linker: Linker<Faaslet>,
        storage: Storage,
        compatibility: Compat,
    ) -> Self {
        Self {
            engine,
            linker,
            storage,
            compatibility,
            ready: moka::future::Cache::new(READY_MODULES),
            // Compiling uses all processors by itself: one at a time is as fast, and
            // bounds the memory it takes.
            compiling: Arc::new(Semaphore::new(1)),
        }
    }

    /// The module of a function, from memory, the local cache or its code.
    pub(crate) async fn get(
        &self,
        record: &Arc<FunctionRecord>,
    ) -> Result<Arc<Loaded>, Unavailable> {
        // The cheap look first: `try_get_with` is for the ones that have to load.
        if let Some(loaded) = self.ready.get(&record.hash).await {
            return Ok(loaded);
        }
        let load = self.load(record);
        let loaded = self.ready.try_get_with(record.hash, load).await;
        loaded.map_err(|e: Arc<Unavailable>| e.as_ref().clone())
    }

    async fn load(&self, record: &Arc<FunctionRecord>) -> Result<Arc<Loaded>, Unavailable> {
        if let Some(loaded) = self.open(record.hash).await? {
            return Ok(loaded);
        }
        let code = self.storage.functions().code(record).await;
        let code = code.map_err(|e| Unavailable::Storage(Arc::new(e)))?;
        self.compile(record.hash, code.into()).await
    }

    /// Compiles `code`, keeps the result on disk and checks that it can run.
    pub(crate) async fn compile(
        &self,
        hash: ContentHash,
        code: Vec<u8>,
    ) -> Result<Arc<Loaded>, Unavailable> {
        let compiling = Arc::clone(&self.compiling);
        let permit = compiling.acquire_owned().await.map_err(internal)?;
        // Somebody else may have compiled the same code meanwhile.
        if let Some(loaded) = self.open(hash).await? {
            return Ok(loaded);
        }
        let (engine, storage) = (self.engine.clone(), self.storage.clone());
        let compatibility = self.compatibility.clone();
        tokio::task::spawn_blocking(move || {
            let binary = crate::binary::to_binary(&code).map_err(refused)?;
            crate::nesting::check(&binary).map_err(refused)?;
            let compiled = engine
                .precompile_module(&binary)
                .map_err(|e| refused(crate::binary::refusal(&e)))?;
            let artifacts = storage.artifacts();
            let put = artifacts.put(&compatibility, hash, &compiled);
            // Compiling goes on when the uploader has gone, and holds its place as long.
            drop(permit);
            put.map_err(|e| Unavailable::Storage(Arc::new(e)))
        })
        .await
        .map_err(internal)??;
        match self.open(hash).await? {
            Some(loaded) => Ok(loaded),
            None => Err(internal("the compiled code cannot be read back")),
        }
    }

    /// Maps compiled code from the local cache, if it is there and genuine.
    async fn open(&self, hash: ContentHash) -> Result<Option<Arc<Loaded>>, Unavailable> {
        let (engine, linker) = (self.engine.clone(), self.linker.clone());
        let (storage, compatibility) = (self.storage.clone(), self.compatibility.clone());
        tokio::task::spawn_blocking(move || {
            let opened = storage.artifacts().open(&compatibility, hash);
            let Some(file) = opened.map_err(|e| Unavailable::Storage(Arc::new(e)))? else {
                return Ok(None);
            };
            // SAFETY: `Artifacts::open` returns only files whose keyed MAC it has
            // verified through this very descriptor. The key never leaves the data
            // directory, so the bytes are what `precompile_module` wrote under it for an
            // engine of this compatibility; and files of the cache are replaced by
            // rename, never written in place, so the mapping does not change.
            let module = unsafe { Module::deserialize_open_file(&engine, file) };
            let module = module.map_err(|e| refused(crate::binary::refusal(&e)))?;
            let loaded = Loaded::new(&linker, &module).map_err(refused)?;
            Ok(Some(Arc::new(loaded)))
        })
        .await
        .map_err(internal)?
    }

    /// Has a module that was just published ready for its first call.
    pub(crate) async fn keep(&self, hash: ContentHash, loaded: Arc<Loaded>) {
        self.ready.insert(hash, loaded).await;
    }

    /// Forgets every module; running Faaslets keep theirs.
    pub(crate) fn flush(&self) {
        self.ready.invalidate_all();
    }
}

fn refused(refusal: Refusal) -> Unavailable {
    Unavailable::Refused(Arc::new(refusal))
}

fn internal(error: impl std::fmt::Display) -> Unavailable {
    Unavailable::Internal(error.to_string().into())
}
