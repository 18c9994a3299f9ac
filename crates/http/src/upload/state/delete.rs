//! Deleting a value.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use super::condition;
use super::view::not_found;
use crate::api::Api;
use crate::detached::detached;
use crate::error::ApiError;
use crate::extract::{StateParams, StatePath};
use crate::reply;

/// Deletes a value; its appended elements stay. Calls that have it mapped keep that.
#[utoipa::path(delete, path = "/s/{user}/{key}", tag = "state",
    params(StateParams,
        ("If-Match" = Option<String>, Header, description = "Delete it only if it has this version, in quotes")),
    responses((status = 200, description = "Deleted", content_type = "text/plain", body = String)),
)]
pub(crate) async fn delete_state(
    State(api): State<Api>,
    StatePath(key): StatePath,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let expect = condition::of(&headers)?;
    let (state, deleted) = (api.state.clone(), key.clone());
    match detached(async move { state.delete(&deleted, expect).await }).await? {
        true => Ok(reply::text(format!("{key}: deleted\n"))),
        false => Err(not_found("state value", &key)),
    }
}
