//! What other servers change.

use bytes::Bytes;
use faasm_model::ContentHash;
use tokio::task::spawn_blocking;

use super::{Lent, ObjectKey, ObjectKind};
use crate::records::{Blobs, MAX_RECORD_BYTES};
use crate::{Error, Result, SpooledFile};

impl Lent {
    /// Stores `body` as an object, durably, in the place of one that is there.
    ///
    /// # Errors
    /// [`Error::InvalidObject`] for content that is not what its key says, a record that cannot be
    /// used or names content that is not there, and for the identity, which never changes. Else as
    /// putting the function or the file here.
    pub async fn put(&self, key: &ObjectKey, body: SpooledFile) -> Result<()> {
        let storage = &self.storage;
        match key.kind() {
            ObjectKind::Identity => Err(invalid(key, "it is there already, and never changes")),
            ObjectKind::Function(_) => {
                let functions = storage.functions();
                functions
                    .put_record(key.key(), &small(key, body).await?)
                    .await
            }
            ObjectKind::Python(_) => {
                let functions = storage.python();
                functions
                    .put_record(key.key(), &small(key, body).await?)
                    .await
            }
            ObjectKind::File => {
                let files = storage.files();
                files.put_record(key.key(), &small(key, body).await?).await
            }
            ObjectKind::Code(hash) => put(key, *hash, storage.functions().blobs(), body).await,
            ObjectKind::Source(hash) => put(key, *hash, storage.python().blobs(), body).await,
            ObjectKind::Content(hash) => put(key, *hash, storage.files().blobs(), body).await,
            ObjectKind::Artifact => {
                let stored = storage.objects().put_file(key.key().clone(), body);
                stored.await.map(drop)
            }
        }
    }

    /// Deletes a record with what it is of, or compiled code; it is no error if there is none.
    ///
    /// # Errors
    /// [`Error::InvalidObject`] for content, which goes by itself, and for the identity. Else as
    /// deleting the function or the file here.
    pub async fn delete(&self, key: &ObjectKey) -> Result<()> {
        let storage = &self.storage;
        match key.kind() {
            ObjectKind::Function(name) => storage.functions().delete_record(name).await,
            ObjectKind::Python(name) => storage.python().delete_record(name).await,
            ObjectKind::File => storage.files().delete_record(key.key()).await,
            ObjectKind::Artifact => storage.objects().discard(key.key().clone()).await,
            ObjectKind::Identity
            | ObjectKind::Code(_)
            | ObjectKind::Source(_)
            | ObjectKind::Content(_) => Err(invalid(key, "it goes when nothing refers to it")),
        }
    }
}

async fn put(key: &ObjectKey, hash: ContentHash, blobs: &Blobs, body: SpooledFile) -> Result<()> {
    match body.hash() == hash {
        true => blobs.acquire_for_a_while(body).await,
        false => Err(invalid(key, "the bytes have another hash")),
    }
}

async fn small(key: &ObjectKey, body: SpooledFile) -> Result<Bytes> {
    if body.size() > MAX_RECORD_BYTES {
        return Err(invalid(key, "a record is not that large"));
    }
    let read = spawn_blocking(move || {
        let read = std::fs::read(body.path());
        read.map_err(Error::io("read", body.path()))
    });
    Ok(read.await??.into())
}

fn invalid(key: &ObjectKey, problem: &str) -> Error {
    Error::InvalidObject {
        key: key.to_string(),
        problem: problem.to_owned(),
    }
}
