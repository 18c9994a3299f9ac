//! Objects in a bucket.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path as Key;
use object_store::prefix::PrefixStore;
use object_store::{
    BackoffConfig, ClientOptions, Error as StoreError, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMode, RetryConfig,
};
use tokio::task::spawn_blocking;

use super::patience::{CONNECT, Patience};
use super::{Backend, Listed, Location};
use crate::{ByteStream, Error, Result, SpooledFile};

/// Size of the parts in which large objects are sent, in bytes: 10,000 of them, as many as
/// an object may have, are 80 GiB.
const PART: u64 = 8 << 20;

/// Parts of one object that are sent at the same time.
const PARTS_AT_ONCE: usize = 4;

/// How a bucket is reached: the settings `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
/// `AWS_SESSION_TOKEN`, `AWS_REGION`, `AWS_ENDPOINT_URL`, `AWS_ALLOW_HTTP` and their kin.
#[derive(Clone)]
pub struct S3Settings(BTreeMap<String, String>);

impl S3Settings {
    /// These settings, by the names of their environment variables.
    pub fn new<N: Into<String>, V: Into<String>>(of: impl IntoIterator<Item = (N, V)>) -> Self {
        let of = of.into_iter();
        Self(
            of.map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

impl Default for S3Settings {
    /// Those of the environment.
    fn default() -> Self {
        let all = std::env::vars_os();
        let text = all.filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Self::new(text.filter(|(name, _)| name.starts_with("AWS_")))
    }
}

impl fmt::Debug for S3Settings {
    /// Without the values: some are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The objects of a bucket whose keys begin with a prefix.
#[derive(Debug)]
pub(crate) struct S3Objects {
    store: Arc<dyn ObjectStore>,
    patience: Patience,
}

impl S3Objects {
    pub(crate) fn open(
        location: &Location,
        bucket: &str,
        prefix: Option<&str>,
        settings: &S3Settings,
    ) -> Result<Self> {
        // An error says that there is one already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let patience = Patience::with(location);
        // Whole operations are waited for, and the pieces of large ones: a time for each request
        // would end what is large.
        let client = ClientOptions::new()
            .with_timeout_disabled()
            .with_connect_timeout(CONNECT);
        let mut builder = AmazonS3Builder::new().with_client_options(client);
        for (name, value) in &settings.0 {
            if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
                builder = builder.with_config(key, value);
            }
        }
        let retry = RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: 3,
            retry_timeout: CONNECT,
        };
        let store = builder
            .with_bucket_name(bucket)
            .with_retry(retry)
            .build()
            .map_err(|e| patience.unavailable(problem(&e)))?;
        let store: Arc<dyn ObjectStore> = match prefix {
            Some(prefix) => Arc::new(PrefixStore::new(store, prefix)),
            None => Arc::new(store),
        };
        Ok(Self { store, patience })
    }

    /// Whether the bucket is there and may be read.
    pub(crate) async fn check(&self) -> Result<()> {
        let mut listed = self.store.list(None);
        let first = async { listed.try_next().await.map_err(|e| self.failed(e)) };
        self.patience.wait(first).await.map(drop)
    }

    fn failed(&self, error: StoreError) -> Error {
        self.patience.unavailable(problem(&error))
    }

    /// `None` if there is no such object; no bucket is another matter.
    fn found<T>(&self, found: object_store::Result<T>) -> Result<Option<T>> {
        match found {
            Ok(found) => Ok(Some(found)),
            Err(StoreError::NotFound { source, .. }) if !is_no_bucket(&source) => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    async fn put_large(&self, key: &Key, file: &Arc<File>, size: u64) -> Result<()> {
        let begun = async {
            self.store
                .put_multipart(key)
                .await
                .map_err(|e| self.failed(e))
        };
        let mut upload = self.patience.wait(begun).await?;
        let sent = self.send_parts(upload.as_mut(), file, size).await;
        let done = match sent {
            Ok(()) => {
                let complete = async { upload.complete().await.map_err(|e| self.failed(e)) };
                self.patience.wait_for_bytes(PART, complete).await.map(drop)
            }
            Err(error) => Err(error),
        };
        if done.is_err() {
            // The parts would be paid for, else; some buckets clear up by themselves.
            let abort = async { upload.abort().await.map_err(|e| self.failed(e)) };
            if let Err(error) = self.patience.wait(abort).await {
                tracing::warn!(%key, %error, "parts of an upload may stay in the bucket");
            }
        }
        done
    }

    async fn send_parts(
        &self,
        upload: &mut dyn MultipartUpload,
        file: &Arc<File>,
        size: u64,
    ) -> Result<()> {
        let mut under_way = FuturesUnordered::new();
        let mut offset = 0;
        while offset < size {
            if under_way.len() >= PARTS_AT_ONCE {
                under_way.try_next().await?;
            }
            let part = read_part(Arc::clone(file), offset, PART.min(size - offset)).await?;
            offset += part.len() as u64;
            let sent = upload.put_part(part.into());
            let sent = async { sent.await.map_err(|e| self.failed(e)) };
            under_way.push(self.patience.wait_for_bytes(PART, sent));
        }
        under_way.try_collect::<()>().await
    }
}

impl Backend for S3Objects {
    fn put(&self, key: Key, bytes: Bytes) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let put = async { self.store.put(&key, bytes.into()).await };
            let put = async { put.await.map_err(|e| self.failed(e)) };
            self.patience.wait(put).await.map(drop)
        })
    }

    fn put_new(&self, key: Key, bytes: Bytes) -> BoxFuture<'_, Result<bool>> {
        Box::pin(async move {
            let payload = bytes.clone().into();
            let put = async {
                match self
                    .store
                    .put_opts(&key, payload, PutMode::Create.into())
                    .await
                {
                    Ok(_) => Ok(Some(true)),
                    Err(StoreError::AlreadyExists { .. }) => Ok(Some(false)),
                    Err(error) if has_no_conditions(&error) => Ok(None),
                    Err(error) => Err(self.failed(error)),
                }
            };
            if let Some(is_new) = self.patience.wait(put).await? {
                return Ok(is_new);
            }
            // The next best: two at the same time may both think that they were first.
            if self.stat(key.clone()).await?.is_some() {
                return Ok(false);
            }
            self.put(key, bytes).await.map(|()| true)
        })
    }

    fn put_file(&self, key: Key, file: SpooledFile) -> BoxFuture<'_, Result<Option<SpooledFile>>> {
        Box::pin(async move {
            let opened = File::open(file.path()).map_err(Error::io("open", file.path()))?;
            let (opened, size) = (Arc::new(opened), file.size());
            if size > PART {
                self.put_large(&key, &opened, size).await?;
            } else {
                let bytes = read_part(opened, 0, size).await?;
                let put = async { self.store.put(&key, bytes.into()).await };
                let put = async { put.await.map_err(|e| self.failed(e)) };
                self.patience.wait_for_bytes(size, put).await?;
            }
            Ok(Some(file))
        })
    }

    fn get(&self, key: Key) -> BoxFuture<'_, Result<Option<(u64, ByteStream)>>> {
        Box::pin(async move {
            let get = async { self.found(self.store.get(&key).await) };
            let Some(got) = self.patience.wait(get).await? else {
                return Ok(None);
            };
            let size = got.meta.size;
            let patience = self.patience.clone();
            let pieces = got.into_stream();
            let pieces = pieces.map_err(move |e| patience.unavailable(problem(&e)));
            Ok(Some((size, self.patience.wait_for_each(pieces.boxed()))))
        })
    }

    fn get_small(&self, key: Key, max_bytes: u64) -> BoxFuture<'_, Result<Option<Bytes>>> {
        Box::pin(async move {
            let get = async {
                let Some(got) = self.found(self.store.get(&key).await)? else {
                    return Ok(None);
                };
                if got.meta.size > max_bytes {
                    return Err(Error::TooLarge { limit: max_bytes });
                }
                got.bytes().await.map(Some).map_err(|e| self.failed(e))
            };
            self.patience.wait(get).await
        })
    }

    fn stat(&self, key: Key) -> BoxFuture<'_, Result<Option<Listed>>> {
        Box::pin(async move {
            let head = async { self.found(self.store.head(&key).await) };
            Ok(self.patience.wait(head).await?.map(listed))
        })
    }

    fn discard(&self, key: Key) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let delete = async { self.found(self.store.delete(&key).await) };
            self.patience.wait(delete).await.map(drop)
        })
    }

    fn list(&self, folder: &str) -> BoxFuture<'_, Result<Vec<Listed>>> {
        let folder = Key::from(folder);
        Box::pin(async move {
            let mut objects = self.store.list(Some(&folder));
            let mut all = Vec::new();
            loop {
                let next = async { objects.try_next().await.map_err(|e| self.failed(e)) };
                match self.patience.wait(next).await? {
                    Some(object) => all.push(listed(object)),
                    None => return Ok(all),
                }
            }
        })
    }
}

fn listed(object: ObjectMeta) -> Listed {
    Listed {
        key: object.location,
        size: object.size,
        modified: object.last_modified.into(),
    }
}

async fn read_part(file: Arc<File>, offset: u64, size: u64) -> Result<Bytes> {
    spawn_blocking(move || {
        let mut part = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
        let read = file.read_exact_at(&mut part, offset);
        read.map_err(Error::io("read a spooled body of", "spool".as_ref()))?;
        Ok(Bytes::from(part))
    })
    .await?
}

/// What is wrong, and what to do about it.
fn problem(error: &StoreError) -> String {
    let text = error.to_string();
    // Some requests fail without a kind of their own.
    let is_refused = text.contains("403 Forbidden") || text.contains("401 Unauthorized");
    if is_no_bucket(error) {
        "has no such bucket: make it, or correct the name".to_owned()
    } else if text.contains("169.254.") {
        "has no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY".to_owned()
    } else if is_refused {
        format!(
            "refuses the credentials in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what they are used for: {text}"
        )
    } else {
        format!("cannot be used: {text}")
    }
}

fn is_no_bucket(error: &(impl fmt::Display + ?Sized)) -> bool {
    error.to_string().contains("NoSuchBucket")
}

/// Whether the store does not know puts with conditions.
fn has_no_conditions(error: &StoreError) -> bool {
    let text = error.to_string();
    matches!(error, StoreError::NotImplemented { .. }) || text.contains("NotImplemented")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_show_no_secrets() {
        let settings = S3Settings::new([("AWS_SECRET_ACCESS_KEY", "hidden")]);
        let shown = format!("{settings:?}");
        assert!(shown.contains("AWS_SECRET_ACCESS_KEY") && !shown.contains("hidden"));
    }
}
