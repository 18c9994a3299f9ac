//! Changes that are only made to what the client knows.

use axum::http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue};
use faasm_state::tier::{Expect, Version};

use crate::error::ApiError;

/// What the value must be like, as `If-Match` or `If-None-Match` says.
pub(super) fn of(headers: &HeaderMap) -> Result<Expect, ApiError> {
    match (one(headers, &IF_MATCH)?, one(headers, &IF_NONE_MATCH)?) {
        (None, None) => Ok(Expect::Any),
        (Some(tag), None) => match version(tag) {
            Some(version) => Ok(Expect::Version(version)),
            None => Err(ApiError::field(
                "If-Match",
                "must be one version in quotes, as an ETag has it",
            )),
        },
        (None, Some("*")) => Ok(Expect::Absent),
        (None, Some(_)) => Err(ApiError::field(
            "If-None-Match",
            "must be *, which means that there is no value yet",
        )),
        (Some(_), Some(_)) => Err(ApiError::field("If-Match", "excludes If-None-Match")),
    }
}

/// The header's text, if it is there, once.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ApiError> {
    let mut values = headers.get_all(name).iter();
    let (value, more) = (values.next(), values.next());
    match (value.map(HeaderValue::to_str), more) {
        (None, _) => Ok(None),
        (Some(Ok(text)), None) => Ok(Some(text.trim())),
        _ => Err(ApiError::field(
            name.as_str(),
            "must be there once, in ASCII",
        )),
    }
}

fn version(tag: &str) -> Option<Version> {
    let digits = tag.strip_prefix('"')?.strip_suffix('"')?;
    let is_number = digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| digits.parse().ok().map(Version))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expect(headers: &[(HeaderName, &'static str)]) -> Option<Expect> {
        let headers = headers.iter().cloned();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_static(value));
        }
        of(&map).ok()
    }

    #[test]
    fn a_version_or_absence_can_be_demanded() {
        assert_eq!(expect(&[]), Some(Expect::Any));
        let version = Some(Expect::Version(Version(17)));
        assert_eq!(expect(&[(IF_MATCH, " \"17\"")]), version);
        assert_eq!(expect(&[(IF_NONE_MATCH, "*")]), Some(Expect::Absent));
    }

    #[test]
    fn a_condition_that_is_not_understood_is_not_passed_over() {
        for tag in [
            "17",
            "\"\"",
            "\"x\"",
            "\"-1\"",
            "\"+1\"",
            "W/\"17\"",
            "*",
            "\"1\", \"2\"",
            "",
            "\"99999999999999999999\"",
        ] {
            assert_eq!(expect(&[(IF_MATCH, tag)]), None, "{tag}");
        }
        assert_eq!(expect(&[(IF_NONE_MATCH, "\"17\"")]), None);
        assert_eq!(expect(&[(IF_MATCH, "\"1\""), (IF_MATCH, "\"1\"")]), None);
        assert_eq!(expect(&[(IF_MATCH, "\"1\""), (IF_NONE_MATCH, "*")]), None);
    }
}
