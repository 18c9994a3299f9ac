//! `POST /invoke/…`: raw input, raw output.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use faasm_model::{Invocation, Target, WorldSize};
use serde::Deserialize;
use utoipa::IntoParams;

use super::run::{self, Request};
use super::{answer, form};
use crate::access::Caller;
use crate::api::Api;
use crate::body::BodyReader;
use crate::error::ApiError;
use crate::extract::{
    FunctionParams, FunctionPath, QueryOf, name, optional, refuse_reserved, wants_json,
};
use crate::query::flag;
use crate::quota::Quotas;

/// How to call.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct InvokeQuery {
    /// Answer with the call's id at once.
    #[serde(default, rename = "async", deserialize_with = "flag")]
    #[param(required = false)]
    is_async: bool,
    /// More arguments, split as a POSIX shell splits words.
    cmdline: Option<String>,
    /// Call the Python function of that name.
    #[serde(default, deserialize_with = "flag")]
    #[param(required = false)]
    python: bool,
    /// What to run of the Python function, if not `faasm_main`.
    entry: Option<String>,
    /// Run the function as an MPI world of so many ranks.
    mpi: Option<u32>,
}

/// Calls a function with the body as its input.
#[utoipa::path(post, path = "/invoke/{user}/{function}", tag = "calls",
    params(FunctionParams, InvokeQuery, ("Idempotency-Key" = Option<String>, Header,
        description = "With `async`: the same key and request give the same call again")),
    request_body(content_type = "application/octet-stream", content = Vec<u8>),
    responses(
        (status = 200, description = "The call's stdout and output, byte for byte", body = super::view::CallView),
        (status = 202, description = "An asynchronous call's id", content_type = "text/plain", body = String),
    ),
)]
pub(crate) async fn invoke(
    State(api): State<Api>,
    caller: Caller,
    FunctionPath(function): FunctionPath,
    QueryOf(query): QueryOf<InvokeQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let target = target(&query)?;
    if target.is_python() {
        refuse_reserved("user", &function.user)?;
    }
    let args = query
        .cmdline
        .as_deref()
        .map(form::split)
        .transpose()?
        .unwrap_or_default();
    let options = &api.options;
    let body = BodyReader::new(body, options.max_input_bytes, options.body_idle_timeout)?;
    let input = body.collect(api.calls.faaslets().budget()).await?;
    // Not before: the function may have come while the body did.
    let _counted = Quotas::enter(&api, &function, &target, !query.is_async)?;
    let invocation = Invocation {
        target,
        args,
        files: caller.files(),
        ..Invocation::new(function, input)
    };
    let json = wants_json(&headers);
    if query.is_async {
        let headers = &headers;
        return run::accept(
            &api,
            Request {
                invocation,
                headers,
                json,
            },
        )
        .await;
    }
    answer::sync(&*api.calls.run(invocation).await?, json)
}

fn target(query: &InvokeQuery) -> Result<Target, ApiError> {
    let entry = optional("entry", query.entry.as_deref(), name)?;
    match (query.python, entry, query.mpi) {
        (true, entry, None) => Ok(Target::Python { entry }),
        (true, _, Some(_)) => {
            let problem = "Python functions are no MPI programs: leave out one of python and mpi";
            Err(ApiError::field("mpi", problem))
        }
        (false, None, None) => Ok(Target::Wasm),
        (false, None, Some(size)) => match WorldSize::new(size) {
            Ok(size) => Ok(Target::Mpi { size }),
            Err(error) => Err(ApiError::field("mpi", error)),
        },
        (false, Some(_), _) => {
            let problem = "is for Python functions: add python=true";
            Err(ApiError::field("entry", problem))
        }
    }
}
