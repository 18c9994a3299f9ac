//! Reading a function back.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{CONTENT_LENGTH, ETAG};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use faasm_model::FunctionName;
use faasm_storage::FunctionRecord;

use super::view::{FunctionInfoView, not_found};
use crate::api::Api;
use crate::error::ApiError;
use crate::extract::{FunctionParams, FunctionPath};
use crate::{download, etag, reply};

const WASM: HeaderValue = HeaderValue::from_static("application/wasm");

/// The bytes that were put.
#[utoipa::path(get, path = "/f/{user}/{function}", tag = "functions",
    params(FunctionParams, ("If-None-Match" = Option<String>, Header, description = "Entity tags that the client has")),
    responses(
        (status = 200, description = "The bytes; text/plain if it is the text form",
            content_type = "application/wasm", body = Vec<u8>, headers(("ETag" = String, description = "The hash of the bytes"))),
        (status = 304, description = "The client has these bytes"),
    ),
)]
pub(crate) async fn get_function(
    State(api): State<Api>,
    FunctionPath(name): FunctionPath,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let record = find(&api, &name)?;
    let tag = etag::quoted(record.hash)?;
    if etag::is_known(&headers, &tag) {
        return Ok(etag::not_modified(tag));
    }
    let pieces = api.storage.functions().read(&record).await?;
    let (first, body) = download::begin(pieces, record.size, api.calls.faaslets().budget()).await?;
    let kind = match first.starts_with(b"\0asm") {
        true => WASM,
        false => reply::TEXT,
    };
    let mut response = reply::with(StatusCode::OK, kind, body);
    response.headers_mut().insert(ETAG, tag);
    response
        .headers_mut()
        .insert(CONTENT_LENGTH, record.size.into());
    Ok(response)
}

/// What is known of a function.
#[utoipa::path(get, path = "/f/{user}/{function}/info", tag = "functions", params(FunctionParams),
    responses((status = 200, description = "The function and its limits", body = FunctionInfoView)),
)]
pub(crate) async fn function_info(
    State(api): State<Api>,
    FunctionPath(name): FunctionPath,
) -> Result<Response, ApiError> {
    let record = find(&api, &name)?;
    let limits = api.calls.faaslets().limits(&record);
    let image = api.calls.faaslets().image(&record).await;
    reply::json(&FunctionInfoView::new(&record, &limits, image))
}

fn find(api: &Api, name: &FunctionName) -> Result<Arc<FunctionRecord>, ApiError> {
    api.storage
        .functions()
        .get(name)
        .ok_or_else(|| not_found(name))
}
