//! Deleting a function.

use axum::extract::State;
use axum::response::Response;

use super::view::not_found;
use crate::api::Api;
use crate::error::ApiError;
use crate::extract::{FunctionParams, FunctionPath};
use crate::reply;

/// Deletes a function; calls in flight finish.
#[utoipa::path(delete, path = "/f/{user}/{function}", tag = "functions", params(FunctionParams),
    responses((status = 200, description = "Deleted", content_type = "text/plain", body = String)),
)]
pub(crate) async fn delete_function(
    State(api): State<Api>,
    FunctionPath(name): FunctionPath,
) -> Result<Response, ApiError> {
    match api.storage.functions().delete(&name).await? {
        true => Ok(reply::text(format!("{name}: deleted\n"))),
        false => Err(not_found(&name)),
    }
}
