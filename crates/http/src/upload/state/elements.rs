//! Reading a key's list.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use faasm_faaslet::Charge;
use futures::{StreamExt, stream};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::api::Api;
use crate::error::{ApiError, ErrorCode};
use crate::extract::{QueryOf, StateParams, StatePath};
use crate::{page, reply};

const BEGINNING: &str = "{\"elements\":[";

/// Which elements.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ElementsQuery {
    /// The index of the first one; 0, the oldest, if left out.
    first: Option<u64>,
    /// Most items of the answer: 1 to 1000, 100 if left out. There may be fewer.
    limit: Option<usize>,
}

/// Elements in the order in which they were appended.
#[derive(ToSchema)]
#[schema(as = StateElements)]
#[expect(dead_code, reason = "documents what is written piece by piece")]
struct Elements {
    /// The elements, each in base64.
    elements: Vec<String>,
    /// Pass it as `first` for the next page; null if this is the last.
    next: Option<u64>,
}

/// A key's appended elements; none if there never was one.
#[utoipa::path(get, path = "/s/{user}/{key}/elements", tag = "state", params(StateParams, ElementsQuery),
    responses((status = 200, description = "A page of elements", body = Elements)),
)]
pub(crate) async fn get_elements(
    State(api): State<Api>,
    StatePath(key): StatePath,
    QueryOf(query): QueryOf<ElementsQuery>,
) -> Result<Response, ApiError> {
    let limit = page::limit(query.limit)?;
    let first = query.first.unwrap_or(0);
    let elements = api.state.appended(&key, first, limit as u64).await?;
    let end = first.saturating_add(elements.len() as u64);
    let more = !elements.is_empty() && end < api.state.elements(&key).await?;
    let mut charge = api.calls.faaslets().budget().charge();
    if !charge.grow(elements.iter().map(|element| element.len() as u64).sum()) {
        let problem = "the server's memory budget has no room for these elements";
        return Err(ApiError::new(ErrorCode::Overloaded, problem));
    }
    let end = match more {
        true => format!("],\"next\":{end}}}"),
        false => "],\"next\":null}".to_owned(),
    };
    let length = length(&elements, &end);
    let body = body(elements, end, charge);
    let mut response = reply::with(StatusCode::OK, reply::JSON, body);
    response.headers_mut().insert(CONTENT_LENGTH, length.into());
    Ok(response)
}

/// How long the JSON is.
fn length(elements: &[Bytes], end: &str) -> usize {
    let quoted = |element: &Bytes| element.len().div_ceil(3) * 4 + 2;
    let commas = elements.len().saturating_sub(1);
    let elements: usize = elements.iter().map(quoted).sum();
    BEGINNING.len() + elements + commas + end.len()
}

/// The JSON, written element by element: all of it would take more than twice the memory.
fn body(elements: Vec<Bytes>, end: String, charge: Charge) -> Body {
    let items = elements.into_iter().enumerate().map(|(index, element)| {
        let comma = if index == 0 { "" } else { "," };
        format!("{comma}\"{}\"", STANDARD.encode(element))
    });
    let pieces = std::iter::once(BEGINNING.to_owned())
        .chain(items)
        .chain([end]);
    Body::from_stream(stream::iter(pieces).map(move |piece| {
        let _held = &charge;
        Ok::<_, Infallible>(piece)
    }))
}
