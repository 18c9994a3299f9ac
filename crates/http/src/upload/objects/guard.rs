//! What stands before the objects: they are for servers, not for users.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use faasm_storage::access_token;

use crate::access::bearer;
use crate::api::Api;
use crate::error::{ApiError, ErrorCode};

/// Lets through who may use the storage.
#[derive(Clone)]
pub(crate) struct ServersOnly(Arc<Who>);

enum Who {
    /// Who has the cluster's key: its hash is compared, in constant time.
    Cluster(blake3::Hash),
    /// Users are told apart, and servers cannot be.
    Nobody,
    Anybody,
}

impl ServersOnly {
    pub(crate) fn new(api: &Api) -> Self {
        let who = match &api.options.cluster_key {
            Some(key) => Who::Cluster(blake3::hash(access_token(key).as_bytes())),
            None if api.tokens.is_some() => Who::Nobody,
            None => Who::Anybody,
        };
        Self(Arc::new(who))
    }

    /// What axum is to run before the handlers.
    pub(crate) async fn stand(
        State(Self(who)): State<Self>,
        mut request: Request,
        next: Next,
    ) -> Result<Response, ApiError> {
        match &*who {
            Who::Anybody => {}
            Who::Nobody => {
                let problem =
                    "the storage is for servers of a cluster, and this one has no cluster key";
                return Err(ApiError::new(ErrorCode::Forbidden, problem));
            }
            Who::Cluster(expected) => {
                let said = bearer(request.headers())?;
                if blake3::hash(said.as_bytes()) != *expected {
                    let problem = "the storage is for servers with the same cluster key";
                    return Err(ApiError::new(ErrorCode::BadToken, problem));
                }
            }
        }
        request.headers_mut().remove(AUTHORIZATION);
        Ok(next.run(request).await)
    }
}
