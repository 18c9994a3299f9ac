//! What stands before the objects of a server with the key of a cluster: they are for servers, not
//! for users.

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use faasm_storage::access_token;

use crate::access::bearer;
use crate::api::Api;
use crate::error::{ApiError, ErrorCode};

/// Lets through who has the same key: its hash is compared, in constant time.
#[derive(Clone)]
pub(crate) struct ServersOnly(blake3::Hash);

impl ServersOnly {
    /// `None` if there is no key: then it is as everywhere.
    pub(crate) fn new(api: &Api) -> Option<Self> {
        let key = api.options.cluster_key.as_ref()?;
        Some(Self(blake3::hash(access_token(key).as_bytes())))
    }

    /// What axum is to run before the handlers.
    pub(crate) async fn stand(
        State(Self(expected)): State<Self>,
        mut request: Request,
        next: Next,
    ) -> Result<Response, ApiError> {
        let said = bearer(request.headers())?;
        if blake3::hash(said.as_bytes()) != expected {
            let problem = "the storage is for servers with the same cluster key";
            return Err(ApiError::new(ErrorCode::BadToken, problem));
        }
        request.headers_mut().remove(AUTHORIZATION);
        Ok(next.run(request).await)
    }
}
