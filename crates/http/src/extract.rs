//! What handlers take from a request's path, query and headers.

use std::convert::Infallible;

use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use axum::http::request::Parts;
use faasm_auth::TokenId;
use faasm_model::{CallId, FunctionName, Key, Name, StateKey};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use crate::error::{ApiError, ErrorCode};

/// A user and a function in the path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct FunctionParams {
    /// The owner: 1 to 128 of A-Z a-z 0-9 . _ -
    user: String,
    /// The function: 1 to 128 of A-Z a-z 0-9 . _ -
    function: String,
}

/// A user in the path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct UserParams {
    /// The owner: 1 to 128 of A-Z a-z 0-9 . _ -
    user: String,
}

/// A user and the key of a state value in the path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct StateParams {
    /// The owner: 1 to 128 of A-Z a-z 0-9 . _ -
    user: String,
    /// The key: 1 to 512 bytes of printable UTF-8 without /, percent-encoded
    key: String,
}

/// A call in the path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct CallParams {
    /// The call's id.
    #[param(value_type = u64)]
    id: String,
}

/// A token in the path.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct TokenParams {
    /// The token's id: 12 of a-z and 2-7
    id: String,
}

pub(crate) struct FunctionPath(pub(crate) FunctionName);
pub(crate) struct UserPath(pub(crate) Name);
pub(crate) struct StatePath(pub(crate) StateKey);
pub(crate) struct CallPath(pub(crate) CallId);
pub(crate) struct TokenPath(pub(crate) TokenId);
/// A query; an unknown field in it is ignored.
pub(crate) struct QueryOf<T>(pub(crate) T);
/// Whether the client asked for JSON.
pub(crate) struct WantsJson(pub(crate) bool);

/// The user that calls of Python functions name; their owner is told apart from it.
pub(crate) const PYTHON_USER: &str = "python";

/// How the standard library says that a text is not a number.
const NO_NUMBER: [&str; 2] = [
    "invalid digit found in string",
    "cannot parse integer from empty string",
];

/// What is wrong with a path that is not [escaped](is_escaped).
pub(crate) const UNESCAPED: &str =
    "has a % without two hexadecimal digits behind it; a % itself is written %25";

impl<S: Sync> FromRequestParts<S> for FunctionPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let FunctionParams { user, function } = path(parts).await?;
        Ok(Self(FunctionName {
            user: name("user", &user)?,
            function: name("function", &function)?,
        }))
    }
}

impl<S: Sync> FromRequestParts<S> for UserPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let UserParams { user } = path(parts).await?;
        Ok(Self(name("user", &user)?))
    }
}

impl<S: Sync> FromRequestParts<S> for StatePath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        if !is_escaped(parts.uri.path()) {
            let problem = format!("`key`: {UNESCAPED}");
            return Err(ApiError::new(ErrorCode::InvalidKey, problem));
        }
        let StateParams { user, key: text } = path(parts).await?;
        Ok(Self(StateKey {
            user: name("user", &user)?,
            key: key("key", &text)?,
        }))
    }
}

impl<S: Sync> FromRequestParts<S> for CallPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let CallParams { id } = path(parts).await?;
        Ok(Self(call_id("id", &id)?))
    }
}

impl<S: Sync> FromRequestParts<S> for TokenPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let TokenParams { id } = path(parts).await?;
        let id = id.parse().map_err(|error| ApiError::field("id", error))?;
        Ok(Self(id))
    }
}

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for QueryOf<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Query(query) = Query::try_from_uri(&parts.uri).map_err(|error| {
            let text = error.body_text();
            // axum tells the type that it made of the query; a client knows its fields.
            let problem = text.strip_prefix("Failed to deserialize query string: ");
            let mut problem = format!("in the query, {}", problem.unwrap_or(&text));
            for no_number in NO_NUMBER {
                problem = problem.replace(no_number, "must be a whole number, 0 or more");
            }
            ApiError::new(ErrorCode::InvalidField, problem)
        })?;
        Ok(Self(query))
    }
}

impl<S: Sync> FromRequestParts<S> for WantsJson {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(wants_json(&parts.headers)))
    }
}

/// Whether `Accept` names JSON; `*/*` does not.
pub(crate) fn wants_json(headers: &HeaderMap) -> bool {
    let lists = headers
        .get_all(ACCEPT)
        .into_iter()
        .filter_map(|v| v.to_str().ok());
    let kinds = lists.flat_map(|list| list.split(','));
    let mut kinds = kinds.map(|kind| kind.split(';').next().unwrap_or_default().trim());
    kinds.any(|kind| kind.eq_ignore_ascii_case("application/json"))
}

/// Whether each % in a URL's path is one of an escape; decoding leaves others as they are.
pub(crate) fn is_escaped(path: &str) -> bool {
    let is_hex = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
    let mut behind = path.split('%').skip(1).map(|text| text.as_bytes().get(..2));
    behind.all(|digits| digits.is_some_and(is_hex))
}

/// Checks a name; the error says which field it is in.
pub(crate) fn name(field: &str, text: &str) -> Result<Name, ApiError> {
    let invalid = |e| ApiError::new(ErrorCode::InvalidName, format!("`{field}`: {e}"));
    Name::new(text).map_err(invalid)
}

/// Refuses the name under which Python functions are called, whoever owns them.
pub(crate) fn refuse_reserved(field: &str, user: &Name) -> Result<(), ApiError> {
    if user.as_str() != PYTHON_USER {
        return Ok(());
    }
    let problem = format!("`{field}`: the name python is reserved for Python functions");
    Err(ApiError::new(ErrorCode::InvalidName, problem))
}

/// Checks the key of a state value.
pub(crate) fn key(field: &str, text: &str) -> Result<Key, ApiError> {
    let invalid = |e| ApiError::new(ErrorCode::InvalidKey, format!("`{field}`: {e}"));
    Key::new(text).map_err(invalid)
}

/// Checks what need not be there.
pub(crate) fn optional<T>(
    field: &str,
    text: Option<&str>,
    check: impl FnOnce(&str, &str) -> Result<T, ApiError>,
) -> Result<Option<T>, ApiError> {
    text.map(|text| check(field, text)).transpose()
}

/// Checks a call's id.
pub(crate) fn call_id(field: &str, text: &str) -> Result<CallId, ApiError> {
    text.parse().map_err(|e| ApiError::field(field, e))
}

async fn path<T: DeserializeOwned + Send>(parts: &mut Parts) -> Result<T, ApiError> {
    match Path::<T>::from_request_parts(parts, &()).await {
        Ok(Path(params)) => Ok(params),
        Err(PathRejection::FailedToDeserializePathParams(failed)) => Err(match failed.kind() {
            ErrorKind::InvalidUtf8InPathParam { key } => {
                let problem = format!("`{key}` is not valid UTF-8 where the path is decoded");
                let code = match key.as_str() {
                    "key" => ErrorCode::InvalidKey,
                    _ => ErrorCode::InvalidName,
                };
                ApiError::new(code, problem)
            }
            other => ApiError::new(ErrorCode::BadRequest, other.to_string()),
        }),
        Err(other) => Err(ApiError::internal("the server failed to route", other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn json_is_for_who_names_it() {
        let accept = |value: &'static str| {
            wants_json(&HeaderMap::from_iter([(
                ACCEPT,
                HeaderValue::from_static(value),
            )]))
        };
        assert!(accept("application/json") && accept("text/html, Application/JSON;q=0.9"));
        assert!(!accept("*/*") && !accept("application/jsonl") && !accept(""));
        assert!(!wants_json(&HeaderMap::new()));
    }

    #[test]
    fn an_escape_is_two_hexadecimal_digits() {
        for good in ["", "/a", "/%41%ff", "%2F%2f"] {
            assert!(is_escaped(good), "{good}");
        }
        for bad in ["%", "/a%", "/%4", "/%4/1", "/a%zz", "/%41%%41", "/%-1"] {
            assert!(!is_escaped(bad), "{bad}");
        }
    }
}
