//! The data directory and what is in it.

use std::path::Path;
use std::sync::Arc;

use tokio::task::spawn_blocking;

use crate::artifact_key::ArtifactKey;
use crate::artifacts::make_private;
use crate::functions::Place;
use crate::objects::Objects;
use crate::{Artifacts, DataDirLock, Files, FilesOptions, Functions, Result, Spool, dirs};

/// Everything in one data directory. Cheap to clone; the directory stays locked as long
/// as there is a clone, or a change under way.
#[derive(Clone)]
pub struct Storage {
    inner: Arc<Inner>,
}

struct Inner {
    functions: Functions,
    python: Functions,
    files: Files,
    spool: Spool,
    artifacts: Artifacts,
    lock: Arc<DataDirLock>,
}

impl Storage {
    /// [`open_with`](Self::open_with) the default options.
    ///
    /// # Errors
    /// The same.
    pub async fn open(lock: DataDirLock) -> Result<Self> {
        Self::open_with(lock, FilesOptions::default()).await
    }

    /// Opens the data directory that `lock` holds, creating what is missing in it and
    /// clearing up what a killed process left. Shared files beyond what `files` allows
    /// stay; there can only be no more.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::Store`](crate::Error::Store) or
    /// [`Error::NoSpace`](crate::Error::NoSpace) if the directory cannot be read or
    /// written. Single damaged records are no error: they are logged and left out.
    pub async fn open_with(lock: DataDirLock, files: FilesOptions) -> Result<Self> {
        let lock = Arc::new(lock);
        let data_dir = lock.data_dir().to_owned();
        let prepare = move || prepare(&data_dir);
        let (objects, spool, artifacts) = spawn_blocking(prepare).await??;
        let load =
            |place| Functions::load(place, objects.clone(), artifacts.clone(), Arc::clone(&lock));
        let (functions, python) = (load(Place::WASM).await?, load(Place::PYTHON).await?);
        let files = Files::load(objects, files, Arc::clone(&lock)).await?;
        let (cache, all) = (artifacts.clone(), [functions.clone(), python.clone()]);
        let images = all.iter().flat_map(Functions::images).collect();
        let collect =
            move || cache.retain(|hash| all.iter().any(|sources| sources.uses(hash)), &images);
        spawn_blocking(collect).await??;
        Ok(Self {
            inner: Arc::new(Inner {
                functions,
                python,
                files,
                spool,
                artifacts,
                lock,
            }),
        })
    }

    /// The functions that are WebAssembly modules.
    pub fn functions(&self) -> &Functions {
        &self.inner.functions
    }

    /// The functions that are Python files, or archives of them.
    pub fn python(&self) -> &Functions {
        &self.inner.python
    }

    /// The shared files.
    pub fn files(&self) -> &Files {
        &self.inner.files
    }

    /// Where bodies are received.
    pub fn spool(&self) -> &Spool {
        &self.inner.spool
    }

    /// The cache of compiled code.
    pub fn artifacts(&self) -> &Artifacts {
        &self.inner.artifacts
    }

    /// The lock on the data directory, to tell others what this server is.
    pub fn lock(&self) -> &DataDirLock {
        &self.inner.lock
    }
}

fn prepare(data_dir: &Path) -> Result<(Objects, Spool, Artifacts)> {
    let [objects, spool, cache, keys] =
        ["objects", "spool", "cache/code", "keys"].map(|name| data_dir.join(name));
    for dir in [&objects, &spool, &cache, &keys] {
        dirs::create_durably(dir)?;
    }
    make_private(&keys)?;
    let key = ArtifactKey::load_or_create(&keys)?;
    Ok((
        Objects::open_local(objects)?,
        Spool::open(spool)?,
        Artifacts::open_dir(cache, key),
    ))
}
