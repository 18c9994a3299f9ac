//! A server that was cut off from its cluster answers for nothing that others may have changed.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use faasm_calls::{Calls, Refused};

use crate::error::ApiError;
use crate::{health, metrics, openapi};

/// Paths that are about this server alone.
const OWN: [&str; 4] = [health::LIVE, health::READY, metrics::PATH, openapi::PATH];

/// Whether what this path has is shared with other servers.
pub(crate) fn is_shared(path: &str) -> bool {
    !OWN.contains(&path)
}

/// What axum is to run before the handlers of such a path.
pub(crate) async fn require(
    State(calls): State<Calls>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    match calls.is_current() {
        true => Ok(next.run(request).await),
        false => Err(Refused::CutOff.into()),
    }
}
