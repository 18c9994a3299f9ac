//! Reading a shared file.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use faasm_storage::{Error, FileRecord, Metadata};
use tokio::task::spawn_blocking;

use super::list::{self, Directory, ListQuery};
use super::target::{PathParams, Target};
use crate::api::Api;
use crate::error::ApiError;
use crate::extract::QueryOf;
use crate::range::{self, Part};
use crate::{download, etag};

/// A shared file, a part of it, or what is in a directory.
#[utoipa::path(get, path = "/file", tag = "files",
    params(PathParams, ListQuery,
        ("Range" = Option<String>, Header, description = "`bytes=a-b`, `bytes=a-` or `bytes=-n`"),
        ("If-Range" = Option<String>, Header, description = "The hash, in quotes, of the bytes of which a part is wanted"),
        ("If-None-Match" = Option<String>, Header, description = "Entity tags that the client has")),
    responses(
        (status = 200, description = "The bytes; of a directory a page of what is in it",
            content((Vec<u8> = "application/octet-stream"), (Directory = "application/json")),
            headers(("ETag" = String, description = "The hash of the bytes"))),
        (status = 206, description = "The part", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 304, description = "The client has these bytes"),
        (status = 416, description = "The file has none of these bytes"),
    ),
)]
pub(crate) async fn get_file(
    State(api): State<Api>,
    target: Target,
    QueryOf(query): QueryOf<ListQuery>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let files = api.storage.files();
    let directory = match target {
        Target::Root => None,
        Target::Directory(path) => Some(path),
        Target::Either(path) => match files.metadata(Some(&path)) {
            Some(Metadata::File(record)) => return send(&api, record, &method, &headers).await,
            Some(Metadata::Directory) => Some(path),
            None => return Err(Error::NotFound(path).into()),
        },
    };
    list::answer(files, directory.as_ref(), &query)
}

async fn send(
    api: &Api,
    record: Arc<FileRecord>,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let tag = etag::quoted(record.hash)?;
    if etag::is_known(headers, &tag) {
        return Ok(etag::not_modified(tag));
    }
    if method == Method::HEAD {
        return Part::whole(record.size).reply(tag, Body::empty());
    }
    let files = api.storage.files().clone();
    let opened = spawn_blocking(move || files.open(&record.path)).await;
    let file = opened.map_err(Error::from)??;
    // Another one than was looked up, if the file has been replaced in between.
    let (tag, size) = (etag::quoted(file.record().hash)?, file.len());
    let Some(part) = range::of(headers, &tag, size) else {
        return range::unsatisfiable(size);
    };
    let length = part.bytes.end - part.bytes.start;
    let pieces = api.storage.files().read(file, part.bytes.clone());
    let (_, body) = download::begin(pieces, length, api.calls.faaslets().budget()).await?;
    part.reply(tag, body)
}
