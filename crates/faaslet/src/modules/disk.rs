//! Compiling to the local cache, and taking what is there.

use std::sync::Arc;

use faasm_model::ContentHash;
use faasm_storage::{ArtifactKind, Initialised};
use tokio::sync::OwnedSemaphorePermit;
use wasmtime::Module;

use super::{Form, Modules, NOT_READ_BACK, Unavailable, blocking, image_room, internal, refused};
use crate::binary;
use crate::image::{Damaged, Image};
use crate::loaded::Loaded;
use crate::refusal::Refusal;

impl Modules {
    pub(super) async fn permit(&self) -> Result<OwnedSemaphorePermit, Unavailable> {
        let compiling = Arc::clone(&self.compiling);
        compiling.acquire_owned().await.map_err(internal)
    }

    /// Compiles what `binary` finds in `source`. Compiling goes on when the uploader has gone,
    /// and holds its place as long.
    pub(super) async fn precompile<S: Send + 'static>(
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

    pub(super) async fn keep_on_disk(
        &self,
        hash: ContentHash,
        kind: ArtifactKind,
        bytes: Vec<u8>,
    ) -> Result<(), Unavailable> {
        let (storage, compatibility) = (self.storage.clone(), self.compatibility.clone());
        let put = move || storage.artifacts().put(&compatibility, hash, kind, &bytes);
        let put = blocking(put).await?;
        put.map_err(|e| Unavailable::Storage(Arc::new(e)))
    }

    pub(super) async fn read_back(&self, form: Form) -> Result<Arc<Loaded>, Unavailable> {
        match self.open(form).await? {
            Some(loaded) => Ok(loaded),
            None => Err(internal(NOT_READ_BACK)),
        }
    }

    /// Takes a module from the local cache, and its image, if they are there and genuine.
    pub(super) async fn open(&self, form: Form) -> Result<Option<Arc<Loaded>>, Unavailable> {
        let Some(Initialised::Image(id)) = form.initialised else {
            let loaded = self.open_code(form.code, ArtifactKind::Code).await?;
            return Ok(loaded.map(Arc::new));
        };
        let Some(loaded) = self.open_code(form.code, ArtifactKind::Bare).await? else {
            return Ok(None);
        };
        let (storage, compatibility) = (self.storage.clone(), self.compatibility.clone());
        let budget = self.budget.clone();
        blocking(move || {
            let kind = ArtifactKind::Image(id);
            let opened = storage.artifacts().open(&compatibility, form.code, kind);
            let Some(file) = opened.map_err(|e| Unavailable::Storage(Arc::new(e)))? else {
                return Ok(None);
            };
            match Image::load(file, loaded.module(), &budget) {
                Ok(image) if image.charged() > image_room(&budget) => {
                    Err(refused(Refusal::TooLarge(format!(
                        "its image takes {} bytes of memory, of at most {} (a quarter of --memory-budget)",
                        image.charged(),
                        image_room(&budget)
                    ))))
                }
                Ok(image) => Ok(Some(Arc::new(loaded.with_image(image)))),
                Err(Damaged::NoMemory) => Err(Unavailable::NoMemory),
                Err(Damaged::Io(error)) => Err(internal(error)),
                Err(error) => {
                    tracing::warn!(hash = %form.code, %error, "an image cannot be used, it is made again");
                    Ok(None)
                }
            }
        })
        .await?
    }

    /// Maps compiled code from the local cache, if it is there and genuine.
    pub(super) async fn open_code(
        &self,
        hash: ContentHash,
        kind: ArtifactKind,
    ) -> Result<Option<Loaded>, Unavailable> {
        let (engine, linkers) = (self.engine.clone(), Arc::clone(&self.linkers));
        let (storage, compatibility) = (self.storage.clone(), self.compatibility.clone());
        blocking(move || {
            let opened = storage.artifacts().open(&compatibility, hash, kind);
            let Some(file) = opened.map_err(|e| Unavailable::Storage(Arc::new(e)))? else {
                return Ok(None);
            };
            // SAFETY: `Artifacts::open` returns only files whose keyed MAC it has
            // verified through this very descriptor. The key never leaves the data
            // directory, so the bytes are what `precompile_module` wrote under it for an
            // engine of this compatibility; and files of the cache are replaced by
            // rename, never written in place, so the mapping does not change.
            let module = unsafe { Module::deserialize_open_file(&engine, file) };
            let module = module.map_err(|e| refused(binary::refusal(&e)))?;
            Loaded::new(&linkers, &module).map(Some).map_err(refused)
        })
        .await?
    }
}
