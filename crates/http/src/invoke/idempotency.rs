//! The header by which a repeated request is recognised.

use axum::http::HeaderMap;
use faasm_calls::{Idempotency, IdempotencyKey, InvalidIdempotencyKey};
use faasm_model::{FileAccess, Invocation, Target};

use crate::error::ApiError;

const HEADER: &str = "idempotency-key";

/// The key of the request, if it has one, with a hash of all that it asks for.
pub(crate) fn of(
    headers: &HeaderMap,
    invocation: &Invocation,
) -> Result<Option<Idempotency>, ApiError> {
    let Some(value) = headers.get(HEADER) else {
        return Ok(None);
    };
    let key = value
        .to_str()
        .map_err(|_| InvalidIdempotencyKey)
        .and_then(IdempotencyKey::new);
    let key = key.map_err(|e| ApiError::field("Idempotency-Key", e))?;
    let body_hash = hash(invocation);
    Ok(Some(Idempotency { key, body_hash }))
}

fn hash(invocation: &Invocation) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    // Each with its length before it, so that no two requests read the same.
    let mut add = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    add(invocation.function.user.as_str().as_bytes());
    add(invocation.function.function.as_str().as_bytes());
    let (kind, part) = match &invocation.target {
        Target::Wasm => (0, String::new()),
        Target::Python { entry: None } => (1, Target::PYTHON_ENTRY.to_owned()),
        Target::Python { entry: Some(entry) } => (1, entry.to_string()),
        Target::Mpi { size } => (2, size.get().to_string()),
    };
    add(&[kind]);
    add(part.as_bytes());
    add(&[u8::from(invocation.files == FileAccess::Write)]);
    add(&invocation.input);
    for arg in &invocation.args {
        add(arg.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use faasm_model::{FunctionName, Name};

    #[test]
    fn requests_that_differ_have_different_hashes() {
        let function = FunctionName::new("a", "f").unwrap();
        let call = |input: &'static str, args: &[&str]| Invocation {
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            ..Invocation::new(function.clone(), input)
        };
        assert_eq!(hash(&call("x", &["y"])), hash(&call("x", &["y"])));
        let python = |input, entry: Option<&str>| Invocation {
            target: Target::Python {
                entry: entry.map(|entry| Name::new(entry).unwrap()),
            },
            ..call(input, &[])
        };
        let default = python("x", Some(Target::PYTHON_ENTRY));
        assert_eq!(hash(&default), hash(&python("x", None)));
        let all = [
            call("x", &[]),
            call("x", &["y"]),
            call("xy", &[]),
            call("", &["xy"]),
            call("x", &["y", ""]),
            python("x", None),
            python("x", Some("other")),
        ];
        let hashes: std::collections::HashSet<_> = all.iter().map(hash).collect();
        assert_eq!(hashes.len(), all.len());
    }
}
