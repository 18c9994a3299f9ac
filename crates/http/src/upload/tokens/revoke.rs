//! Ending a token.

use axum::extract::State;
use axum::response::Response;
use faasm_auth::TokenId;

use super::tokens;
use crate::api::Api;
use crate::error::{ApiError, ErrorCode};
use crate::extract::{TokenParams, TokenPath};
use crate::reply;

/// Ends a token: no request that begins after the answer is let through with it.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "tokens", params(TokenParams),
    responses((status = 200, description = "Revoked", content_type = "text/plain", body = String)),
)]
pub(crate) async fn revoke_token(
    State(api): State<Api>,
    TokenPath(id): TokenPath,
) -> Result<Response, ApiError> {
    match tokens(&api)?.revoke(id).await? {
        true => {
            tracing::info!(%id, "a token was revoked");
            Ok(reply::text(format!("{id}: revoked\n")))
        }
        false => Err(not_found(id)),
    }
}

fn not_found(id: TokenId) -> ApiError {
    let problem = format!("there is no token {id}");
    ApiError::new(ErrorCode::TokenNotFound, problem)
}
