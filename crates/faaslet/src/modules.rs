//! Modules: compiling them, and keeping the ones in use ready.

mod disk;

use std::sync::Arc;
use std::time::Duration;

use faasm_budget::{Charge, MemoryBudget};
use faasm_model::{ContentHash, FunctionName};
use faasm_storage::{ArtifactKind, Compat, FunctionRecord, Initialised, Storage};
use moka::policy::EvictionPolicy;
use tokio::sync::Semaphore;
use wasmtime::Engine;

use crate::binary;
use crate::faaslets::Shared;
use crate::host::Linkers;
use crate::image::{self, Bare, Image};
use crate::loaded::Loaded;
use crate::nesting;
use crate::refusal::Refusal;

/// Modules kept ready. Each takes a few memory mappings of its own.
const READY_MODULES: u64 = 2_000;

/// The part of the memory budget that images of ready modules may take.
const IMAGE_SHARE: u64 = 4;

/// How long a function that could not be initialised anew is not tried again.
const BACK_OFF: Duration = Duration::from_secs(10);

/// Compiles and caches modules by the hash of their code and the name of their image: a function
/// that is uploaded again has others, so nothing here can be stale.
pub(crate) struct Modules {
    engine: Engine,
    linkers: Arc<Linkers>,
    storage: Storage,
    budget: MemoryBudget,
    compatibility: Compat,
    ready: moka::future::Cache<Form, Arc<Loaded>>,
    failed: moka::future::Cache<Form, Unavailable>,
    compiling: Arc<Semaphore>,
    initialising: Semaphore,
}

/// What a module is, ready to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Form {
    code: ContentHash,
    initialised: Option<Initialised>,
}

impl Form {
    pub(crate) fn of(record: &FunctionRecord) -> Self {
        Self {
            code: record.hash,
            initialised: record.initialised,
        }
    }
}

/// Why a module cannot be had.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Unavailable {
    #[error("the code is refused: {0}")]
    Refused(Arc<Refusal>),
    #[error(transparent)]
    Storage(Arc<faasm_storage::Error>),
    #[error("the server's memory budget (--memory-budget) has no room for the function's image")]
    NoMemory,
    #[error("the server failed to load the code: {0}")]
    Internal(Arc<str>),
}

/// An uploaded module, read.
struct Source {
    binary: Vec<u8>,
    /// The form in which it can be started from an image, if it has an initialiser.
    bare: Option<Bare>,
}

impl Modules {
    pub(crate) fn new(
        engine: Engine,
        linkers: Linkers,
        storage: Storage,
        compatibility: Compat,
        budget: MemoryBudget,
    ) -> Self {
        // Of the images, whose sizes differ most.
        let room = image_room(&budget);
        let least = room / READY_MODULES;
        let weigh = move |_: &Form, loaded: &Arc<Loaded>| {
            let bytes = loaded.image.as_ref().map_or(0, Image::charged);
            u32::try_from(bytes.max(least) / UNIT).unwrap_or(u32::MAX)
        };
        Self {
            engine,
            linkers: Arc::new(linkers),
            storage,
            budget,
            compatibility,
            ready: moka::future::Cache::builder()
                .max_capacity(room / UNIT)
                .weigher(weigh)
                .eviction_policy(EvictionPolicy::lru())
                .build(),
            failed: moka::future::Cache::builder()
                .max_capacity(READY_MODULES)
                .time_to_live(BACK_OFF)
                .build(),
            // Compiling uses all processors by itself: one at a time is as fast, and
            // bounds the memory it takes.
            compiling: Arc::new(Semaphore::new(1)),
            initialising: Semaphore::new(crate::engine::INITIALISERS as usize),
        }
    }

    /// The module of a function, from memory, the local cache or its code.
    pub(crate) async fn get(
        &self,
        shared: &Arc<Shared>,
        record: &Arc<FunctionRecord>,
    ) -> Result<Arc<Loaded>, Unavailable> {
        let form = Form::of(record);
        // The cheap look first: `try_get_with` is for the ones that have to load.
        if let Some(loaded) = self.ready.get(&form).await {
            return Ok(loaded);
        }
        // Boxed, since every call's future would have room for it.
        let load = Box::pin(self.load(shared, record));
        let loaded = self.ready.try_get_with(form, load).await;
        loaded.map_err(|e: Arc<Unavailable>| e.as_ref().clone())
    }

    async fn load(
        &self,
        shared: &Arc<Shared>,
        record: &Arc<FunctionRecord>,
    ) -> Result<Arc<Loaded>, Unavailable> {
        let form = Form::of(record);
        if let Some(loaded) = self.open(form).await? {
            return Ok(loaded);
        }
        if let Some(failure) = self.failed.get(&form).await {
            return Err(failure);
        }
        let made = self.make_again(shared, record).await;
        if let Err(failure @ Unavailable::Refused(_)) = &made {
            self.failed.insert(form, failure.clone()).await;
        }
        made
    }

    /// Compiles a stored function again, and initialises it again if its image is gone.
    async fn make_again(
        &self,
        shared: &Arc<Shared>,
        record: &Arc<FunctionRecord>,
    ) -> Result<Arc<Loaded>, Unavailable> {
        let code = self.storage.functions().code(record).await;
        let code = code.map_err(|e| Unavailable::Storage(Arc::new(e)))?;
        let source = self.read(code.into()).await?;
        let (binary, bare) = match (source.bare, record.initialised) {
            (Some(bare), Some(Initialised::Image(_)) | None) => (source.binary, bare),
            _ => return self.whole(record.hash, source.binary).await,
        };
        let form = Form {
            initialised: match record.initialised {
                // Uploaded by a version that ran initialisers in every call.
                None => Some(Initialised::Image(record.hash)),
                known => known,
            },
            code: record.hash,
        };
        match self
            .initialise(shared, &record.name, record.hash, bare)
            .await?
        {
            None => self.whole(record.hash, binary).await,
            Some((image, charge)) => self.keep_image(form, image, charge).await,
        }
    }

    /// Compiles uploaded code, runs its initialiser if it has one, keeps the results on disk and
    /// checks that it can run. `name` is whose code it is.
    pub(crate) async fn compile(
        &self,
        shared: &Arc<Shared>,
        name: &FunctionName,
        hash: ContentHash,
        code: Vec<u8>,
    ) -> Result<(Arc<Loaded>, Option<Initialised>), Unavailable> {
        let source = self.read(code).await?;
        let Some(bare) = source.bare else {
            return Ok((self.whole(hash, source.binary).await?, None));
        };
        let Some((image, charge)) = self.initialise(shared, name, hash, bare).await? else {
            // Its calls are as well off without it.
            let loaded = self.whole(hash, source.binary).await?;
            return Ok((loaded, Some(Initialised::Nothing)));
        };
        // Named after its function, too: nobody else's upload replaces or removes it.
        let mut id = blake3::Hasher::new();
        id.update(name.to_string().as_bytes()).update(&image);
        let id = ContentHash::from_bytes(*id.finalize().as_bytes());
        let form = Form {
            code: hash,
            initialised: Some(Initialised::Image(id)),
        };
        let loaded = self.keep_image(form, image, charge).await?;
        Ok((loaded, form.initialised))
    }

    async fn read(&self, code: Vec<u8>) -> Result<Source, Unavailable> {
        let engine = self.engine.clone();
        let source = blocking(move || Source::read(&engine, &code)).await?;
        source.map_err(refused)
    }

    /// The module as it is, compiled if nobody has done so yet.
    async fn whole(&self, hash: ContentHash, binary: Vec<u8>) -> Result<Arc<Loaded>, Unavailable> {
        let form = Form {
            code: hash,
            initialised: None,
        };
        if let Some(loaded) = self.open(form).await? {
            return Ok(loaded);
        }
        let permit = self.permit().await?;
        // Somebody else may have compiled it meanwhile.
        if let Some(loaded) = self.open(form).await? {
            return Ok(loaded);
        }
        let (_, compiled) = self.precompile(permit, binary, |binary| binary).await?;
        self.keep_on_disk(hash, ArtifactKind::Code, compiled)
            .await?;
        self.read_back(form).await
    }

    /// Runs the initialiser of a module; the image of what it leaves, if that is anything.
    async fn initialise(
        &self,
        shared: &Arc<Shared>,
        name: &FunctionName,
        hash: ContentHash,
        bare: Bare,
    ) -> Result<Option<(Vec<u8>, Charge)>, Unavailable> {
        let permit = self.permit().await?;
        let (bare, loaded) = match self.open_code(hash, ArtifactKind::Bare).await? {
            Some(loaded) => {
                drop(permit);
                (bare, loaded)
            }
            None => {
                let (bare, compiled) = self.precompile(permit, bare, |bare| &bare.binary).await?;
                self.keep_on_disk(hash, ArtifactKind::Bare, compiled)
                    .await?;
                let loaded = self.open_code(hash, ArtifactKind::Bare).await?;
                (bare, loaded.ok_or_else(|| internal(NOT_READ_BACK))?)
            }
        };
        let _turn = self.initialising.acquire().await.map_err(internal)?;
        let taken = image::take(shared, name, &Arc::new(loaded), &bare).await?;
        let Some((snapshot, charge)) = taken else {
            return Ok(None);
        };
        let image = blocking(move || snapshot.to_bytes()).await?;
        let image = image.map_err(refused)?;
        Ok(Some((image, charge)))
    }

    /// Keeps an image, and has it ready; the charge is for its bytes.
    async fn keep_image(
        &self,
        form: Form,
        image: Vec<u8>,
        charge: Charge,
    ) -> Result<Arc<Loaded>, Unavailable> {
        let Some(Initialised::Image(id)) = form.initialised else {
            return Err(internal("an image without a name"));
        };
        self.keep_on_disk(form.code, ArtifactKind::Image(id), image)
            .await?;
        drop(charge);
        self.read_back(form).await
    }

    /// Has a module that was just published ready for its first call.
    pub(crate) async fn keep(&self, form: Form, loaded: Arc<Loaded>) {
        self.ready.insert(form, loaded).await;
    }

    /// Forgets every module; running Faaslets keep theirs.
    pub(crate) fn flush(&self) {
        self.ready.invalidate_all();
    }
}

impl Source {
    fn read(engine: &Engine, code: &[u8]) -> Result<Self, Refusal> {
        let binary = binary::to_binary(code)?.into_owned();
        nesting::check(&binary)?;
        let bare = match image::has_initialiser(&binary) {
            true => Some(image::bare(engine, &binary)?),
            false => None,
        };
        Ok(Self { binary, bare })
    }
}

/// Why something that was just made is not there: somebody else has removed it.
const NOT_READ_BACK: &str = "what was compiled cannot be read back";

/// In which images are weighed, in bytes.
const UNIT: u64 = 1 << 10;

/// Bytes of memory that images of ready modules may take together.
fn image_room(budget: &MemoryBudget) -> u64 {
    (budget.total() / IMAGE_SHARE).max(READY_MODULES * UNIT)
}

/// Does what may block on a thread for that.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Unavailable> {
    tokio::task::spawn_blocking(work).await.map_err(internal)
}

fn refused(refusal: Refusal) -> Unavailable {
    Unavailable::Refused(Arc::new(refusal))
}

fn internal(error: impl std::fmt::Display) -> Unavailable {
    Unavailable::Internal(error.to_string().into())
}
