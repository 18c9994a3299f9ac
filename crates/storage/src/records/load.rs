//! Reading all records of a kind at start.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use faasm_model::ContentHash;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path as Key;

use super::blobs::Blobs;
use super::commit::{Committer, MAX_RECORD_BYTES};
use super::{Content, Fault, Index, Record, stored};
use crate::objects::{Listed, Objects};
use crate::{DataDirLock, Error, Result};

/// Records that are read by one task.
const BATCH_RECORDS: usize = 256;

/// Tasks that read records at the same time.
const CONCURRENT_BATCHES: usize = 4;

/// Sizes of the stored content.
type Sizes = HashMap<ContentHash, u64>;

/// Loads the records that are whole into `index`. Whatever is not is logged and left where
/// it is; content without a record is deleted only if there was nothing of the kind, for
/// it may belong to a record that cannot be read. What other servers share is not deleted,
/// and that content is there is not checked before it is read.
pub(crate) async fn load<I: Index>(
    objects: Objects,
    index: I,
    blobs: Blobs,
    lock: Arc<DataDirLock>,
) -> Result<Committer<I>> {
    let sizes = match objects.are_shared() {
        true => None,
        false => Some(stored_content(&objects, &blobs).await?),
    };
    let mut faults = 0_u64;
    let mut leave_out = |key: &Key, error: Fault| {
        faults += 1;
        tracing::error!(%key, %error, "a stored record is damaged and was left out");
    };
    let mut whole = Vec::new();
    for (key, bytes) in read_all(&objects, index.folder()).await? {
        if let Err(error @ Error::Unavailable { .. }) = bytes {
            return Err(error);
        }
        match check(&index, &key, bytes, sizes.as_ref()) {
            Ok(record) => whole.push(record),
            Err(error) => leave_out(&key, error),
        }
    }
    // Of two that cannot be beside each other, the newer was acknowledged: it would have
    // been refused if the older had been.
    whole.sort_by_key(|record| Reverse(record.put_at()));
    for record in whole {
        match index.admit(&record) {
            Ok(()) => {
                blobs.share_of(&record);
                index.insert(record);
            }
            Err(error) => leave_out(&I::Record::key(index.folder(), record.name()), error),
        }
    }
    if let Some(sizes) = sizes.filter(|_| faults == 0) {
        delete_orphans(&blobs, &sizes).await;
    }
    Ok(Committer::new(index, blobs, objects, lock))
}

async fn stored_content(objects: &Objects, blobs: &Blobs) -> Result<Sizes> {
    let layout = blobs.layout();
    let listed = objects.list(layout.folder).await?;
    let sized = |object: Listed| Some((layout.hash_of(&object.key)?, object.size));
    Ok(listed.into_iter().filter_map(sized).collect())
}

/// What is in `folder`, piece by piece the bytes or why there are none.
async fn read_all(
    objects: &Objects,
    folder: &'static str,
) -> Result<Vec<(Key, Result<Option<Bytes>>)>> {
    let listed = objects.list(folder).await?;
    let keys: Vec<Key> = listed.into_iter().map(|object| object.key).collect();
    let batches = keys.chunks(BATCH_RECORDS).map(<[Key]>::to_vec);
    stream::iter(batches)
        .map(|keys| objects.get_all_small(keys, MAX_RECORD_BYTES))
        .buffer_unordered(CONCURRENT_BATCHES)
        .try_concat()
        .await
}

/// The record in `bytes`, or why it is left out.
fn check<I: Index>(
    index: &I,
    key: &Key,
    bytes: Result<Option<Bytes>>,
    sizes: Option<&Sizes>,
) -> std::result::Result<I::Record, Fault> {
    let record = decode(index, key, &bytes?.ok_or("it is gone")?)?;
    let content = record.content().map(|c| (c.hash(), c.size()));
    let Some((sizes, (hash, size))) = sizes.zip(content) else {
        return Ok(record);
    };
    match sizes.get(&hash) {
        Some(stored) if *stored == size => Ok(record),
        Some(stored) => Err(format!("its content has {stored} bytes, not {size}").into()),
        None => Err(format!("its content {hash} is missing").into()),
    }
}

/// The record in `bytes`, which were stored under `key`.
pub(super) fn decode<I: Index>(
    index: &I,
    key: &Key,
    bytes: &[u8],
) -> std::result::Result<I::Record, Fault> {
    let record: I::Record = stored::decode(bytes)?;
    if I::Record::key(index.folder(), record.name()) != *key {
        return Err(format!("it says that it is {}", record.name()).into());
    }
    Ok(record)
}

async fn delete_orphans(blobs: &Blobs, sizes: &Sizes) {
    for hash in sizes.keys().filter(|hash| !blobs.is_held(hash)) {
        match blobs.discard(*hash).await {
            Ok(()) => tracing::info!(%hash, "deleted content that no record refers to"),
            Err(error) => tracing::warn!(%hash, %error, "unused content stays on disk"),
        }
    }
}
