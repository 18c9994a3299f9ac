//! Asking about calls, and ending them.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use faasm_calls::{CallState, Cancelled};
use faasm_model::CallId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer;
use super::view::{CallLine, CallView};
use crate::access::Caller;
use crate::api::Api;
use crate::error::ApiError;
use crate::extract::{CallParams, CallPath, QueryOf, WantsJson, call_id, name, optional};
use crate::{page, reply};

/// How long to hold the answer.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WaitQuery {
    /// Hold the answer until the call ends, at most so many milliseconds.
    wait_ms: Option<u64>,
}

/// Which calls.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CallsQuery {
    /// Only this user's.
    user: Option<String>,
    /// Only those with smaller ids: the `next` of the page before.
    #[param(value_type = Option<u64>)]
    before: Option<String>,
    /// Most items of the answer: 1 to 1000, 100 if left out.
    limit: Option<usize>,
}

/// Calls, newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = Calls)]
struct CallsView<'a> {
    /// The calls.
    calls: Vec<CallLine<'a>>,
    /// Pass it as `before` for the next page; null if this is the last.
    #[schema(value_type = Option<u64>)]
    next: Option<CallId>,
}

/// How a call stands: `RUNNING`, or `SUCCESS: ` or `FAILED: ` and what a synchronous call
/// would have answered.
#[utoipa::path(get, path = "/calls/{id}", tag = "calls", params(CallParams, WaitQuery),
    responses((status = 200, description = "The call; text, or JSON", body = CallView)),
)]
pub(crate) async fn get_call(
    State(api): State<Api>,
    caller: Caller,
    CallPath(id): CallPath,
    QueryOf(query): QueryOf<WaitQuery>,
    WantsJson(json): WantsJson,
) -> Result<Response, ApiError> {
    let wait = Duration::from_millis(query.wait_ms.unwrap_or(0));
    status(&api, &caller, id, wait, json).await
}

/// How a call stands once it ended or `wait` passed.
pub(crate) async fn status(
    api: &Api,
    caller: &Caller,
    id: CallId,
    wait: Duration,
    json: bool,
) -> Result<Response, ApiError> {
    caller.needs_call(api, id).await?;
    let wait = wait.min(api.options.max_wait);
    let state: CallState = tokio::select! {
        state = api.calls.state(id, wait) => state?,
        () = api.readiness.stopping(), if !wait.is_zero() => {
            api.calls.state(id, Duration::ZERO).await?
        }
    };
    answer::state(&state, json)
}

/// Cancels a call and those that it made.
#[utoipa::path(delete, path = "/calls/{id}", tag = "calls", params(CallParams), responses(
    (status = 200, description = "`cancelled`, or `already finished`", content_type = "text/plain", body = String),
))]
pub(crate) async fn cancel_call(
    State(api): State<Api>,
    caller: Caller,
    CallPath(id): CallPath,
) -> Result<Response, ApiError> {
    caller.needs_call(&api, id).await?;
    Ok(reply::text(match api.calls.cancel(id).await? {
        Cancelled::Requested => "cancelled\n",
        Cancelled::AlreadyFinished => "already finished\n",
    }))
}

/// The tree of calls that a call made: `{"root":{"msg":{…},"chained":[…]}}`.
#[utoipa::path(get, path = "/calls/{id}/graph", tag = "calls", params(CallParams),
    responses((status = 200, description = "The tree", body = serde_json::Value)),
)]
pub(crate) async fn call_graph(
    State(api): State<Api>,
    caller: Caller,
    CallPath(id): CallPath,
) -> Result<Response, ApiError> {
    graph(&api, &caller, id).await
}

pub(crate) async fn graph(api: &Api, caller: &Caller, id: CallId) -> Result<Response, ApiError> {
    caller.needs_call(api, id).await?;
    reply::json(&api.calls.graph(id).await?)
}

/// Calls, newest first: asynchronous ones until they expire, and synchronous ones for a
/// short while.
#[utoipa::path(get, path = "/calls", tag = "calls", params(CallsQuery),
    responses((status = 200, description = "A page of calls", body = CallsView)),
)]
pub(crate) async fn list_calls(
    State(api): State<Api>,
    caller: Caller,
    QueryOf(query): QueryOf<CallsQuery>,
) -> Result<Response, ApiError> {
    let limit = page::limit(query.limit)?;
    let user = optional("user", query.user.as_deref(), name)?;
    let before = optional("before", query.before.as_deref(), call_id)?;
    let calls = match (&user, caller.users()) {
        (Some(user), _) => {
            caller.needs_user(user.as_str())?;
            api.calls.list(Some(user), before, limit).await?
        }
        (None, None) => api.calls.list(None, before, limit).await?,
        (None, Some(users)) => {
            let mut calls = Vec::new();
            for user in users {
                calls.extend(api.calls.list(Some(user), before, limit).await?);
            }
            calls.sort_by_key(|call| std::cmp::Reverse(call.id));
            calls.truncate(limit);
            calls
        }
    };
    reply::json(&CallsView {
        calls: calls.iter().map(CallLine::from).collect(),
        next: page::next(&calls, limit, |call| call.id),
    })
}
