//! Reading a value from outside, piece by piece.

use std::sync::Arc;

use bytes::Bytes;
use faasm_model::StateKey;

use crate::error::Result;
use crate::state::State;
use crate::tier::{GlobalTier, Meta, Pin};

/// A value that is being read from the global tier. It stays the one that was opened,
/// though it be set anew or deleted meanwhile; what is patched in it is seen.
pub struct Reading {
    tier: Arc<dyn GlobalTier>,
    meta: Meta,
    _pin: Pin,
}

impl State {
    /// Opens a value to be read; `None` if there is none.
    ///
    /// # Errors
    /// Those of the global tier.
    pub async fn reading(&self, key: &StateKey) -> Result<Option<Reading>> {
        let opened = self.0.tier.open(key).await?;
        Ok(opened.map(|(meta, pin)| Reading {
            tier: Arc::clone(&self.0.tier),
            meta,
            _pin: pin,
        }))
    }

    /// How many elements were appended to a key.
    ///
    /// # Errors
    /// Those of the global tier.
    pub async fn elements(&self, key: &StateKey) -> Result<u64> {
        // Of the keys that begin with this one, this one is the first.
        let first = self.list(&key.user, key.key.as_str(), None, 1).await?;
        let listed = first.iter().find(|listed| listed.key == key.key);
        Ok(listed.map_or(0, |listed| listed.elements))
    }
}

impl Reading {
    /// What was known of the value when it was opened.
    pub fn meta(&self) -> Meta {
        self.meta
    }

    /// `length` bytes from `offset` on, at most
    /// [`MAX_PATCH_BYTES`](crate::tier::MAX_PATCH_BYTES).
    ///
    /// # Errors
    /// Those of the global tier.
    pub async fn read(&self, offset: u64, length: u64) -> Result<Bytes> {
        Ok(self.tier.read(self.meta.generation, offset, length).await?)
    }
}
