//! State in JSON.

use axum::http::HeaderValue;
use faasm_model::{Key, Name, StateKey};
use faasm_state::tier::{ListedKey, Meta};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{ApiError, ErrorCode};
use crate::etag;

/// A state value.
#[derive(Serialize, ToSchema)]
#[schema(as = StateValue)]
pub(super) struct ValueView<'a> {
    /// The owner.
    #[schema(value_type = String)]
    user: &'a Name,
    /// The key among the owner's values.
    #[schema(value_type = String)]
    key: &'a Key,
    /// In bytes.
    size: u64,
    /// Raised by every change.
    version: u64,
}

/// A key in a list.
#[derive(Serialize, ToSchema)]
#[schema(as = StateKey)]
pub(super) struct KeyView {
    /// The key.
    #[schema(value_type = String)]
    key: Key,
    /// The size of its value in bytes; null if it only has elements.
    size: Option<u64>,
    /// The version of its value.
    version: Option<u64>,
    /// How many elements were appended to it.
    elements: u64,
}

/// How many elements a key has.
#[derive(Serialize, ToSchema)]
#[schema(as = StateElementCount)]
pub(super) struct CountView<'a> {
    /// The owner.
    #[schema(value_type = String)]
    pub(super) user: &'a Name,
    /// The key.
    #[schema(value_type = String)]
    pub(super) key: &'a Key,
    /// How many elements were appended to it.
    pub(super) elements: u64,
}

impl<'a> ValueView<'a> {
    pub(super) fn new(key: &'a StateKey, meta: Meta) -> Self {
        let StateKey { user, key } = key;
        Self {
            user,
            key,
            size: meta.size,
            version: meta.version.0,
        }
    }
}

impl From<ListedKey> for KeyView {
    fn from(listed: ListedKey) -> Self {
        Self {
            key: listed.key,
            size: listed.value.map(|meta| meta.size),
            version: listed.value.map(|meta| meta.version.0),
            elements: listed.elements,
        }
    }
}

/// The version as an entity tag.
pub(super) fn tag(meta: Meta) -> Result<HeaderValue, ApiError> {
    etag::quoted(meta.version.0)
}

pub(super) fn not_found(what: &str, key: &StateKey) -> ApiError {
    ApiError::new(
        ErrorCode::StateNotFound,
        format!("there is no {what} {key}"),
    )
}
