//! Printing a key's elements.

use std::io::IsTerminal;
use std::pin::pin;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use faasm_model::StateKey;
use futures::TryStreamExt;
use serde_json::json;

use crate::cli::Context;
use crate::exit::Usage;
use crate::output::is_printable;

/// Prints the elements, the oldest first: their bytes one behind the other, or a line of
/// JSON each.
pub async fn print(context: &Context, key: &StateKey) -> anyhow::Result<()> {
    let out = &context.out;
    let mut elements = pin!(context.client()?.state_elements(key)?);
    let is_terminal = std::io::stdout().is_terminal();
    let mut index = 0;
    while let Some(element) = elements.try_next().await? {
        if out.is_json() {
            out.json(&json!({ "index": index, "base64": STANDARD.encode(&element) }))?;
        } else if is_terminal && !is_printable(&element) {
            let message = "the terminal is no place for a binary: use --format json, or a pipe";
            return Err(Usage(message.into()).into());
        } else {
            out.bytes(&element)?;
        }
        index += 1;
    }
    Ok(())
}
