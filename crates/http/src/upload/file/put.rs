//! Storing a shared file.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_RANGE, ETAG, IF_MATCH, IF_NONE_MATCH};
use axum::response::Response;
use faasm_model::SharedPath;
use faasm_storage::{Error, Files, Metadata};

use super::target::{FilePath, PathParams};
use super::view::FileView;
use crate::api::Api;
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
    check_headers(&headers)?;
    check_place(api.storage.files(), &path)?;
    let content = receive(&api, body, api.options.max_file_bytes).await?;
    let record = api.storage.files().put(path, content).await?;
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

/// Refuses what would be stored otherwise than the client meant.
fn check_headers(headers: &HeaderMap) -> Result<(), ApiError> {
    if headers.contains_key(CONTENT_RANGE) {
        let problem = "a part of a file cannot be put: send all of it, without Content-Range";
        return Err(ApiError::new(ErrorCode::BadRequest, problem));
    }
    let conditions = [IF_MATCH, IF_NONE_MATCH];
    match conditions.iter().find(|name| headers.contains_key(*name)) {
        Some(name) => {
            let problem = format!("`{name}`: shared files are put without conditions");
            Err(ApiError::new(ErrorCode::Unsupported, problem))
        }
        None => Ok(()),
    }
}

/// Refuses before gigabytes are received what would be refused after that.
fn check_place(files: &Files, path: &SharedPath) -> Result<(), Error> {
    let is_directory = files.metadata(Some(path)) == Some(Metadata::Directory);
    let mut above = std::iter::successors(path.parent(), SharedPath::parent);
    let obstacle = match is_directory {
        true => Some(path.clone()),
        false => above.find(|directory| files.get(directory).is_some()),
    };
    let path = path.clone();
    obstacle.map_or(Ok(()), |obstacle| Err(Error::Conflict { path, obstacle }))
}
