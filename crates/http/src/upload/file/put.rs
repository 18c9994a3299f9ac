//! Storing a shared file.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_RANGE, ETAG};
use axum::response::Response;

use super::condition::refuse_conditions;
use super::target::{FilePath, PathParams};
use super::view::FileView;
use crate::api::Api;
use crate::body::BodyReader;
use crate::error::{ApiError, ErrorCode};
use crate::extract::wants_json;
use crate::upload::receive::receive;
use crate::{etag, reply};

/// Stores a shared file, which the next call that opens it reads.
///
/// The body is the file, and may be empty. It is durable before the answer. The directories
/// that the path names come with it.
#[utoipa::path(put, path = "/file", tag = "files", params(PathParams),
    request_body(content_type = "application/octet-stream", content = Vec<u8>),
    responses((status = 200, description = "Stored; a line of text, or JSON", body = FileView,
        headers(("ETag" = String, description = "The hash of the bytes")))),
)]
pub(crate) async fn put_file(
    State(api): State<Api>,
    FilePath(path): FilePath,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    if headers.contains_key(CONTENT_RANGE) {
        let problem = "a part of a file cannot be put: send all of it, without Content-Range";
        return Err(ApiError::new(ErrorCode::BadRequest, problem));
    }
    refuse_conditions(&headers)?;
    let (files, options) = (api.storage.files(), &api.options);
    let body = BodyReader::new(body, options.max_file_bytes, options.body_idle_timeout)?;
    // Refuses before gigabytes are received what would be refused after that.
    files.check(&path, body.announced())?;
    let content = receive(&api, body).await?;
    let record = files.put(path, content).await?;
    let mut response = match wants_json(&headers) {
        true => reply::json(&FileView::from(record.as_ref()))?,
        false => reply::text(format!(
            "{}: {} bytes, hash {}\n",
            record.path, record.size, record.hash
        )),
    };
    response
        .headers_mut()
        .insert(ETAG, etag::quoted(record.hash)?);
    Ok(response)
}
