//! What is kept of a token.

use serde::{Deserialize, Serialize};

use crate::{Error, Grant, Label, Result, SecretHash, TokenId};

/// A token as a server keeps it: everything but the secret.
///
/// Stores write it as JSON. A record with a field that this version does not know is not read: the
/// field may be a bound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRecord {
    /// The public part of the token.
    pub id: TokenId,
    /// By which the secret is recognised.
    pub hash: SecretHash,
    /// What people call it.
    pub label: Label,
    /// What it lets its bearer do.
    pub grant: Grant,
    /// When it was made, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// From when on it no longer counts, in milliseconds since 1970; `None`, never.
    pub expires_at_ms: Option<u64>,
}

/// A token that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// What people call it.
    pub label: Label,
    /// What it lets its bearer do.
    pub grant: Grant,
    /// From when on it no longer counts, in milliseconds since 1970; `None`, never.
    pub expires_at_ms: Option<u64>,
}

impl TokenRecord {
    /// Most bytes of a record that is stored; none has as many.
    pub const MAX_STORED_BYTES: usize = 64 << 10;

    /// The record as stores keep it, by its id.
    ///
    /// # Errors
    /// [`Error::Storage`] if it cannot be written down.
    pub fn to_stored(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|error| Error::Storage(error.to_string()))
    }

    /// Reads what is stored under `id`. `None` if that is not what [`to_stored`](Self::to_stored)
    /// wrote there: such a token does not count, and the server's log is told.
    pub fn from_stored(id: &[u8], json: &[u8]) -> Option<Self> {
        let why = match serde_json::from_slice::<Self>(json) {
            _ if json.len() > Self::MAX_STORED_BYTES => "it is too long".to_owned(),
            Ok(record) if record.id.to_string().as_bytes() == id => return Some(record),
            Ok(_) => "it is another's".to_owned(),
            Err(error) => error.to_string(),
        };
        let id = String::from_utf8_lossy(&id[..id.len().min(40)]);
        tracing::error!(%id, why, "the record of a token is damaged; the token no longer counts");
        None
    }

    /// Whether it no longer counts.
    pub fn is_expired(&self, now_ms: u64) -> bool {
        self.expires_at_ms.is_some_and(|end| now_ms >= end)
    }
}
