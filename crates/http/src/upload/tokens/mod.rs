//! Tokens: making, listing and revoking them.

mod create;
mod list;
mod revoke;
mod view;

use faasm_auth::Tokens;
use utoipa_axum::router::UtoipaMethodRouter;
use utoipa_axum::routes;

use crate::api::Api;
use crate::error::{ApiError, ErrorCode};

pub(super) fn routes() -> Vec<UtoipaMethodRouter<Api>> {
    vec![
        routes!(create::create_token, list::list_tokens),
        routes!(revoke::revoke_token),
    ]
}

/// The server's tokens. A server that lets anybody in has none: who makes one there would be let
/// in when tokens are switched on.
fn tokens(api: &Api) -> Result<&Tokens, ApiError> {
    let off = || ApiError::new(ErrorCode::TokensOff, "this server has no tokens");
    api.tokens.as_ref().ok_or_else(off)
}
