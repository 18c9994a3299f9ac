//! Storing and deleting objects.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::IF_NONE_MATCH;
use axum::response::Response;
use faasm_storage::{Lent, ObjectKey, ObjectKind};

use super::target::{ObjectParams, Target};
use crate::api::Api;
use crate::body::BodyReader;
use crate::error::{ApiError, ErrorCode};
use crate::reply;
use crate::upload::receive::receive;

/// Stores an object, durably, in the place of one that is there.
///
/// A record is in force at once. What it names has to be stored before.
#[utoipa::path(put, path = "/storage/{key}", tag = "storage", params(ObjectParams),
    request_body(content_type = "application/octet-stream", content = Vec<u8>),
    responses((status = 200, description = "Stored")),
)]
pub(crate) async fn put_object(
    State(api): State<Api>,
    Target(key): Target,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let is_conditional = headers.contains_key(IF_NONE_MATCH);
    if is_conditional && api.storage.lent().info(&key).await?.is_some() {
        let problem = format!("there is {key} already");
        return Err(ApiError::new(ErrorCode::ObjectExists, problem));
    }
    let limit = max_bytes(&api, &key);
    let body = BodyReader::new(body, limit, api.options.body_idle_timeout)?;
    let body = receive(&api, body).await?;
    api.storage.lent().put(&key, body).await?;
    Ok(reply::text(format!("{key}: stored\n")))
}

/// Deletes a record, and with it what it is of, or compiled code. Content goes by itself.
#[utoipa::path(delete, path = "/storage/{key}", tag = "storage", params(ObjectParams),
    responses((status = 200, description = "There is no such object any more")),
)]
pub(crate) async fn delete_object(
    State(api): State<Api>,
    Target(key): Target,
) -> Result<Response, ApiError> {
    api.storage.lent().delete(&key).await?;
    Ok(reply::text(format!("{key}: deleted\n")))
}

fn max_bytes(api: &Api, key: &ObjectKey) -> u64 {
    let options = &api.options;
    match key.kind() {
        ObjectKind::Code(_) | ObjectKind::Source(_) => options.max_function_bytes,
        // An image has what a call may have, and compiled code is larger than code.
        ObjectKind::Content(_) | ObjectKind::Artifact => options.max_file_bytes,
        ObjectKind::Identity
        | ObjectKind::Function(_)
        | ObjectKind::Python(_)
        | ObjectKind::File => Lent::MAX_RECORD_BYTES,
    }
}
