//! Conditions on shared files, of which there are none.

use axum::http::HeaderMap;
use axum::http::header::{IF_MATCH, IF_NONE_MATCH};

use crate::error::{ApiError, ErrorCode};

/// Refuses a change that the client wants made only to what it knows.
pub(super) fn refuse_conditions(headers: &HeaderMap) -> Result<(), ApiError> {
    let conditions = [IF_MATCH, IF_NONE_MATCH];
    match conditions.iter().find(|name| headers.contains_key(*name)) {
        Some(name) => {
            let problem = format!("`{name}`: shared files are changed without conditions");
            Err(ApiError::new(ErrorCode::Unsupported, problem))
        }
        None => Ok(()),
    }
}
