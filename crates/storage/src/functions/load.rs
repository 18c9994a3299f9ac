//! Reading everything at start.

use std::collections::HashMap;
use std::sync::Arc;

use faasm_model::ContentHash;
use futures::TryStreamExt;
use object_store::ObjectMeta;
use object_store::path::Path as Key;

use super::FunctionRecord;
use super::blobs::{Blobs, blob_key, hash_of};
use super::commit::{Committer, MAX_RECORD_BYTES};
use super::index::Index;
use super::record::name_of;
use crate::objects::Objects;
use crate::{Artifacts, DataDirLock, Result};

/// Records that are read at the same time.
const CONCURRENT_READS: usize = 16;

/// Why a record is left out.
type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Sizes of the stored code.
type Sizes = HashMap<ContentHash, u64>;

/// Loads the functions that are whole. Whatever is not is logged and left where it is;
/// code without a function is deleted only if there was nothing of the kind, for it may
/// belong to a record that cannot be read.
pub(super) async fn load(
    objects: Objects,
    artifacts: Artifacts,
    lock: Arc<DataDirLock>,
) -> Result<Committer> {
    let sizes = stored_code(&objects).await?;
    let blobs = Blobs::new(objects.clone(), artifacts);
    let index = Index::default();
    let mut faults = 0_u64;
    let mut records = objects
        .list(&Key::from("functions"))
        .map_ok(|meta| read_record(&objects, &sizes, meta))
        .try_buffer_unordered(CONCURRENT_READS);
    while let Some((key, record)) = records.try_next().await? {
        match record {
            Ok(record) => {
                blobs.share(record.hash);
                index.insert(Arc::new(record));
            }
            Err(error) => {
                faults += 1;
                tracing::error!(%key, %error, "a stored function is damaged and was left out");
            }
        }
    }
    drop(records);
    if faults == 0 {
        delete_orphans(&objects, &blobs, &sizes).await;
    }
    Ok(Committer::new(index, blobs, objects, lock))
}

async fn stored_code(objects: &Objects) -> Result<Sizes> {
    let list = objects.list(&Key::from("code"));
    let sized =
        |meta: ObjectMeta| async move { Ok(hash_of(&meta.location).map(|hash| (hash, meta.size))) };
    list.try_filter_map(sized).try_collect().await
}

/// The record in `meta`, or why it is left out; never an error of the whole.
async fn read_record(
    objects: &Objects,
    sizes: &Sizes,
    meta: ObjectMeta,
) -> Result<(Key, std::result::Result<FunctionRecord, Fault>)> {
    let key = meta.location;
    let record = async {
        let name = name_of(&key).ok_or("its path is not that of a function")?;
        let bytes = objects.get_small(&key, MAX_RECORD_BYTES).await?;
        let bytes = bytes.ok_or("it is gone")?;
        let record: FunctionRecord = serde_json::from_slice(&bytes)?;
        if record.name != name {
            return Err(format!("it says that it is {}", record.name).into());
        }
        match sizes.get(&record.hash) {
            Some(size) if *size == record.size => Ok(record),
            Some(size) => Err(format!("its code has {size} bytes, not {}", record.size).into()),
            None => Err(format!("its code {} is missing", record.hash).into()),
        }
    };
    let record = record.await;
    Ok((key, record))
}

async fn delete_orphans(objects: &Objects, blobs: &Blobs, sizes: &Sizes) {
    for hash in sizes.keys().filter(|hash| !blobs.is_held(hash)) {
        match objects.delete(&blob_key(*hash)).await {
            Ok(()) => tracing::info!(%hash, "deleted code that no function refers to"),
            Err(error) => tracing::warn!(%hash, %error, "unused code stays on disk"),
        }
    }
}
