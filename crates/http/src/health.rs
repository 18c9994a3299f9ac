//! Whether the server lives, and whether it is ready.

use axum::extract::State;
use axum::response::Response;

use crate::api::Api;
use crate::error::{ApiError, ErrorCode};
use crate::reply;

/// Where it is told whether the process answers, and whether it is ready.
pub(crate) const LIVE: &str = "/healthz";
pub(crate) const READY: &str = "/readyz";

/// Whether the process answers.
#[utoipa::path(get, path = LIVE, tag = "server", responses(
    (status = 200, description = "`ok`", content_type = "text/plain", body = String),
))]
pub(crate) async fn healthz() -> Response {
    reply::text("ok\n")
}

/// Whether uploads and calls would succeed.
#[utoipa::path(get, path = READY, tag = "server", responses(
    (status = 200, description = "`ready`", content_type = "text/plain", body = String),
))]
pub(crate) async fn readyz(State(api): State<Api>) -> Result<Response, ApiError> {
    let closing = (!api.calls.is_open()).then_some("the server is shutting down");
    let cut_off = (!api.calls.is_current()).then_some("the server is cut off from its cluster");
    match api.readiness.problem().or(closing).or(cut_off) {
        Some(problem) => Err(ApiError::new(ErrorCode::NotReady, problem)),
        None => Ok(reply::text("ready\n")),
    }
}
