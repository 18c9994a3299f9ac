//! Reading a function back.

use axum::extract::State;
use axum::http::header::{CONTENT_LENGTH, ETAG};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use faasm_model::FunctionName;

use super::kind::Kind;
use super::view::FunctionInfoView;
use crate::api::Api;
use crate::error::ApiError;
use crate::extract::{FunctionParams, FunctionPath};
use crate::{download, etag, reply};

const WASM: HeaderValue = HeaderValue::from_static("application/wasm");
const PYTHON: HeaderValue = HeaderValue::from_static("text/x-python; charset=utf-8");
const ZIP: HeaderValue = HeaderValue::from_static("application/zip");

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
    get(&api, Kind::Wasm, &name, &headers).await
}

/// The bytes of a function of that kind.
pub(super) async fn get(
    api: &Api,
    kind: Kind,
    name: &FunctionName,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let record = kind.find(api, name)?;
    let tag = etag::quoted(record.hash)?;
    if etag::is_known(headers, &tag) {
        return Ok(etag::not_modified(tag));
    }
    let pieces = kind.functions(api).read(&record).await?;
    let (first, body) = download::begin(pieces, record.size, api.calls.faaslets().budget()).await?;
    let mut response = reply::with(StatusCode::OK, content_type(kind, &first), body);
    response.headers_mut().insert(ETAG, tag);
    response
        .headers_mut()
        .insert(CONTENT_LENGTH, record.size.into());
    Ok(response)
}

/// What a function's first bytes say that it is.
fn content_type(kind: Kind, first: &[u8]) -> HeaderValue {
    match kind {
        Kind::Wasm if first.starts_with(b"\0asm") => WASM,
        Kind::Wasm => reply::TEXT,
        Kind::Python if first.starts_with(b"PK\x03\x04") => ZIP,
        Kind::Python => PYTHON,
    }
}

/// What is known of a function.
#[utoipa::path(get, path = "/f/{user}/{function}/info", tag = "functions", params(FunctionParams),
    responses((status = 200, description = "The function and its limits", body = FunctionInfoView)),
)]
pub(crate) async fn function_info(
    State(api): State<Api>,
    FunctionPath(name): FunctionPath,
) -> Result<Response, ApiError> {
    info(&api, Kind::Wasm, &name).await
}

/// What is known of a function of that kind.
pub(super) async fn info(api: &Api, kind: Kind, name: &FunctionName) -> Result<Response, ApiError> {
    let record = kind.find(api, name)?;
    let limits = api.calls.faaslets().limits(&record);
    let image = api.calls.faaslets().image(&record, &kind.target()).await;
    reply::json(&FunctionInfoView::new(&record, &limits, image))
}
