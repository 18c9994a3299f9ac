//! Pages of lists.

use serde::Deserialize;
use utoipa::IntoParams;

use crate::error::ApiError;

/// Most items of a page.
const MAX: usize = 1_000;
const DEFAULT: usize = 100;

/// Which part of a sorted list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// Most items of the answer: 1 to 1000, 100 if left out.
    pub(crate) limit: Option<usize>,
    /// The `next` of the page before.
    pub(crate) after: Option<String>,
}

/// Where the page behind this one begins; `None` if `items` are the last ones.
pub(crate) fn next<T, C>(items: &[T], limit: usize, cursor: impl FnOnce(&T) -> C) -> Option<C> {
    let last = items.last().filter(|_| items.len() == limit);
    last.map(cursor)
}

/// How many items a page gets.
pub(crate) fn limit(asked: Option<usize>) -> Result<usize, ApiError> {
    match asked {
        Some(0) => Err(ApiError::field("limit", format!("must be from 1 to {MAX}"))),
        Some(limit) => Ok(limit.min(MAX)),
        None => Ok(DEFAULT),
    }
}
