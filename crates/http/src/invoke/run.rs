//! Accepting calls that run on their own.

use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use faasm_model::{CallId, Invocation};
use serde::Serialize;

use super::idempotency;
use crate::api::Api;
use crate::error::ApiError;
use crate::reply;

/// A call to accept, and how to answer.
pub(crate) struct Request<'a> {
    pub(crate) invocation: Invocation,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) json: bool,
}

#[derive(Serialize)]
struct Accepted {
    id: CallId,
}

/// Has the call run and answers with its id, once it is durable.
pub(crate) async fn accept(api: &Api, request: Request<'_>) -> Result<Response, ApiError> {
    let idempotency = idempotency::of(request.headers, &request.invocation)?;
    let id = api.calls.submit(request.invocation, idempotency).await?;
    let mut response = match request.json {
        true => reply::json_with(StatusCode::ACCEPTED, &Accepted { id })?,
        false => reply::with(StatusCode::ACCEPTED, reply::TEXT, id.to_string()),
    };
    if let Ok(location) = HeaderValue::try_from(format!("/calls/{id}")) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}
