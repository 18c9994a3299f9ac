//! JSON from outside.

use serde::de::DeserializeOwned;

use crate::error::{ApiError, ErrorCode};

/// Parses a JSON object; an error names the field.
pub(crate) fn parse_object<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    // serde takes an array for a struct as well, field by field.
    if body.iter().find(|b| !b.is_ascii_whitespace()) != Some(&b'{') {
        let problem = match body.is_empty() {
            true => "the body is empty; it must be a JSON object",
            false => "the body is not a JSON object",
        };
        return Err(ApiError::new(ErrorCode::BadRequest, problem));
    }
    // Keeping track of where a value is costs time, and only errors tell it.
    serde_json::from_slice(body).map_err(|error| explain::<T>(body, error))
}

fn explain<T: DeserializeOwned>(body: &[u8], error: serde_json::Error) -> ApiError {
    if !error.is_data() {
        return ApiError::new(
            ErrorCode::BadRequest,
            format!("the body is not valid JSON: {error}"),
        );
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    match serde_path_to_error::deserialize::<_, T>(&mut json) {
        Err(located) if located.path().iter().next().is_some() => {
            ApiError::field(&located.path().to_string(), located.inner())
        }
        _ => ApiError::new(ErrorCode::InvalidField, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use faasm_model::LimitOverrides;

    fn refusal(body: &[u8]) -> String {
        let error = parse_object::<LimitOverrides>(body).unwrap_err();
        format!("{error:?}")
    }

    #[test]
    fn errors_name_the_field_or_say_that_it_is_no_json() {
        assert!(refusal(br#"{"time_ms": "5"}"#).contains("`time_ms`: invalid type"));
        assert!(refusal(br#"{"bogus": 5}"#).contains("bogus"));
        assert!(refusal(br#"{"time_ms": 1, "time_ms": 2}"#).contains("duplicate field `time_ms`"));
        for bad in [&b""[..], b"[1, 2, 3, 4]", b"{", b"{} x", b"\xff", b"null"] {
            assert!(refusal(bad).contains("BadRequest"), "{bad:?}");
        }
    }

    #[test]
    fn nesting_without_end_does_not_overflow_the_stack() {
        let bomb = [&b"{\"time_ms\":"[..], &b"[".repeat(10 << 20)].concat();
        refusal(&bomb);
    }
}
