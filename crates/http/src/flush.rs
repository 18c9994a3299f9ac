//! Dropping what is cached.

use axum::extract::State;
use axum::response::Response;

use crate::api::Api;
use crate::reply;

/// Drops every cached module. Never needed for an upload to take effect.
#[utoipa::path(post, path = "/flush", tag = "server", responses(
    (status = 200, description = "`flushed`", content_type = "text/plain", body = String),
))]
pub(crate) async fn flush(State(api): State<Api>) -> Response {
    flush_all(&api)
}

pub(crate) fn flush_all(api: &Api) -> Response {
    api.calls.flush();
    reply::text("flushed\n")
}
