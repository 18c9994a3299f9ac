//! Deleting a function.

use axum::extract::State;
use axum::response::Response;
use faasm_model::FunctionName;

use super::kind::Kind;
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
    delete(&api, Kind::Wasm, &name).await
}

/// Deletes a function of that kind.
pub(super) async fn delete(
    api: &Api,
    kind: Kind,
    name: &FunctionName,
) -> Result<Response, ApiError> {
    match kind.functions(api).delete(name).await? {
        true => Ok(reply::text(format!("{name}: deleted\n"))),
        false => Err(kind.not_found(name)),
    }
}
