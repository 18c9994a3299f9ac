//! Printing lists.

use std::pin::pin;

use faasm_client::Error;
use futures::{Stream, TryStreamExt};
use serde::Serialize;
use serde_json::json;

use crate::output::Output;

/// Prints `items`: a line each as they come, or all in one JSON document under `name`.
pub async fn print<T: Serialize>(
    out: &Output,
    name: &str,
    items: impl Stream<Item = Result<T, Error>>,
    line: impl Fn(&T) -> String,
) -> anyhow::Result<()> {
    let mut items = pin!(items);
    if out.is_json() {
        let items: Vec<T> = items.try_collect().await?;
        return Ok(out.json(&json!({ (name): items }))?);
    }
    while let Some(item) = items.try_next().await? {
        out.line(format_args!("{}", line(&item)))?;
    }
    Ok(())
}
