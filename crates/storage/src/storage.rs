//! The data directory and what is in it.

use std::path::Path;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use crate::announce::{Announce, Announcer};
use crate::artifact_key::ArtifactKey;
use crate::artifacts::make_private;
use crate::cache::Cache;
use crate::functions::Place;
use crate::objects::{self, Backend, Objects};
use crate::visitors::Lent;
use crate::{
    Artifacts, DataDirLock, Files, Functions, Result, Spool, StorageOptions, dirs, identity,
};

/// Folders of content.
const CONTENT: [&str; 3] = ["code", "sources", "content"];

/// Everything in one data directory, or in a storage that other servers have, too. Cheap to
/// clone; the directory stays locked as long as there is a clone, or a change under way.
#[derive(Clone)]
pub struct Storage {
    inner: Arc<Inner>,
}

struct Inner {
    id: String,
    functions: Functions,
    python: Functions,
    files: Files,
    spool: Spool,
    artifacts: Artifacts,
    objects: Objects,
    announcer: Announcer,
    lock: Arc<DataDirLock>,
}

/// What is in a data directory.
struct Prepared {
    objects: Objects,
    spool: Spool,
    artifacts: Artifacts,
}

impl Storage {
    /// [`open_with`](Self::open_with) the default options.
    ///
    /// # Errors
    /// The same.
    pub async fn open(lock: DataDirLock) -> Result<Self> {
        Self::open_with(lock, StorageOptions::default()).await
    }

    /// Opens the data directory that `lock` holds, creating what is missing in it and
    /// clearing up what a killed process left, and the storage if that is elsewhere. Shared
    /// files beyond what the options allow stay; there can only be no more.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::Store`](crate::Error::Store) or
    /// [`Error::NoSpace`](crate::Error::NoSpace) if the directory cannot be read or
    /// written, [`Error::Unavailable`](crate::Error::Unavailable) if the storage is elsewhere
    /// and cannot be used. Single damaged records are no error: they are logged and left out.
    pub async fn open_with(lock: DataDirLock, options: StorageOptions) -> Result<Self> {
        let (lock, runtime) = (Arc::new(lock), Handle::current());
        let key = options.cluster_key.as_ref();
        let shared = objects::connect(&options.location, &options.s3, key).await?;
        let (data_dir, files) = (lock.data_dir().to_owned(), options.files);
        let prepare = move || prepare(&data_dir, &options, shared, runtime);
        let Prepared {
            objects,
            spool,
            artifacts,
        } = spawn_blocking(prepare).await??;
        let id = identity::id(&objects).await?;
        let announcer = Announcer::default();
        let load = |place| {
            let (objects, artifacts) = (objects.clone(), artifacts.clone());
            Functions::load(
                place,
                objects,
                artifacts,
                announcer.clone(),
                Arc::clone(&lock),
            )
        };
        let (functions, python) = (load(Place::WASM).await?, load(Place::PYTHON).await?);
        let held = Arc::clone(&lock);
        let files = Files::load(objects.clone(), files, announcer.clone(), held).await?;
        let (cache, all) = (artifacts.clone(), [functions.clone(), python.clone()]);
        let images = all.iter().flat_map(Functions::images).collect();
        let collect =
            move || cache.retain(|hash| all.iter().any(|sources| sources.uses(hash)), &images);
        spawn_blocking(collect).await??;
        Ok(Self {
            inner: Arc::new(Inner {
                id,
                functions,
                python,
                files,
                spool,
                artifacts,
                objects,
                announcer,
                lock,
            }),
        })
    }

    /// Tells this storage from all others, in 32 hexadecimal digits: it is random, and all
    /// servers that share the storage see the same.
    pub fn id(&self) -> &str {
        &self.inner.id
    }

    /// Whether other servers may have it, too.
    pub fn is_shared(&self) -> bool {
        self.inner.objects.are_shared()
    }

    /// Has `to` told of every change from now on, before the method that made it returns. Only
    /// the first call counts; whether this is it.
    pub fn announce_to(&self, to: Arc<dyn Announce>) -> bool {
        self.inner.announcer.set(to)
    }

    /// Reads again what other servers may have changed.
    ///
    /// # Errors
    /// As [`Functions::refresh_all`] and [`Files::refresh_all`]; what can be read has been.
    pub async fn refresh_all(&self) -> Result<()> {
        let (functions, python) = (self.functions(), self.python());
        let (functions, python, files) = tokio::join!(
            functions.refresh_all(),
            python.refresh_all(),
            self.files().refresh_all()
        );
        functions.and(python).and(files)
    }

    /// The objects, to be lent to other servers.
    pub fn lent(&self) -> Lent {
        Lent::new(self.clone())
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

    pub(crate) fn objects(&self) -> &Objects {
        &self.inner.objects
    }

    /// Other servers read here, and may know records that are gone.
    pub(crate) fn expect_visitors(&self) {
        let blobs = [
            self.functions().blobs(),
            self.python().blobs(),
            self.files().blobs(),
        ];
        blobs.into_iter().for_each(|blobs| blobs.expect_visitors());
    }
}

fn prepare(
    data_dir: &Path,
    options: &StorageOptions,
    shared: Option<Arc<dyn Backend>>,
    runtime: Handle,
) -> Result<Prepared> {
    let [objects, spool, code, keys] =
        ["objects", "spool", "cache/code", "keys"].map(|name| data_dir.join(name));
    for dir in [&spool, &code, &keys] {
        dirs::create_durably(dir)?;
    }
    make_private(&keys)?;
    let objects = match shared {
        None => {
            dirs::create_durably(&objects)?;
            Objects::local(objects, runtime)?
        }
        Some(backend) => {
            let dir = data_dir.join("cache/objects");
            let cache = Cache::open(dir, &CONTENT, options.cache_bytes)?;
            Objects::shared(backend, cache, runtime)
        }
    };
    let artifacts = match &options.cluster_key {
        Some(key) if objects.are_shared() => {
            Artifacts::open_shared(code, ArtifactKey::of_cluster(key), objects.clone())
        }
        _ => Artifacts::open_dir(code, ArtifactKey::load_or_create(&keys)?),
    };
    Ok(Prepared {
        objects,
        spool: Spool::open(spool)?,
        artifacts,
    })
}
