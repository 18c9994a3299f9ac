//! Where objects are: in the data directory, in a bucket, or with another server.

mod http;
mod local;
mod location;
mod patience;
mod s3;

use std::fmt::Debug;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use faasm_model::ClusterKey;
use futures::future::BoxFuture;
use futures::{StreamExt, stream};
use object_store::path::Path as Key;
use tokio::runtime::{Handle, RuntimeFlavor};

pub(crate) use http::HttpObjects;
pub use http::{MODIFIED as MODIFIED_HEADER, NO_OBJECT as NO_OBJECT_HEADER};
pub(crate) use local::{LocalObjects, READ_BYTES, read_file};
pub use location::{InvalidLocation, Location};
pub(crate) use s3::S3Objects;
pub use s3::S3Settings;

use crate::cache::Cache;
use crate::{ByteStream, Error, Result, Spool, SpooledFile};

/// Small objects that are read from afar at the same time.
const CONCURRENT_READS: usize = 16;

/// Objects by key. A put is atomic; it and a delete are durable when they return.
pub(crate) trait Backend: Debug + Send + Sync + 'static {
    /// Stores a small object, in the place of one that is there.
    fn put(&self, key: Key, bytes: Bytes) -> BoxFuture<'_, Result<()>>;

    /// Stores a small object where there is none; whether there was none. Of several at the
    /// same time one succeeds.
    fn put_new(&self, key: Key, bytes: Bytes) -> BoxFuture<'_, Result<bool>>;

    /// Makes `file` the object, in the place of one that is there. The file comes back if it
    /// was copied, and not moved.
    fn put_file(&self, key: Key, file: SpooledFile) -> BoxFuture<'_, Result<Option<SpooledFile>>>;

    /// An object's size and bytes, or `None` if it does not exist. Once this returns, the
    /// whole object is delivered even if it is replaced or deleted, or the stream fails.
    fn get(&self, key: Key) -> BoxFuture<'_, Result<Option<(u64, ByteStream)>>>;

    /// The bytes of an object that is at most `max_bytes` large; `None` if there is no such
    /// object.
    fn get_small(&self, key: Key, max_bytes: u64) -> BoxFuture<'_, Result<Option<Bytes>>>;

    /// [`get_small`](Self::get_small) of each of `keys`, at far less than their sum's cost.
    fn get_all_small(&self, keys: Vec<Key>, max_bytes: u64) -> BoxFuture<'_, Result<Vec<Small>>> {
        let read = move |key: Key| async move {
            let bytes = self.get_small(key.clone(), max_bytes).await;
            (key, bytes)
        };
        let all = stream::iter(keys).map(read);
        Box::pin(async { Ok(all.buffer_unordered(CONCURRENT_READS).collect().await) })
    }

    /// What is known of an object without its bytes; `None` if it does not exist.
    fn stat(&self, key: Key) -> BoxFuture<'_, Result<Option<Listed>>>;

    /// Removes objects; it is no error if there are none.
    fn delete_all(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            for key in keys {
                self.discard(key).await?;
            }
            Ok(())
        })
    }

    /// Removes an object in a way that may come undone if the machine fails; it is no error
    /// if there is none.
    fn discard(&self, key: Key) -> BoxFuture<'_, Result<()>>;

    /// Whether what nothing refers to is to be found and deleted by those who put it.
    fn is_collected_here(&self) -> bool {
        true
    }

    /// All objects in a folder, in no order.
    fn list(&self, folder: &str) -> BoxFuture<'_, Result<Vec<Listed>>>;
}

/// A small object that was read, or why it was not.
pub(crate) type Small = (Key, Result<Option<Bytes>>);

/// An object in a list.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) key: Key,
    /// In bytes.
    pub(crate) size: u64,
    pub(crate) modified: SystemTime,
}

/// The objects of a storage, wherever they are. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Objects {
    backend: Arc<dyn Backend>,
    place: Place,
    runtime: Handle,
}

/// Whose objects are.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// Below this directory, for this process alone.
    Here(Arc<Path>),
    /// Shared with other servers; what is read often is kept here.
    Elsewhere(Arc<Cache>),
}

impl Deref for Objects {
    type Target = dyn Backend;

    fn deref(&self) -> &Self::Target {
        &*self.backend
    }
}

impl Objects {
    /// Opens the directory `root`, which exists and which no other process uses.
    pub(crate) fn local(root: PathBuf, runtime: Handle) -> Result<Self> {
        let place = Place::Here(root.as_path().into());
        Ok(Self {
            backend: Arc::new(LocalObjects::open(root)?),
            place,
            runtime,
        })
    }

    /// Those that other servers have as well, with what is read often kept in `cache`.
    pub(crate) fn shared(backend: Arc<dyn Backend>, cache: Cache, runtime: Handle) -> Self {
        Self {
            backend,
            place: Place::Elsewhere(Arc::new(cache)),
            runtime,
        }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Whether other servers change them, too.
    pub(crate) fn are_shared(&self) -> bool {
        matches!(self.place, Place::Elsewhere(_))
    }

    /// Where bodies are received that are on their way from or to another machine.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if they are not.
    pub(crate) fn spool(&self) -> Result<&Spool> {
        match &self.place {
            Place::Elsewhere(cache) => Ok(cache.incoming()),
            Place::Here(_) => Err(Error::Interrupted),
        }
    }

    /// Waits for `work` where nobody can await: on a thread that may block, or one of a
    /// runtime with several, whose other tasks go on elsewhere.
    pub(crate) fn wait_for<T>(&self, work: impl Future<Output = T>) -> T {
        let wait = || self.runtime.block_on(work);
        match Handle::try_current().map(|current| current.runtime_flavor()) {
            Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(wait),
            _ => wait(),
        }
    }
}

/// The backend of a location that is not on this machine, after a look whether it answers.
pub(crate) async fn connect(
    location: &Location,
    s3: &S3Settings,
    key: Option<&ClusterKey>,
) -> Result<Option<Arc<dyn Backend>>> {
    let backend: Arc<dyn Backend> = match location {
        Location::DataDir => return Ok(None),
        Location::S3 { bucket, prefix } => {
            let s3 = S3Objects::open(location, bucket, prefix.as_deref(), s3)?;
            s3.check().await?;
            Arc::new(s3)
        }
        Location::Http(url) => Arc::new(HttpObjects::open(location, url, key)?),
    };
    Ok(Some(backend))
}
