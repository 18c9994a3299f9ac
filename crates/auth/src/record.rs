//! What is kept of a token.

use serde::{Deserialize, Serialize};

use crate::{Grant, Label, SecretHash, TokenId};

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
    /// Whether it no longer counts.
    pub fn is_expired(&self, now_ms: u64) -> bool {
        self.expires_at_ms.is_some_and(|end| now_ms >= end)
    }
}
