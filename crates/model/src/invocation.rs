//! What a caller asks for.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::FunctionName;

/// A request to run a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invocation {
    /// What to run.
    pub function: FunctionName,
    /// The bytes that the function reads as its input.
    pub input: Bytes,
    /// What follows `argv[0]`.
    pub args: Vec<String>,
}

impl Invocation {
    /// A call of `function` with `input` and no arguments.
    pub fn new(function: FunctionName, input: impl Into<Bytes>) -> Self {
        Self {
            function,
            input: input.into(),
            args: Vec::new(),
        }
    }
}
