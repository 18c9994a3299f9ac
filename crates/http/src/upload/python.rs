//! The routes of Python functions. What they do is what those of modules do.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use super::kind::Kind;
use super::limits::{self, OwnLimits};
use super::list::{self, FunctionList, Users};
use super::view::{FunctionInfoView, FunctionView};
use super::{delete, get, put};
use crate::access::Caller;
use crate::api::Api;
use crate::error::ApiError;
use crate::extract::{FunctionParams, FunctionPath, QueryOf, UserParams, UserPath, WantsJson};
use crate::page::PageQuery;

/// Stores a Python function, in force for the next call.
///
/// The body is a source file in UTF-8, or a zip archive with a `function.py` at its root. Its
/// top-level code is run, and it is durable, before the answer.
#[utoipa::path(put, path = "/p/{user}/{function}", tag = "python", params(FunctionParams),
    request_body(content_type = "text/x-python", content = String),
    responses((status = 200, description = "Stored; a line of text, or JSON", body = FunctionView)),
)]
pub(crate) async fn put_python(
    State(api): State<Api>,
    FunctionPath(name): FunctionPath,
    WantsJson(json): WantsJson,
    body: Body,
) -> Result<Response, ApiError> {
    put::put(&api, Kind::Python, &name, json, body).await
}

/// The file or the archive that was put.
#[utoipa::path(get, path = "/p/{user}/{function}", tag = "python",
    params(FunctionParams, ("If-None-Match" = Option<String>, Header, description = "Entity tags that the client has")),
    responses(
        (status = 200, description = "The bytes; application/zip if it is an archive",
            content_type = "text/x-python", body = Vec<u8>, headers(("ETag" = String, description = "The hash of the bytes"))),
        (status = 304, description = "The client has these bytes"),
    ),
)]
pub(crate) async fn get_python(
    State(api): State<Api>,
    FunctionPath(name): FunctionPath,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    get::get(&api, Kind::Python, &name, &headers).await
}

/// What is known of a Python function.
#[utoipa::path(get, path = "/p/{user}/{function}/info", tag = "python", params(FunctionParams),
    responses((status = 200, description = "The function and its limits", body = FunctionInfoView)),
)]
pub(crate) async fn python_info(
    State(api): State<Api>,
    FunctionPath(name): FunctionPath,
) -> Result<Response, ApiError> {
    get::info(&api, Kind::Python, &name).await
}

/// Replaces all of a Python function's own limits.
#[utoipa::path(put, path = "/p/{user}/{function}/limits", tag = "python", params(FunctionParams),
    request_body = OwnLimits,
    responses((status = 200, description = "The function with its new limits", body = FunctionView)),
)]
pub(crate) async fn put_python_limits(
    State(api): State<Api>,
    FunctionPath(name): FunctionPath,
    body: Body,
) -> Result<Response, ApiError> {
    limits::put(&api, Kind::Python, &name, body).await
}

/// Deletes a Python function; calls in flight finish.
#[utoipa::path(delete, path = "/p/{user}/{function}", tag = "python", params(FunctionParams),
    responses((status = 200, description = "Deleted", content_type = "text/plain", body = String)),
)]
pub(crate) async fn delete_python(
    State(api): State<Api>,
    FunctionPath(name): FunctionPath,
) -> Result<Response, ApiError> {
    delete::delete(&api, Kind::Python, &name).await
}

/// The users who have Python functions.
#[utoipa::path(get, path = "/p", tag = "python", params(PageQuery),
    responses((status = 200, description = "A page of users", body = Users)),
)]
pub(crate) async fn list_python_users(
    State(api): State<Api>,
    caller: Caller,
    QueryOf(query): QueryOf<PageQuery>,
) -> Result<Response, ApiError> {
    list::users(&api, &caller, Kind::Python, &query)
}

/// A user's Python functions.
#[utoipa::path(get, path = "/p/{user}", tag = "python", params(UserParams, PageQuery),
    responses((status = 200, description = "A page of functions", body = FunctionList)),
)]
pub(crate) async fn list_python(
    State(api): State<Api>,
    UserPath(user): UserPath,
    QueryOf(query): QueryOf<PageQuery>,
) -> Result<Response, ApiError> {
    list::functions(&api, Kind::Python, &user, &query)
}
