//! Tokens in JSON.

use faasm_auth::{Label, Scope, TokenId, TokenRecord, Users};
use serde::Serialize;
use utoipa::ToSchema;

/// A token without its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = Token)]
pub(super) struct TokenView<'a> {
    /// The public part of the token.
    #[schema(value_type = String)]
    id: TokenId,
    /// What people call it.
    #[schema(value_type = String)]
    label: &'a Label,
    /// What it lets its bearer do: upload, invoke, read, files, admin.
    #[schema(value_type = Vec<String>)]
    scopes: Vec<Scope>,
    /// For whom: users, or * alone.
    #[schema(value_type = Vec<String>)]
    users: &'a Users,
    /// When it was made, in milliseconds since 1970.
    created_at_ms: u64,
    /// From when on it no longer counts; null, never.
    expires_at_ms: Option<u64>,
}

impl<'a> From<&'a TokenRecord> for TokenView<'a> {
    fn from(record: &'a TokenRecord) -> Self {
        Self {
            id: record.id,
            label: &record.label,
            scopes: record.grant.scopes().collect(),
            users: record.grant.users(),
            created_at_ms: record.created_at_ms,
            expires_at_ms: record.expires_at_ms,
        }
    }
}
