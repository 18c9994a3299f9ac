//! `POST /`: everything in one JSON object.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use faasm_auth::Scope;

use super::form::{Asked, Form};
use super::run::{self, Request};
use super::{answer, calls};
use crate::access::Caller;
use crate::api::Api;
use crate::body::BodyReader;
use crate::error::ApiError;
use crate::extract::wants_json;
use crate::quota::Quotas;
use crate::{flush, json};

/// What the JSON around the input may take.
const OVERHEAD: u64 = 64 << 10;

/// Makes a call, asks about one, or flushes, as the JSON object says.
///
/// The body is JSON whatever its content type.
#[utoipa::path(post, path = "/", tag = "calls", request_body = Form,
    params(("Idempotency-Key" = Option<String>, Header,
        description = "With `async`: the same key and request give the same call again")),
    responses(
    (status = 200, description = "A synchronous call's stdout and output, byte for byte; or its status",
        body = super::view::CallView),
    (status = 202, description = "An asynchronous call's id", content_type = "text/plain", body = String),
))]
pub(crate) async fn post(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let max_input = api.options.max_input_bytes;
    // In JSON a byte of text may take two, and base64 takes four for three.
    let limit = max_input.saturating_mul(2).saturating_add(OVERHEAD);
    let body = BodyReader::new(body, limit, api.options.body_idle_timeout)?;
    let body = body.collect(api.calls.faaslets().budget()).await?;
    let form: Form = json::parse_object(&body)?;
    let asked = form.check(&api.options, caller.files())?;
    // The call may take long, and has its input.
    drop(body);
    let json = wants_json(&headers);
    permit(&caller, &asked)?;
    match asked {
        Asked::Invoke {
            invocation,
            is_async: true,
        } => {
            let _counted = Quotas::enter(&api, &invocation.function, &invocation.target, false)?;
            run::accept(
                &api,
                Request {
                    invocation,
                    headers: &headers,
                    json,
                },
            )
            .await
        }
        Asked::Invoke {
            invocation,
            is_async: false,
        } => {
            let _counted = Quotas::enter(&api, &invocation.function, &invocation.target, true)?;
            answer::sync(&*api.calls.run(invocation).await?, json)
        }
        Asked::Status { id, wait } => calls::status(&api, &caller, id, wait, json).await,
        Asked::Graph(id) => calls::graph(&api, &caller, id).await,
        Asked::Flush => flush::flush_all(&api).await,
    }
}

/// What only the body says: which of the scopes it takes, and whose function is called.
fn permit(caller: &Caller, asked: &Asked) -> Result<(), ApiError> {
    match asked {
        Asked::Invoke { invocation, .. } => {
            caller.needs(&[Scope::Invoke])?;
            caller.needs_user(invocation.function.user.as_str())
        }
        // Whose call it is, is looked at when it is found.
        Asked::Status { .. } | Asked::Graph(_) => caller.needs(&[Scope::Invoke, Scope::Read]),
        Asked::Flush => caller.needs(&[Scope::Admin]),
    }
}
