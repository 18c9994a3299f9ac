//! Appending to a key's list.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use faasm_model::StateKey;
use faasm_state::tier::MAX_PATCH_BYTES;

use super::view::CountView;
use crate::api::Api;
use crate::body::BodyReader;
use crate::error::ApiError;
use crate::extract::{StateParams, StatePath, WantsJson};
use crate::reply;

/// Appends the body to the key's list as one element.
///
/// The list is apart from the key's value. The element is durable before the answer.
#[utoipa::path(post, path = "/s/{user}/{key}/elements", tag = "state", params(StateParams),
    request_body(content_type = "application/octet-stream", content = Vec<u8>),
    responses((status = 200, description = "How many there are now; a line of text, or JSON", body = CountView)),
)]
pub(crate) async fn append_element(
    State(api): State<Api>,
    StatePath(key): StatePath,
    WantsJson(json): WantsJson,
    body: Body,
) -> Result<Response, ApiError> {
    let body = BodyReader::new(body, MAX_PATCH_BYTES, api.options.body_idle_timeout)?;
    let element = body.collect(api.calls.faaslets().budget()).await?;
    let elements = api.state.append(&key, element).await?;
    if !json {
        return Ok(reply::text(format!("{key}: {elements} elements\n")));
    }
    let StateKey { user, key } = &key;
    reply::json(&CountView {
        user,
        key,
        elements,
    })
}
