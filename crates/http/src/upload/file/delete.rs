//! Deleting shared files.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use faasm_model::SharedPath;
use faasm_storage::{Error, Files, Metadata};
use serde::Deserialize;
use utoipa::IntoParams;

use super::condition::refuse_conditions;
use super::target::{PathParams, Target};
use super::view::DeletedView;
use crate::api::Api;
use crate::detached::detached;
use crate::error::{ApiError, ErrorCode};
use crate::extract::{QueryOf, wants_json};
use crate::query::flag;
use crate::reply;

/// How to delete.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeleteQuery {
    /// If the path is a directory, delete all files below it.
    #[serde(default, deserialize_with = "flag")]
    #[param(required = false)]
    recursive: bool,
}

/// Deletes a shared file, or all below a directory. Who has one open reads on.
#[utoipa::path(delete, path = "/file", tag = "files", params(PathParams, DeleteQuery),
    responses((status = 200, description = "Deleted; a line of text, or JSON", body = DeletedView)),
)]
pub(crate) async fn delete_file(
    State(api): State<Api>,
    target: Target,
    QueryOf(query): QueryOf<DeleteQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    refuse_conditions(&headers)?;
    let files = api.storage.files();
    let path = match target {
        Target::Root => {
            let problem = "the root of the shared files cannot be deleted";
            return Err(ApiError::new(ErrorCode::InvalidPath, problem));
        }
        Target::Directory(path) => match files.metadata(Some(&path)) {
            Some(Metadata::File(_)) => return Err(Error::NotADirectory(path).into()),
            _ => path,
        },
        Target::Either(path) => path,
    };
    let work = delete(files.clone(), path.clone(), query.recursive);
    let (deleted, text) = match detached(work).await? {
        Deleted::File => (1, format!("{path}: deleted\n")),
        Deleted::Below(1) => (1, format!("{path}: 1 file deleted\n")),
        Deleted::Below(files) => (files, format!("{path}: {files} files deleted\n")),
    };
    match wants_json(&headers) {
        true => reply::json(&DeletedView {
            path: &path,
            deleted,
        }),
        false => Ok(reply::text(text)),
    }
}

/// What is gone.
enum Deleted {
    File,
    /// So many files below a directory.
    Below(u64),
}

async fn delete(files: Files, path: SharedPath, recursive: bool) -> Result<Deleted, Error> {
    match files.delete(&path).await {
        Ok(true) => Ok(Deleted::File),
        Ok(false) => Err(Error::NotFound(path)),
        Err(Error::IsADirectory(_)) if recursive => {
            Ok(Deleted::Below(files.delete_tree(&path).await?))
        }
        Err(error) => Err(error),
    }
}
