//! What the checks share.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use faasm_model::{ClusterKey, FunctionName, SharedPath};
use futures::TryStreamExt;
use futures::future::BoxFuture;
use tempfile::TempDir;

use crate::keyed_locks::locked;
use crate::{Announce, Changed, DataDirLock, Error, Result, SpooledFile, Storage, StorageOptions};

/// How a check ends; what it finds wrong it panics about.
pub type Checked<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A server's storage, and its data directory.
pub struct Server {
    /// The storage.
    pub storage: Storage,
    dir: TempDir,
    options: StorageOptions,
}

impl Server {
    /// A server with a data directory of its own.
    ///
    /// # Errors
    /// Those of opening the storage.
    pub async fn open(options: &StorageOptions) -> Checked<Self> {
        Self::open_in(TempDir::new()?, options.clone()).await
    }

    async fn open_in(dir: TempDir, options: StorageOptions) -> Checked<Self> {
        let storage = loop {
            // What went on in the directory comes to its end first.
            match DataDirLock::acquire(dir.path(), "a check") {
                Ok(lock) => break Storage::open_with(lock, options.clone()).await?,
                Err(Error::Locked { .. }) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        };
        Ok(Self {
            storage,
            dir,
            options,
        })
    }

    /// The same after a restart.
    ///
    /// # Errors
    /// Those of opening the storage.
    pub async fn restart(self) -> Checked<Self> {
        let Self {
            storage,
            dir,
            options,
        } = self;
        drop(storage);
        Self::open_in(dir, options).await
    }

    /// The data directory.
    pub fn path(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// A body to be stored.
    ///
    /// # Errors
    /// Those of the spool.
    pub async fn body(&self, body: impl Into<Bytes>) -> Result<SpooledFile> {
        let mut writer = self.storage.spool().create(u64::MAX);
        writer.write(body.into()).await?;
        writer.finish().await
    }

    /// Stores a function.
    ///
    /// # Errors
    /// Those of storing it.
    pub async fn put(&self, name: &str, code: impl Into<Bytes>) -> Checked {
        let code = self.body(code).await?;
        let put = self.storage.functions().put(function(name)?, code, None);
        put.await?;
        Ok(())
    }

    /// The code of a function, as far as this server knows of it.
    ///
    /// # Errors
    /// Those of reading it.
    pub async fn code(&self, name: &str) -> Checked<Option<Bytes>> {
        match self.storage.functions().get(&function(name)?) {
            Some(record) => Ok(Some(self.storage.functions().code(&record).await?)),
            None => Ok(None),
        }
    }

    /// Stores a shared file.
    ///
    /// # Errors
    /// Those of storing it.
    pub async fn put_file(&self, path: &str, bytes: impl Into<Bytes>) -> Checked {
        let body = self.body(bytes).await?;
        self.storage
            .files()
            .put(SharedPath::new(path)?, body)
            .await?;
        Ok(())
    }

    /// The bytes of a shared file, as far as this server knows of it.
    ///
    /// # Errors
    /// Those of reading it.
    pub async fn file(&self, path: &str) -> Checked<Option<Vec<u8>>> {
        let (files, path) = (self.storage.files(), SharedPath::new(path)?);
        if files.get(&path).is_none() {
            return Ok(None);
        }
        let pieces: Vec<Bytes> = files
            .read(files.open(&path)?, 0..u64::MAX)
            .try_collect()
            .await?;
        Ok(Some(pieces.concat()))
    }
}

/// Why a storage that is elsewhere cannot be opened.
///
/// # Errors
/// It can be, or something else is wrong.
pub async fn refusal(options: StorageOptions) -> Checked<String> {
    match Server::open(&options).await {
        Ok(_) => Err("it was opened".into()),
        Err(error) => match error.downcast_ref() {
            Some(Error::Unavailable { .. }) => Ok(error.to_string()),
            _ => Err(error),
        },
    }
}

/// Hears what is announced, and fails while it is told to.
#[derive(Default)]
pub struct Listener {
    heard: Mutex<Vec<Changed>>,
    fails: Mutex<bool>,
}

impl Listener {
    /// One that hears what this server changes.
    pub fn of(server: &Server) -> Arc<Self> {
        let this = Arc::<Self>::default();
        assert!(
            server
                .storage
                .announce_to(Arc::clone(&this) as Arc<dyn Announce>)
        );
        this
    }

    /// What was announced since this was last asked.
    pub fn heard(&self) -> Vec<Changed> {
        std::mem::take(&mut *locked(&self.heard))
    }

    /// Whether announcements fail from now on.
    pub fn fail(&self, fails: bool) {
        *locked(&self.fails) = fails;
    }
}

impl Announce for Listener {
    fn announce(&self, changed: Changed) -> BoxFuture<'_, std::result::Result<(), String>> {
        Box::pin(async move {
            if *locked(&self.fails) {
                return Err("nobody listens".to_owned());
            }
            locked(&self.heard).push(changed);
            Ok(())
        })
    }
}

/// `user/function` as a name.
pub(super) fn function(text: &str) -> Checked<FunctionName> {
    let (user, function) = text.split_once('/').ok_or("no slash")?;
    Ok(FunctionName::new(user, function)?)
}

/// The secret of a cluster, another one for each number.
///
/// # Errors
/// None.
pub fn cluster_key(number: u8) -> Checked<ClusterKey> {
    Ok(format!("{number:032}").parse()?)
}
