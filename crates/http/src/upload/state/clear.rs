//! Emptying a key's list.

use axum::extract::State;
use axum::response::Response;

use super::view::not_found;
use crate::api::Api;
use crate::error::ApiError;
use crate::extract::{StateParams, StatePath};
use crate::reply;

/// Removes all of a key's elements; its value stays.
#[utoipa::path(delete, path = "/s/{user}/{key}/elements", tag = "state", params(StateParams),
    responses((status = 200, description = "Removed", content_type = "text/plain", body = String)),
)]
pub(crate) async fn clear_elements(
    State(api): State<Api>,
    StatePath(key): StatePath,
) -> Result<Response, ApiError> {
    if api.state.elements(&key).await? == 0 {
        return Err(not_found("element of", &key));
    }
    api.state.clear_appended(&key).await?;
    Ok(reply::text(format!("{key}: elements deleted\n")))
}
