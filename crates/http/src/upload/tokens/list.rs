//! Which tokens there are.

use axum::extract::State;
use axum::response::Response;
use faasm_auth::TokenId;
use serde::Serialize;
use utoipa::ToSchema;

use super::tokens;
use super::view::TokenView;
use crate::api::Api;
use crate::error::ApiError;
use crate::extract::{QueryOf, optional};
use crate::page::{self, PageQuery};
use crate::reply;

/// Tokens by their ids.
#[derive(Serialize, ToSchema)]
#[schema(as = Tokens)]
struct TokenList<'a> {
    /// The tokens, without their secrets; also those that have expired.
    tokens: Vec<TokenView<'a>>,
    /// Pass it as `after` for the next page; null if this is the last.
    #[schema(value_type = Option<String>)]
    next: Option<TokenId>,
}

/// The tokens that were made and not revoked.
#[utoipa::path(get, path = "/tokens", tag = "tokens", params(PageQuery),
    responses((status = 200, description = "A page of tokens", body = TokenList)),
)]
pub(crate) async fn list_tokens(
    State(api): State<Api>,
    QueryOf(query): QueryOf<PageQuery>,
) -> Result<Response, ApiError> {
    let limit = page::limit(query.limit)?;
    let id = |field: &str, text: &str| text.parse().map_err(|error| ApiError::field(field, error));
    let after: Option<TokenId> = optional("after", query.after.as_deref(), id)?;
    let mut all = tokens(&api)?.list();
    all.retain(|record| after.is_none_or(|after| record.id > after));
    all.truncate(limit);
    reply::json(&TokenList {
        tokens: all.iter().map(|record| record.as_ref().into()).collect(),
        next: page::next(&all, limit, |record| record.id),
    })
}
