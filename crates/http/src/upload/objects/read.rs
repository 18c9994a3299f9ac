//! Reading an object.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_LENGTH, ETAG};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use faasm_storage::{ByteStream, Lent, MODIFIED_HEADER, NO_OBJECT_HEADER, ObjectKey};
use futures::{StreamExt, TryStreamExt, stream};

use super::target::{ObjectParams, Target};
use crate::api::Api;
use crate::error::{ApiError, ErrorCode};
use crate::{download, etag, reply};

/// An object of this server's storage, for other servers of the cluster.
#[utoipa::path(get, path = "/storage/{key}", tag = "storage",
    params(ObjectParams,
        ("If-None-Match" = Option<String>, Header, description = "Entity tags that the client has")),
    responses(
        (status = 200, description = "The bytes", content_type = "application/octet-stream", body = Vec<u8>,
            headers(("ETag" = String, description = "The hash of the bytes; not of compiled code"),
                ("Faasm-Modified-Ms" = u64, description = "When it was put, in milliseconds since 1970"))),
        (status = 304, description = "The client has these bytes"),
    ),
)]
pub(crate) async fn get_object(
    State(api): State<Api>,
    Target(key): Target,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let lent = api.storage.lent();
    let Some(info) = lent.info(&key).await? else {
        return Ok(not_found(&key));
    };
    let mut response = match key.hash().map(etag::quoted).transpose()? {
        Some(tag) if etag::is_known(&headers, &tag) => return Ok(etag::not_modified(tag)),
        tag if method == Method::HEAD => whole(info.size, tag, Body::empty()),
        tag => {
            let Some((size, pieces)) = lent.read(&key).await? else {
                return Ok(not_found(&key));
            };
            let (tag, pieces) = match tag.is_none() && size <= Lent::MAX_RECORD_BYTES {
                true => small(pieces).await?,
                false => (tag, pieces),
            };
            if let Some(tag) = tag.as_ref().filter(|tag| etag::is_known(&headers, tag)) {
                return Ok(etag::not_modified(tag.clone()));
            }
            let budget = api.calls.faaslets().budget();
            let (_, body) = download::begin(pieces, size, budget).await?;
            whole(size, tag, body)
        }
    };
    let modified = HeaderValue::from(info.modified_at_ms);
    response.headers_mut().insert(MODIFIED_HEADER, modified);
    Ok(response)
}

/// The tag of what is small, and what it is of.
async fn small(pieces: ByteStream) -> Result<(Option<HeaderValue>, ByteStream), ApiError> {
    let pieces: Vec<Bytes> = pieces.try_collect().await?;
    let bytes = Bytes::from(pieces.concat());
    let tag = etag::quoted(blake3::hash(&bytes).to_hex())?;
    Ok((Some(tag), stream::iter([Ok(bytes)]).boxed()))
}

fn whole(size: u64, tag: Option<HeaderValue>, body: Body) -> Response {
    let mut response = reply::with(StatusCode::OK, reply::BYTES, body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(size));
    headers.extend(tag.map(|tag| (ETAG, tag)));
    response
}

/// Says so where an answer to HEAD does, too: another server must not take what something in
/// between answers for that.
fn not_found(key: &ObjectKey) -> Response {
    let problem = format!("there is no object {key}");
    let mut response = ApiError::new(ErrorCode::ObjectNotFound, problem).into_response();
    let is_missing = HeaderValue::from_static("1");
    response.headers_mut().insert(NO_OBJECT_HEADER, is_missing);
    response
}
