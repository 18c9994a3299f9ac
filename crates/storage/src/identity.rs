//! What tells one storage from another.

use std::time::Duration;

use bytes::Bytes;
use object_store::path::Path as Key;
use serde::{Deserialize, Serialize};

use crate::objects::Objects;
use crate::{Error, Result};

/// The name of the object.
pub(crate) const OBJECT: &str = "storage.json";

/// The version that this code reads and writes.
const VERSION: u32 = 1;

/// Largest object that is read, in bytes.
const MAX_BYTES: u64 = 4096;

/// By when the id of a new storage is the one that it keeps.
const SETTLES: Duration = Duration::from_millis(500);

#[derive(Serialize, Deserialize)]
struct Identity {
    version: u32,
    /// Random.
    id: String,
}

/// The id of a storage, which gets one if it has none.
pub(crate) async fn id(objects: &Objects) -> Result<String> {
    let key = Key::from(OBJECT);
    if let Some(id) = read(objects, &key).await? {
        return Ok(id);
    }
    let mut random = [0; 16];
    getrandom::fill(&mut random)
        .map_err(std::io::Error::from)
        .map_err(Error::io("get random bytes for", OBJECT.as_ref()))?;
    let id = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let identity = Identity {
        version: VERSION,
        id,
    };
    let bytes = serde_json::to_vec(&identity).map_err(|e| Error::unusable(&key, &e))?;
    objects.put_new(key.clone(), Bytes::from(bytes)).await?;
    // Read even if it was new, and after a moment: not every bucket tells the first from the
    // second, if two servers make it their storage at once.
    if objects.are_shared() {
        tokio::time::sleep(SETTLES).await;
    }
    let stored = read(objects, &key).await?;
    stored.ok_or_else(|| Error::unusable(&key, &"it was stored and is not there"))
}

async fn read(objects: &Objects, key: &Key) -> Result<Option<String>> {
    let Some(bytes) = objects.get_small(key.clone(), MAX_BYTES).await? else {
        return Ok(None);
    };
    let unusable = |problem: &dyn std::fmt::Display| Error::UnusableRecord {
        key: key.to_string(),
        problem: problem.to_string(),
    };
    let found: Identity = serde_json::from_slice(&bytes).map_err(|e| unusable(&e))?;
    let is_id = found.id.len() == 32 && found.id.bytes().all(|b| b.is_ascii_hexdigit());
    match found.version == VERSION && is_id {
        true => Ok(Some(found.id)),
        false => Err(unusable(&"it is of another version of faasm")),
    }
}
