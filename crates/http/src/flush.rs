//! Dropping what is cached.

use axum::extract::State;
use axum::response::Response;

use crate::api::Api;
use crate::detached::detached;
use crate::error::ApiError;
use crate::reply;

/// Drops every cached module, pushes state that is not in the global tier yet, and drops
/// the copies of state that nobody uses; in a cluster, on all servers. Never needed for an upload to take effect.
#[utoipa::path(post, path = "/flush", tag = "server", responses(
    (status = 200, description = "`flushed`", content_type = "text/plain", body = String),
))]
pub(crate) async fn flush(State(api): State<Api>) -> Result<Response, ApiError> {
    flush_all(&api).await
}

pub(crate) async fn flush_all(api: &Api) -> Result<Response, ApiError> {
    api.calls.flush().await?;
    let state = api.state.clone();
    detached(async move { state.flush().await.map_err(failed) }).await?;
    Ok(reply::text("flushed\n"))
}

/// A push that was refused, as by a user's quota, is no fault of the one who flushes.
fn failed(error: faasm_state::Error) -> ApiError {
    let problem = format!("not all state was pushed: {error}");
    let told = ApiError::from(error);
    match told.code.status().is_server_error() {
        true => told,
        false => ApiError::internal(&problem, &problem),
    }
}
