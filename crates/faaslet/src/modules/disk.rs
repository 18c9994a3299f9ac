//! Compiling to the local cache, and taking what is there.

use std::sync::Arc;

use faasm_budget::MemoryBudget;
use faasm_model::ContentHash;
use faasm_storage::{ArtifactKind, Artifacts, Compat};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::{Engine, Module};

use super::{NOT_READ_BACK, Unavailable, blocking, image_room, internal, refused};
use crate::binary;
use crate::host::Linkers;
use crate::image::{Bare, Damaged, Image};
use crate::loaded::Loaded;
use crate::refusal::Refusal;

/// A cache of compiled code and images, and the compiler that fills it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Disk {
    pub(crate) engine: Engine,
    linkers: Arc<Linkers>,
    artifacts: Artifacts,
    compatibility: Compat,
    budget: MemoryBudget,
    compiling: Arc<Semaphore>,
}

impl Disk {
    pub(crate) fn new(
        engine: Engine,
        linkers: Linkers,
        artifacts: Artifacts,
        compatibility: Compat,
        budget: MemoryBudget,
    ) -> Self {
        Self {
            engine,
            linkers: Arc::new(linkers),
            artifacts,
            compatibility,
            budget,
            // Compiling uses all processors by itself: one at a time is as fast, and
            // bounds the memory it takes.
            compiling: Arc::new(Semaphore::new(1)),
        }
    }

    pub(crate) fn compatibility(&self) -> &Compat {
        &self.compatibility
    }

    /// The same compiler, for modules that import what `linkers` have, with a cache in `artifacts`.
    pub(crate) fn with(&self, linkers: Linkers, artifacts: Artifacts) -> Self {
        Self {
            linkers: Arc::new(linkers),
            artifacts,
            ..self.clone()
        }
    }

    pub(crate) async fn permit(&self) -> Result<OwnedSemaphorePermit, Unavailable> {
        let compiling = Arc::clone(&self.compiling);
        compiling.acquire_owned().await.map_err(internal)
    }

    /// Compiles what `binary` finds in `source`. Compiling goes on when the uploader has gone,
    /// and holds its place as long.
    pub(crate) async fn precompile<S: Send + 'static>(
        &self,
        permit: OwnedSemaphorePermit,
        source: S,
        binary: fn(&S) -> &[u8],
    ) -> Result<(S, Vec<u8>), Unavailable> {
        let engine = self.engine.clone();
        blocking(move || {
            let compiled = engine.precompile_module(binary(&source));
            drop(permit);
            let compiled = compiled.map_err(|e| refused(crate::binary::refusal(&e)))?;
            Ok((source, compiled))
        })
        .await?
    }

    /// The compiled form of a module that can be started from images.
    pub(crate) async fn bare(
        &self,
        hash: ContentHash,
        bare: Bare,
    ) -> Result<(Bare, Loaded), Unavailable> {
        let permit = self.permit().await?;
        if let Some(loaded) = self.open_code(hash, ArtifactKind::Bare).await? {
            return Ok((bare, loaded));
        }
        let (bare, compiled) = self.precompile(permit, bare, |bare| &bare.binary).await?;
        self.keep(hash, ArtifactKind::Bare, compiled).await?;
        let loaded = self.open_code(hash, ArtifactKind::Bare).await?;
        Ok((bare, loaded.ok_or_else(|| internal(NOT_READ_BACK))?))
    }

    /// Keeps what was made of the code with `hash`.
    pub(crate) async fn keep(
        &self,
        hash: ContentHash,
        kind: ArtifactKind,
        bytes: Vec<u8>,
    ) -> Result<(), Unavailable> {
        let this = self.clone();
        let put = move || this.artifacts.put(&this.compatibility, hash, kind, &bytes);
        Ok(blocking(put).await??)
    }

    /// Reads an image of `module` that was made of the code with `hash`, from `base` if it was made
    /// from an image, if it is there and genuine.
    pub(crate) async fn open_image(
        &self,
        module: &Module,
        base: Option<&Arc<Image>>,
        hash: ContentHash,
        id: ContentHash,
    ) -> Result<Option<Image>, Unavailable> {
        let (this, module, base) = (self.clone(), module.clone(), base.cloned());
        blocking(move || {
            let kind = ArtifactKind::Image(id);
            let opened = this.artifacts.open(&this.compatibility, hash, kind);
            let Some(file) = opened? else {
                return Ok(None);
            };
            match Image::load(file, &module, base.as_deref(), &this.budget) {
                Ok(image) if image.charged() > image_room(&this.budget) => {
                    Err(refused(Refusal::TooLarge(format!(
                        "its image takes {} bytes of memory, of at most {} (a quarter of --memory-budget)",
                        image.charged(),
                        image_room(&this.budget)
                    ))))
                }
                Ok(image) => Ok(Some(image)),
                Err(Damaged::NoMemory) => Err(Unavailable::NoMemory),
                Err(Damaged::Io(error)) => Err(internal(error)),
                Err(error) => {
                    tracing::warn!(%hash, %error, "an image cannot be used, it is made again");
                    Ok(None)
                }
            }
        })
        .await?
    }

    /// Maps compiled code from the local cache, if it is there and genuine.
    pub(crate) async fn open_code(
        &self,
        hash: ContentHash,
        kind: ArtifactKind,
    ) -> Result<Option<Loaded>, Unavailable> {
        let this = self.clone();
        blocking(move || {
            let opened = this.artifacts.open(&this.compatibility, hash, kind);
            let Some(file) = opened? else {
                return Ok(None);
            };
            // SAFETY: `Artifacts::open` returns only files whose keyed MAC it has
            // verified through this very descriptor. The key never leaves the server's
            // directory, so the bytes are what `precompile_module` wrote under it for an
            // engine of this compatibility; and files of the cache are replaced by
            // rename, never written in place, so the mapping does not change.
            let module = unsafe { Module::deserialize_open_file(&this.engine, file) };
            let module = module.map_err(|e| refused(binary::refusal(&e)))?;
            Loaded::new(&this.linkers, &module)
                .map(Some)
                .map_err(refused)
        })
        .await?
    }
}
