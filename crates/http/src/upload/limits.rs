//! A function's own limits.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use faasm_model::{FunctionName, LimitOverrides};
use utoipa::ToSchema;

use super::kind::Kind;
use super::view::FunctionView;
use crate::api::Api;
use crate::body::BodyReader;
use crate::error::ApiError;
use crate::extract::{FunctionParams, FunctionPath};
use crate::{json, reply};

/// Far more than four numbers need.
const MAX_BODY: u64 = 64 << 10;

/// A function's own limits; what is absent follows the server's.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "documents LimitOverrides, which knows nothing of OpenAPI"
)]
pub(crate) struct OwnLimits {
    /// Largest linear memory, in bytes.
    memory_bytes: Option<u64>,
    /// Longest wall-clock time, in milliseconds.
    time_ms: Option<u64>,
    /// Most table elements.
    table_elements: Option<u64>,
    /// Largest sum of stdout, stderr and output data, in bytes.
    output_bytes: Option<u64>,
}

/// Replaces all of a function's own limits.
#[utoipa::path(put, path = "/f/{user}/{function}/limits", tag = "functions", params(FunctionParams),
    request_body = OwnLimits,
    responses((status = 200, description = "The function with its new limits", body = FunctionView)),
)]
pub(crate) async fn put_limits(
    State(api): State<Api>,
    FunctionPath(name): FunctionPath,
    body: Body,
) -> Result<Response, ApiError> {
    put(&api, Kind::Wasm, &name, body).await
}

/// Replaces the own limits of a function of that kind.
pub(super) async fn put(
    api: &Api,
    kind: Kind,
    name: &FunctionName,
    body: Body,
) -> Result<Response, ApiError> {
    let body = BodyReader::new(body, MAX_BODY, api.options.body_idle_timeout)?;
    let body = body.collect(api.calls.faaslets().budget()).await?;
    let limits: LimitOverrides = json::parse_object(&body)?;
    match kind.functions(api).set_limits(name, limits).await? {
        Some(record) => reply::json(&FunctionView::from(record.as_ref())),
        None => Err(kind.not_found(name)),
    }
}
