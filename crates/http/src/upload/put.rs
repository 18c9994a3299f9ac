//! Storing a function.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::ETAG;
use axum::response::Response;
use faasm_model::FunctionName;

use super::kind::Kind;
use super::receive::receive;
use super::view::FunctionView;
use crate::api::Api;
use crate::body::BodyReader;
use crate::detached::detached;
use crate::error::ApiError;
use crate::extract::{self, FunctionParams, FunctionPath, WantsJson};
use crate::quota::Quotas;
use crate::{etag, reply};

/// Stores a function, in force for the next call.
///
/// The body is a WebAssembly module or its text form. It is validated, compiled and
/// durable before the answer.
#[utoipa::path(put, path = "/f/{user}/{function}", tag = "functions", params(FunctionParams),
    request_body(content_type = "application/wasm", content = Vec<u8>),
    responses((status = 200, description = "Stored; a line of text, or JSON", body = FunctionView)),
)]
pub(crate) async fn put_function(
    State(api): State<Api>,
    FunctionPath(name): FunctionPath,
    WantsJson(json): WantsJson,
    body: Body,
) -> Result<Response, ApiError> {
    put(&api, Kind::Wasm, &name, json, body).await
}

/// Stores `body` as a function of that kind.
pub(super) async fn put(
    api: &Api,
    kind: Kind,
    name: &FunctionName,
    json: bool,
    body: Body,
) -> Result<Response, ApiError> {
    extract::refuse_reserved("user", &name.user)?;
    let options = &api.options;
    let body = BodyReader::new(body, options.max_function_bytes, options.body_idle_timeout)?;
    let upload = receive(api, body).await?;
    let room = Quotas::reserve(api, kind, name, upload.size())?;
    let (faaslets, published) = (api.calls.faaslets().clone(), name.clone());
    let publish = async move {
        // What has begun is stored even if the client goes away: it counts until then.
        let _room = room;
        match kind {
            Kind::Wasm => faaslets.publish(&published, upload).await,
            Kind::Python => faaslets.publish_python(&published, upload).await,
        }
    };
    let record = detached(publish).await?;
    let mut response = match json {
        true => reply::json(&FunctionView::from(record.as_ref()))?,
        false => reply::text(format!(
            "{name}: {} bytes, hash {}\n",
            record.size, record.hash
        )),
    };
    response
        .headers_mut()
        .insert(ETAG, etag::quoted(record.hash)?);
    Ok(response)
}
