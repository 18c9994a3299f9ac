//! Setting a value from outside, piece by piece.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use faasm_model::StateKey;

use crate::error::{Error, Result};
use crate::state::Inner;
use crate::tier::{CHUNK_BYTES, Expect, Generation, MAX_VALUE_BYTES, Meta, Patch, Pin};

/// Bytes that are gathered before they go to the global tier.
const BATCH_BYTES: usize = 32 * CHUNK_BYTES as usize;

/// A value that is being received. Nobody sees it before [`Upload::finish`]; dropping it
/// abandons it.
pub struct Upload {
    state: Arc<Inner>,
    key: StateKey,
    expect: Expect,
    /// Bytes received, and how many of them are staged.
    size: u64,
    staged_bytes: u64,
    batch: BytesMut,
    /// A value that is larger than a batch is staged in the global tier.
    staged: Option<(Generation, Pin)>,
}

impl Upload {
    pub(crate) fn new(state: Arc<Inner>, key: StateKey, expect: Expect) -> Self {
        Self {
            state,
            key,
            expect,
            size: 0,
            staged_bytes: 0,
            batch: BytesMut::new(),
            staged: None,
        }
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    /// [`Error::ValueTooLarge`], and those of the global tier. After an error the upload
    /// is of no use.
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.size += bytes.len() as u64;
        if self.size > MAX_VALUE_BYTES {
            return Err(Error::ValueTooLarge(self.size));
        }
        let mut rest = bytes;
        while self.batch.len() + rest.len() > BATCH_BYTES {
            let fits = rest.split_to(BATCH_BYTES - self.batch.len());
            self.batch.extend_from_slice(&fits);
            self.stage().await?;
        }
        self.batch.extend_from_slice(&rest);
        Ok(())
    }

    async fn stage(&mut self) -> Result<()> {
        let generation = match &self.staged {
            Some((generation, _)) => *generation,
            None => {
                self.staged
                    .insert(self.state.tier.stage(&self.key.user).await?)
                    .0
            }
        };
        let offset = self.staged_bytes;
        self.staged_bytes += self.batch.len() as u64;
        let patches = self.take_batch(offset);
        Ok(self.state.tier.write_staged(generation, patches).await?)
    }

    fn take_batch(&mut self, offset: u64) -> Vec<Patch> {
        let bytes = self.batch.split().freeze();
        match bytes.is_empty() {
            true => Vec::new(),
            false => vec![Patch { offset, bytes }],
        }
    }

    /// Ends the value: from now on it is what the key has.
    ///
    /// # Errors
    /// Those of [`GlobalTier::put`](crate::tier::GlobalTier::put).
    pub async fn finish(mut self) -> Result<Meta> {
        let mut patches = Vec::new();
        match self.staged {
            Some(_) => self.stage().await?,
            None => patches = self.take_batch(0),
        }
        let entry = self.state.store.entry(&self.key);
        let tier = Arc::clone(&self.state.tier);
        let set = async {
            let Self {
                key, size, expect, ..
            } = &self;
            let set = match &self.staged {
                Some((generation, _pin)) => {
                    tier.publish(key, *generation, *size, *expect, None).await
                }
                None => tier.put(key, *size, patches, *expect, None).await,
            };
            Ok((set?, true))
        };
        entry.replace(tier.as_ref(), set).await
    }
}
