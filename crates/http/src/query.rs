//! Flags in queries.

use serde::Deserialize;
use serde::de::{Deserializer, Error};

/// Reads `?flag`, `?flag=true` and `?flag=1` as true.
pub(crate) fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    match String::deserialize(from)?.as_str() {
        "" | "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        other => Err(D::Error::custom(format!(
            "`{other}` is neither true nor false"
        ))),
    }
}
