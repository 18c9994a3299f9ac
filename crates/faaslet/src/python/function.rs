//! One Python function: taking its image, and finding it again.

use std::sync::Arc;

use faasm_budget::Charge;
use faasm_model::{FunctionName, Invocation, Target};
use faasm_storage::{ArtifactKind, FunctionRecord, Initialised, SpooledFile};
use wasmtime::ModuleExport;

use super::source::Source;
use super::{Base, Python};
use crate::Faaslets;
use crate::faaslets::Shared;
use crate::image::{self, Origin, Snapshot};
use crate::loaded::Loaded;
use crate::modules::{Form, NOT_READ_BACK, Unavailable, image_id, internal, to_bytes};
use crate::publish::{PublishError, read};

/// Memory that importing a file takes beside the interpreter's, as a multiple of its size.
const IMPORT_FACTOR: u64 = 4;

impl Faaslets {
    /// Imports an uploaded Python file, or an archive of them, and stores it under `name`. When this
    /// returns, the function is durable and the next call runs it.
    pub async fn publish_python(
        &self,
        name: &FunctionName,
        upload: SpooledFile,
    ) -> Result<Arc<FunctionRecord>, PublishError> {
        let shared = &self.0;
        let python = shared.python.as_ref().ok_or(PublishError::NoPython)?;
        let mut charge = shared.budget.charge();
        if !charge.grow(upload.size().saturating_mul(IMPORT_FACTOR)) {
            return Err(PublishError::NoMemory(upload.size()));
        }
        let bytes = read(&upload, upload.size()).await?;
        let source = Source::read(shared, name, bytes).await?;
        let hash = upload.hash();
        let (loaded, initialised) = python.import(shared, name, hash, source).await?;
        drop(charge);

        let stored = shared
            .storage
            .python()
            .put(name.clone(), upload, Some(initialised));
        let record = stored.await.map_err(Unavailable::from)?;
        shared
            .modules
            .keep(Form::of(&record, &Target::PYTHON), loaded)
            .await;
        tracing::info!(function = %name, size = record.size, hash = %record.hash, "Python function stored");
        Ok(record)
    }

    /// Makes the Python runtime ready before anybody needs it.
    ///
    /// # Errors
    /// Why there can be no Python functions, for the operator.
    pub async fn prepare_python(&self) -> Result<(), String> {
        match &self.0.python {
            Some(python) => match python.base(&self.0).await {
                Ok(_) => Ok(()),
                Err(error) => Err(error.to_string()),
            },
            None => Ok(()),
        }
    }
}

impl Python {
    /// Imports a function, and keeps the image of that unless it wants none.
    async fn import(
        &self,
        shared: &Arc<Shared>,
        name: &FunctionName,
        hash: faasm_model::ContentHash,
        source: Source,
    ) -> Result<(Arc<Loaded>, Initialised), Unavailable> {
        let base = self.base(shared).await?;
        let is_imaged = source.is_imaged;
        let loaded = Arc::new(base.with_function(shared, name, source.tree)?);
        if !is_imaged {
            // Its code runs in every call; here it is only looked at.
            let _ = run(shared, base, name, &loaded, &base.check).await?;
            return Ok((loaded, Initialised::Nothing));
        }
        let image = import(shared, base, name, &loaded).await?;
        let id = image_id(name, &image);
        shared
            .modules
            .disk()
            .keep(hash, ArtifactKind::Image(id), image)
            .await?;
        let loaded = self.open(shared, base, &loaded, hash, id).await?;
        let loaded = loaded.ok_or_else(|| internal(NOT_READ_BACK))?;
        Ok((loaded, Initialised::Image(id)))
    }

    /// A stored function, ready to run.
    pub(crate) async fn load(
        &self,
        shared: &Arc<Shared>,
        record: &Arc<FunctionRecord>,
    ) -> Result<Arc<Loaded>, Unavailable> {
        let base = self.base(shared).await?;
        let code = shared.storage.python().code(record).await?;
        let source = Source::read(shared, &record.name, code.into()).await?;
        let loaded = Arc::new(base.with_function(shared, &record.name, source.tree)?);
        let Some(Initialised::Image(id)) = record.initialised else {
            return Ok(loaded);
        };
        if let Some(loaded) = self.open(shared, base, &loaded, record.hash, id).await? {
            return Ok(loaded);
        }
        // The cache was cleared, or the runtime replaced.
        let image = import(shared, base, &record.name, &loaded).await?;
        let disk = shared.modules.disk();
        disk.keep(record.hash, ArtifactKind::Image(id), image)
            .await?;
        let loaded = self.open(shared, base, &loaded, record.hash, id).await?;
        loaded.ok_or_else(|| internal(NOT_READ_BACK))
    }

    async fn open(
        &self,
        shared: &Shared,
        base: &Base,
        loaded: &Loaded,
        hash: faasm_model::ContentHash,
        id: faasm_model::ContentHash,
    ) -> Result<Option<Arc<Loaded>>, Unavailable> {
        let disk = shared.modules.disk();
        let image = disk.open_image(loaded.module(), Some(&base.image), hash, id);
        let image = image.await?;
        Ok(image.map(|image| Arc::new(loaded.clone().with_image(Arc::new(image)))))
    }
}

/// Runs a file's top-level code; the image of what that leaves.
async fn import(
    shared: &Arc<Shared>,
    base: &Base,
    name: &FunctionName,
    loaded: &Arc<Loaded>,
) -> Result<Vec<u8>, Unavailable> {
    let (snapshot, _charge) = run(shared, base, name, loaded, &base.load).await?;
    to_bytes(snapshot).await
}

/// Runs `export` of the interpreter for a function; what that leaves, and the charge for it.
async fn run(
    shared: &Arc<Shared>,
    base: &Base,
    name: &FunctionName,
    loaded: &Arc<Loaded>,
    export: &ModuleExport,
) -> Result<(Snapshot, Charge), Unavailable> {
    let _turn = shared.modules.turn().await?;
    let invocation = Invocation {
        target: Target::PYTHON,
        ..Invocation::new(name.clone(), "")
    };
    let origin = Origin::Image(&base.image, export);
    let taken = image::take(shared, invocation, loaded, &base.spaces, origin).await?;
    taken.ok_or_else(|| internal("the interpreter left no image"))
}
