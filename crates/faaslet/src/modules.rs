//! Modules: compiling them, and keeping the ones in use ready.

mod disk;

pub(crate) use disk::Disk;

use std::sync::Arc;
use std::time::Duration;

use faasm_budget::{Charge, MemoryBudget};
use faasm_model::{ContentHash, FunctionName, Invocation, Target};
use faasm_storage::{ArtifactKind, Compat, FunctionRecord, Initialised, Storage};
use moka::policy::EvictionPolicy;
use tokio::sync::{Semaphore, SemaphorePermit};
use wasmtime::Engine;

use crate::binary;
use crate::faaslets::Shared;
use crate::image::{self, Bare, Image, Origin, Snapshot};
use crate::loaded::Loaded;
use crate::nesting;
use crate::python::PythonRefused;
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
    disk: Disk,
    storage: Storage,
    ready: moka::future::Cache<Form, Arc<Loaded>>,
    failed: moka::future::Cache<Form, Unavailable>,
    initialising: Semaphore,
}

/// What a module is, ready to run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Form {
    code: ContentHash,
    initialised: Option<Initialised>,
    /// Whose Python file it is: equal files are functions of their own.
    python: Option<FunctionName>,
}

impl Form {
    /// That of a stored function of some kind.
    pub(crate) fn of(record: &FunctionRecord, target: &Target) -> Self {
        Self {
            code: record.hash,
            initialised: record.initialised,
            python: target.is_python().then(|| record.name.clone()),
        }
    }
}

/// Why a module cannot be had.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Unavailable {
    #[error("the code is refused: {0}")]
    Refused(Arc<Refusal>),
    #[error(transparent)]
    Python(Arc<PythonRefused>),
    #[error(
        "this server runs no Python functions; its operator can: `faasm python install`, then restart it"
    )]
    NoPython,
    #[error(transparent)]
    Storage(Arc<faasm_storage::Error>),
    #[error("the server's memory budget (--memory-budget) has no room for the function's image")]
    NoMemory,
    #[error("the server failed to load the code: {0}")]
    Internal(Arc<str>),
}

impl From<faasm_storage::Error> for Unavailable {
    fn from(error: faasm_storage::Error) -> Self {
        Self::Storage(Arc::new(error))
    }
}

impl From<PythonRefused> for Unavailable {
    fn from(refused: PythonRefused) -> Self {
        Self::Python(Arc::new(refused))
    }
}

/// An uploaded module, read.
struct Source {
    binary: Vec<u8>,
    /// The form in which it can be started from an image, if it has an initialiser.
    bare: Option<Bare>,
}

impl Modules {
    pub(crate) fn new(disk: Disk, storage: Storage, budget: &MemoryBudget) -> Self {
        // Of the images, whose sizes differ most.
        let room = image_room(budget);
        let least = room / READY_MODULES;
        let weigh = move |_: &Form, loaded: &Arc<Loaded>| {
            let bytes = loaded.image.as_deref().map_or(0, Image::charged);
            u32::try_from(bytes.max(least) / UNIT).unwrap_or(u32::MAX)
        };
        Self {
            disk,
            storage,
            ready: moka::future::Cache::builder()
                .max_capacity(room / UNIT)
                .weigher(weigh)
                .eviction_policy(EvictionPolicy::lru())
                .build(),
            failed: moka::future::Cache::builder()
                .max_capacity(READY_MODULES)
                .time_to_live(BACK_OFF)
                .build(),
            initialising: Semaphore::new(crate::engine::INITIALISERS as usize),
        }
    }

    /// What compiled code fits here.
    pub(crate) fn compatibility(&self) -> &Compat {
        self.disk.compatibility()
    }

    /// The module of a function, from memory, the local cache or its code.
    pub(crate) async fn get(
        &self,
        shared: &Arc<Shared>,
        record: &Arc<FunctionRecord>,
        target: &Target,
    ) -> Result<Arc<Loaded>, Unavailable> {
        let form = Form::of(record, target);
        // The cheap look first: `try_get_with` is for the ones that have to load.
        if let Some(loaded) = self.ready.get(&form).await {
            return Ok(loaded);
        }
        // Boxed, since every call's future would have room for it.
        let load = Box::pin(self.load(shared, record, target));
        let loaded = self.ready.try_get_with(form, load).await;
        loaded.map_err(|e: Arc<Unavailable>| e.as_ref().clone())
    }

    async fn load(
        &self,
        shared: &Arc<Shared>,
        record: &Arc<FunctionRecord>,
        target: &Target,
    ) -> Result<Arc<Loaded>, Unavailable> {
        let form = Form::of(record, target);
        if let Some(failure) = self.failed.get(&form).await {
            return Err(failure);
        }
        let loaded = match (target, &shared.python) {
            (Target::Wasm | Target::Mpi { .. }, _) => self.load_wasm(shared, record).await,
            (Target::Python { .. }, Some(python)) => python.load(shared, record).await,
            (Target::Python { .. }, None) => Err(Unavailable::NoPython),
        };
        if let Err(failure @ (Unavailable::Refused(_) | Unavailable::Python(_))) = &loaded {
            self.failed.insert(form, failure.clone()).await;
        }
        loaded
    }

    async fn load_wasm(
        &self,
        shared: &Arc<Shared>,
        record: &Arc<FunctionRecord>,
    ) -> Result<Arc<Loaded>, Unavailable> {
        match self.open(record.hash, record.initialised).await? {
            Some(loaded) => Ok(loaded),
            None => self.make_again(shared, record).await,
        }
    }

    /// Compiles a stored function again, and initialises it again if its image is gone.
    async fn make_again(
        &self,
        shared: &Arc<Shared>,
        record: &Arc<FunctionRecord>,
    ) -> Result<Arc<Loaded>, Unavailable> {
        let code = self.storage.functions().code(record).await?;
        let source = self.read(code.into()).await?;
        let (binary, bare) = match (source.bare, record.initialised) {
            (Some(bare), Some(Initialised::Image(_)) | None) => (source.binary, bare),
            _ => return self.whole(record.hash, source.binary).await,
        };
        let (name, hash) = (&record.name, record.hash);
        match self.initialise(shared, name, hash, bare).await? {
            None => self.whole(hash, binary).await,
            Some((image, charge)) => {
                let id = match record.initialised {
                    Some(Initialised::Image(id)) => id,
                    // Uploaded by a version that ran initialisers in every call.
                    _ => hash,
                };
                self.keep_image(hash, id, image, charge).await
            }
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
        let id = image_id(name, &image);
        let loaded = self.keep_image(hash, id, image, charge).await?;
        Ok((loaded, Some(Initialised::Image(id))))
    }

    async fn read(&self, code: Vec<u8>) -> Result<Source, Unavailable> {
        let engine = self.disk.engine.clone();
        let source = blocking(move || Source::read(&engine, &code)).await?;
        source.map_err(refused)
    }

    /// The module as it is, compiled if nobody has done so yet.
    async fn whole(&self, hash: ContentHash, binary: Vec<u8>) -> Result<Arc<Loaded>, Unavailable> {
        if let Some(loaded) = self.open(hash, None).await? {
            return Ok(loaded);
        }
        let permit = self.disk.permit().await?;
        // Somebody else may have compiled it meanwhile.
        if let Some(loaded) = self.open(hash, None).await? {
            return Ok(loaded);
        }
        let compiled = self.disk.precompile(permit, binary, |binary| binary);
        let (_, compiled) = compiled.await?;
        self.disk.keep(hash, ArtifactKind::Code, compiled).await?;
        self.read_back(hash, None).await
    }

    /// Runs the initialiser of a module; the image of what it leaves, if that is anything.
    async fn initialise(
        &self,
        shared: &Arc<Shared>,
        name: &FunctionName,
        hash: ContentHash,
        bare: Bare,
    ) -> Result<Option<(Vec<u8>, Charge)>, Unavailable> {
        let (bare, loaded) = self.disk.bare(hash, bare).await?;
        let loaded = Arc::new(loaded);
        let _turn = self.turn().await?;
        let taken = image::take(
            shared,
            Invocation::new(name.clone(), ""),
            &loaded,
            &bare.spaces,
            Origin::Data(&bare.segments),
        );
        let taken = taken.await?;
        let Some((snapshot, charge)) = taken else {
            return Ok(None);
        };
        Ok(Some((to_bytes(snapshot).await?, charge)))
    }

    /// Keeps an image, and has it ready; the charge is for its bytes.
    async fn keep_image(
        &self,
        hash: ContentHash,
        id: ContentHash,
        image: Vec<u8>,
        charge: Charge,
    ) -> Result<Arc<Loaded>, Unavailable> {
        let kind = ArtifactKind::Image(id);
        self.disk.keep(hash, kind, image).await?;
        drop(charge);
        self.read_back(hash, Some(Initialised::Image(id))).await
    }

    /// Where images are kept.
    pub(crate) fn disk(&self) -> &Disk {
        &self.disk
    }

    /// The right to run an initialiser, of which only a few run at a time.
    pub(crate) async fn turn(&self) -> Result<SemaphorePermit<'_>, Unavailable> {
        self.initialising.acquire().await.map_err(internal)
    }

    async fn read_back(
        &self,
        code: ContentHash,
        initialised: Option<Initialised>,
    ) -> Result<Arc<Loaded>, Unavailable> {
        match self.open(code, initialised).await? {
            Some(loaded) => Ok(loaded),
            None => Err(internal(NOT_READ_BACK)),
        }
    }

    /// Takes a module from the local cache, and its image, if they are there and genuine.
    async fn open(
        &self,
        code: ContentHash,
        initialised: Option<Initialised>,
    ) -> Result<Option<Arc<Loaded>>, Unavailable> {
        let Some(Initialised::Image(id)) = initialised else {
            let loaded = self.disk.open_code(code, ArtifactKind::Code).await?;
            return Ok(loaded.map(Arc::new));
        };
        let loaded = self.disk.open_code(code, ArtifactKind::Bare).await?;
        let Some(loaded) = loaded else {
            return Ok(None);
        };
        let image = self.disk.open_image(loaded.module(), None, code, id);
        let image = image.await?;
        Ok(image.map(|image| Arc::new(loaded.with_image(Arc::new(image)))))
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

/// Names an image after its function, too: nobody else's upload replaces or removes it.
pub(crate) fn image_id(name: &FunctionName, image: &[u8]) -> ContentHash {
    let mut id = blake3::Hasher::new();
    id.update(name.to_string().as_bytes()).update(image);
    ContentHash::from_bytes(*id.finalize().as_bytes())
}

/// An image as it is stored.
pub(crate) async fn to_bytes(snapshot: Snapshot) -> Result<Vec<u8>, Unavailable> {
    blocking(move || snapshot.to_bytes())
        .await?
        .map_err(refused)
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
pub(crate) const NOT_READ_BACK: &str = "what was compiled cannot be read back";

/// In which images are weighed, in bytes.
const UNIT: u64 = 1 << 10;

/// Bytes of memory that images of ready modules may take together.
pub(crate) fn image_room(budget: &MemoryBudget) -> u64 {
    (budget.total() / IMAGE_SHARE).max(READY_MODULES * UNIT)
}

/// Does what may block on a thread for that.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Unavailable> {
    tokio::task::spawn_blocking(work).await.map_err(internal)
}

pub(crate) fn refused(refusal: Refusal) -> Unavailable {
    Unavailable::Refused(Arc::new(refusal))
}

pub(crate) fn internal(error: impl std::fmt::Display) -> Unavailable {
    Unavailable::Internal(error.to_string().into())
}
