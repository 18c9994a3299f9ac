//! Setting a value.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_RANGE, ETAG};
use axum::response::Response;
use faasm_model::StateKey;
use faasm_state::tier::{self, Expect, MAX_PATCH_BYTES};

use super::condition;
use super::view::{ValueView, tag};
use crate::api::Api;
use crate::body::{BodyReader, grow};
use crate::detached::detached;
use crate::error::{ApiError, ErrorCode};
use crate::extract::{StateParams, StatePath, wants_json};
use crate::reply;

/// Sets a state value, found by the next access of any call.
///
/// The body is the value, and may be empty. It is durable before the answer.
#[utoipa::path(put, path = "/s/{user}/{key}", tag = "state",
    params(StateParams,
        ("If-Match" = Option<String>, Header, description = "Set it only if it has this version, in quotes"),
        ("If-None-Match" = Option<String>, Header, description = "`*`: set it only if there is none")),
    request_body(content_type = "application/octet-stream", content = Vec<u8>),
    responses(
        (status = 200, description = "Set; a line of text, or JSON", body = ValueView,
            headers(("ETag" = String, description = "The version, in quotes"))),
        (status = 412, description = "The value is not as the condition says"),
    ),
)]
pub(crate) async fn put_state(
    State(api): State<Api>,
    StatePath(key): StatePath,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    if headers.contains_key(CONTENT_RANGE) {
        let problem = "a part of a value cannot be set: send all of it, without Content-Range";
        return Err(ApiError::new(ErrorCode::BadRequest, problem));
    }
    let expect = condition::of(&headers)?;
    let options = &api.options;
    let limit = options.max_state_value_bytes;
    let mut body = BodyReader::new(body, limit, options.body_idle_timeout)?;
    check(&api, &key, expect).await?;
    let mut upload = api.state.upload(key.clone(), expect);
    let mut charge = api.calls.faaslets().budget().charge();
    while let Some(piece) = body.next().await? {
        // No more than what one step may write is gathered before it is written.
        if body.received() <= MAX_PATCH_BYTES {
            grow(&mut charge, body.received(), piece.len())?;
        }
        upload.write(piece).await?;
    }
    let set = async move {
        let set = upload.finish().await;
        drop(charge);
        set
    };
    let meta = detached(set).await?;
    let mut response = match wants_json(&headers) {
        true => reply::json(&ValueView::new(&key, meta))?,
        false => reply::text(format!(
            "{key}: {} bytes, version {}\n",
            meta.size, meta.version.0
        )),
    };
    response.headers_mut().insert(ETAG, tag(meta)?);
    Ok(response)
}

/// Refuses before gigabytes are received what would be refused after that.
async fn check(api: &Api, key: &StateKey, expect: Expect) -> Result<(), ApiError> {
    if expect == Expect::Any {
        return Ok(());
    }
    let there = api.state.stat(key).await?.map(|meta| meta.version);
    let is_as_expected = match expect {
        Expect::Absent => there.is_none(),
        Expect::Version(version) => there == Some(version),
        Expect::Any | Expect::Generation(_) => true,
    };
    match is_as_expected {
        true => Ok(()),
        false => Err(tier::Error::Conflict(there).into()),
    }
}
