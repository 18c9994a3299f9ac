//! Entity tags: what they look like, and which of them a client has.

use axum::http::header::{ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;

/// `text` as an entity tag.
pub(crate) fn quoted(text: impl std::fmt::Display) -> Result<HeaderValue, ApiError> {
    let value = HeaderValue::try_from(format!("\"{text}\""));
    value.map_err(|e| ApiError::internal("the server failed to write a header", e))
}

/// Whether `If-None-Match` has `tag`.
pub(crate) fn is_known(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let lists = headers
        .get_all(IF_NONE_MATCH)
        .into_iter()
        .filter_map(|v| v.to_str().ok());
    let mut tags = lists.flat_map(|list| list.split(',')).map(str::trim);
    tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

/// 304: the client has it already.
pub(crate) fn not_modified(tag: HeaderValue) -> Response {
    (StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response()
}
