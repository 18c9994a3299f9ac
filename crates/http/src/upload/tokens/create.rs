//! Making a token.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::response::Response;
use faasm_auth::{Grant, Label, NewToken, Scope, Users};
use faasm_model::now_ms;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::tokens;
use super::view::TokenView;
use crate::api::Api;
use crate::body::BodyReader;
use crate::error::ApiError;
use crate::{json, reply};

/// More than the most users need.
const MAX_BODY: u64 = 64 << 10;

/// A token to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// What it is for, in words.
    #[schema(value_type = String)]
    label: Label,
    /// What it lets its bearer do: upload, invoke, read, files, admin.
    #[schema(value_type = Vec<String>)]
    scopes: Vec<Scope>,
    /// For whom: users, or * alone.
    #[schema(value_type = Vec<String>)]
    users: Users,
    /// In how many milliseconds it no longer counts; null, never.
    expires_in_ms: Option<u64>,
}

/// A new token.
#[derive(Serialize, ToSchema)]
#[schema(as = NewToken)]
struct Created<'a> {
    /// The token itself. It is shown this once.
    token: String,
    #[serde(flatten)]
    #[schema(inline)]
    view: TokenView<'a>,
}

/// Makes a token. The answer is the only place where its secret ever is.
#[utoipa::path(post, path = "/tokens", tag = "tokens", request_body = Wanted,
    responses((status = 200, description = "The token", body = Created)),
)]
pub(crate) async fn create_token(State(api): State<Api>, body: Body) -> Result<Response, ApiError> {
    let tokens = tokens(&api)?;
    let body = BodyReader::new(body, MAX_BODY, api.options.body_idle_timeout)?;
    let body = body.collect(api.calls.faaslets().budget()).await?;
    let wanted: Wanted = json::parse_object(&body)?;
    let grant = Grant::new(wanted.scopes, wanted.users);
    let expires_at_ms = wanted.expires_in_ms.map(|ms| now_ms().saturating_add(ms));
    let new = NewToken {
        label: wanted.label,
        grant: grant.map_err(|error| ApiError::field("scopes", error))?,
        expires_at_ms,
    };
    let (token, record) = tokens.create(new).await?;
    tracing::info!(id = %record.id, label = %record.label, users = %record.grant.users(), "a token was made");
    let mut response = reply::json(&Created {
        token: token.expose(),
        view: TokenView::from(&record),
    })?;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
