//! `POST /invoke/…`: raw input, raw output.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use faasm_model::Invocation;
use serde::Deserialize;
use utoipa::IntoParams;

use super::run::{self, Request};
use super::{answer, form};
use crate::api::Api;
use crate::body::BodyReader;
use crate::error::ApiError;
use crate::extract::{FunctionParams, FunctionPath, QueryOf, wants_json};
use crate::query::flag;

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
    /// Not supported by this version.
    #[serde(default, deserialize_with = "flag")]
    #[param(required = false)]
    python: bool,
    /// Not supported by this version.
    mpi: Option<String>,
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
    FunctionPath(function): FunctionPath,
    QueryOf(query): QueryOf<InvokeQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    if query.python {
        return Err(form::unsupported("python"));
    }
    if query
        .mpi
        .is_some_and(|mpi| !matches!(mpi.as_str(), "0" | "false"))
    {
        return Err(form::unsupported("mpi"));
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
    let invocation = Invocation {
        function,
        input,
        args,
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
