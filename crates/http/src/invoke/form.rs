//! The JSON form of requests: what it says, checked.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use faasm_model::{CallId, FileAccess, Invocation};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use utoipa::ToSchema;

use super::callee;
use crate::HttpOptions;
use crate::error::{ApiError, ErrorCode};

/// A request in JSON; unknown fields are ignored.
#[derive(Deserialize, ToSchema)]
#[serde(expecting = "a JSON object")]
pub(crate) struct Form {
    /// The owner of the function to call.
    pub(super) user: Option<String>,
    /// The function to call.
    pub(super) function: Option<String>,
    /// Answer with the call's id at once.
    #[serde(rename = "async")]
    is_async: Option<bool>,
    /// The input.
    input_data: Option<String>,
    /// The input in base64, instead.
    input_data_base64: Option<String>,
    /// More arguments, split as a POSIX shell splits words.
    cmdline: Option<String>,
    /// Ask how call `id` stands.
    status: Option<bool>,
    /// Ask for the tree of calls that call `id` made.
    exec_graph: Option<bool>,
    /// The call, as a number or as digits.
    #[schema(value_type = Option<u64>)]
    id: Option<Id>,
    /// With `status`: hold the answer until the call ends, at most so many milliseconds.
    wait_ms: Option<u64>,
    /// Drop every cached module.
    flush: Option<bool>,
    /// 3 is another word for `flush`; 0 is a call.
    #[serde(rename = "type")]
    kind: Option<i64>,
    /// Call a Python function. `user` is then `python`, and `function` is `py_func`; both may be
    /// left out.
    pub(super) python: Option<bool>,
    /// The owner of the Python function to call.
    pub(super) py_user: Option<String>,
    /// The Python function to call.
    pub(super) py_func: Option<String>,
    /// What to run of it, if not `faasm_main`.
    pub(super) py_entry: Option<String>,
    /// Run the function as an MPI world.
    pub(super) mpi: Option<bool>,
    /// How many ranks the world has; implies `mpi`.
    pub(super) mpi_world_size: Option<u32>,
}

/// What a request asks for.
#[derive(Debug)]
pub(crate) enum Asked {
    Invoke {
        invocation: Invocation,
        is_async: bool,
    },
    Status {
        id: CallId,
        wait: Duration,
    },
    Graph(CallId),
    Flush,
}

impl Form {
    /// What is asked for, by somebody whose calls may do so much with shared files.
    pub(crate) fn check(self, options: &HttpOptions, files: FileAccess) -> Result<Asked, ApiError> {
        let flush = match self.kind {
            None | Some(0) => self.flush == Some(true),
            Some(3) => true,
            Some(_) => {
                return Err(ApiError::field(
                    "type",
                    "0 is a call and 3 is a flush; there are no others",
                ));
            }
        };
        let (status, graph) = (self.status == Some(true), self.exec_graph == Some(true));
        match (flush, status, graph) {
            (false, false, false) => self.invocation(options, files),
            (true, false, false) => Ok(Asked::Flush),
            (false, true, false) => Ok(Asked::Status {
                id: self.call_id("status")?,
                wait: Duration::from_millis(self.wait_ms.unwrap_or(0)),
            }),
            (false, false, true) => Ok(Asked::Graph(self.call_id("exec_graph")?)),
            _ => {
                let problem = "ask for one of `status`, `exec_graph` and `flush` at a time";
                Err(ApiError::new(ErrorCode::BadRequest, problem))
            }
        }
    }

    fn call_id(&self, purpose: &str) -> Result<CallId, ApiError> {
        let missing = || missing(&format!("`{purpose}` needs `id`, the call's id"));
        self.id.as_ref().map(|id| id.0).ok_or_else(missing)
    }

    fn invocation(self, options: &HttpOptions, files: FileAccess) -> Result<Asked, ApiError> {
        let (function, target) = callee::of(&self, options)?;
        let args = self
            .cmdline
            .as_deref()
            .map(split)
            .transpose()?
            .unwrap_or_default();
        let is_async = self.is_async == Some(true);
        let input = input(self.input_data, self.input_data_base64)?;
        let max_input = options.max_input_bytes;
        if input.len() as u64 > max_input {
            let problem = format!("the input is larger than the limit of {max_input} bytes");
            return Err(ApiError::new(ErrorCode::BodyTooLarge, problem));
        }
        let invocation = Invocation {
            target,
            args,
            files,
            ..Invocation::new(function, input)
        };
        Ok(Asked::Invoke {
            invocation,
            is_async,
        })
    }
}

/// Splits a command line as a POSIX shell does.
pub(crate) fn split(cmdline: &str) -> Result<Vec<String>, ApiError> {
    // An argument ends at its first NUL in the guest, so one cannot carry it.
    if cmdline.contains('\0') {
        return Err(ApiError::field("cmdline", "an argument cannot contain NUL"));
    }
    let unbalanced = || ApiError::field("cmdline", "a quote is not closed, or a `\\` ends it");
    shlex::split(cmdline).ok_or_else(unbalanced)
}

pub(super) fn missing(problem: &str) -> ApiError {
    ApiError::new(ErrorCode::MissingField, problem)
}

fn input(text: Option<String>, base64: Option<String>) -> Result<Bytes, ApiError> {
    match (text, base64) {
        (Some(_), Some(_)) => Err(ApiError::new(
            ErrorCode::InvalidField,
            "give `input_data` or `input_data_base64`, not both",
        )),
        (Some(text), None) => Ok(text.into()),
        (None, Some(text)) => match STANDARD.decode(text) {
            Ok(bytes) => Ok(bytes.into()),
            Err(error) => Err(ApiError::field("input_data_base64", error)),
        },
        (None, None) => Ok(Bytes::new()),
    }
}

/// A call's id as a number or a string of digits.
struct Id(CallId);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct IdVisitor;
        impl Visitor<'_> for IdVisitor {
            type Value = Id;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a call id: a positive whole number below 2^53, or its digits")
            }

            fn visit_u64<E: de::Error>(self, id: u64) -> Result<Id, E> {
                CallId::new(id).map(Id).map_err(E::custom)
            }

            fn visit_str<E: de::Error>(self, digits: &str) -> Result<Id, E> {
                digits.parse().map(Id).map_err(E::custom)
            }
        }
        from.deserialize_any(IdVisitor)
    }
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
