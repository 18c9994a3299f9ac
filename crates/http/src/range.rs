//! Parts of what is stored, as the header `Range` asks for them.

use std::ops::Range;

use axum::body::Body;
use axum::http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_RANGE, RANGE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::error::{ApiError, ErrorCode};
use crate::reply;

/// What an answer has of something.
pub(crate) struct Part {
    pub(crate) bytes: Range<u64>,
    /// Of the whole.
    size: u64,
    status: StatusCode,
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    /// All of it: there is no range, one that is not understood, or several.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// Bytes of which it has none.
    Nothing,
}

/// What to answer of `size` bytes with this tag; `None` if none of them is wanted, which is
/// [`unsatisfiable`].
pub(crate) fn of(headers: &HeaderMap, tag: &HeaderValue, size: u64) -> Option<Part> {
    match wanted(headers, tag, size) {
        Wanted::Whole => Some(Part::whole(size)),
        Wanted::Part(bytes) => Some(Part {
            bytes,
            size,
            status: StatusCode::PARTIAL_CONTENT,
        }),
        Wanted::Nothing => None,
    }
}

/// 416, of something with `size` bytes.
pub(crate) fn unsatisfiable(size: u64) -> Result<Response, ApiError> {
    let problem = format!("the range has none of the {size} bytes that there are");
    let mut response = ApiError::new(ErrorCode::RangeNotSatisfiable, problem).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_RANGE, content_range("*", size)?);
    Ok(response)
}

impl Part {
    /// All `size` bytes, which is what HEAD is told of whatever range it asks for.
    pub(crate) fn whole(size: u64) -> Self {
        Self {
            bytes: 0..size,
            size,
            status: StatusCode::OK,
        }
    }

    /// The answer with these bytes, of what has this tag.
    pub(crate) fn reply(self, tag: HeaderValue, body: Body) -> Result<Response, ApiError> {
        let Range { start, end } = self.bytes;
        let mut response = reply::with(self.status, reply::BYTES, body);
        let headers = response.headers_mut();
        headers.insert(ETAG, tag);
        headers.insert(CONTENT_LENGTH, (end - start).into());
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        if self.status == StatusCode::PARTIAL_CONTENT {
            let part = format!("{start}-{}", end - 1);
            headers.insert(CONTENT_RANGE, content_range(&part, self.size)?);
        }
        Ok(response)
    }
}

fn content_range(part: &str, size: u64) -> Result<HeaderValue, ApiError> {
    let value = HeaderValue::try_from(format!("bytes {part}/{size}"));
    value.map_err(|e| ApiError::internal("the server failed to write a header", e))
}

fn wanted(headers: &HeaderMap, tag: &HeaderValue, size: u64) -> Wanted {
    if headers.get(IF_RANGE).is_some_and(|known| known != tag) {
        return Wanted::Whole;
    }
    let range = headers.get(RANGE).and_then(|value| value.to_str().ok());
    range
        .and_then(|range| parse(range, size))
        .unwrap_or(Wanted::Whole)
}

fn parse(range: &str, size: u64) -> Option<Wanted> {
    let (unit, range) = range.split_once('=')?;
    let (first, last) = range.trim().split_once('-')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let part = match (first, last) {
        ("", last) => size.saturating_sub(number(last)?)..size,
        (first, "") => number(first)?..size,
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            first..last.saturating_add(1).min(size)
        }
    };
    Some(match part.is_empty() {
        true => Wanted::Nothing,
        false => Wanted::Part(part),
    })
}

/// A number that may have more digits than fit: then it is beyond any size as well.
fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(range: &'static str, size: u64) -> Wanted {
        let headers = HeaderMap::from_iter([(RANGE, HeaderValue::from_static(range))]);
        super::wanted(&headers, &HeaderValue::from_static("\"1\""), size)
    }

    #[test]
    fn a_range_is_cut_to_what_there_is() {
        for (range, part) in [
            ("bytes=0-0", 0..1),
            ("bytes=2-", 2..10),
            ("bytes=2-99999999999999999999999", 2..10),
            ("bytes=-3", 7..10),
            ("bytes=-99", 0..10),
            ("Bytes = 4-5", 4..6),
        ] {
            assert_eq!(wanted(range, 10), Wanted::Part(part), "{range}");
        }
    }

    #[test]
    fn a_range_behind_the_end_has_nothing() {
        for range in [
            "bytes=10-",
            "bytes=10-11",
            "bytes=-0",
            "bytes=99999999999999999999-",
        ] {
            assert_eq!(wanted(range, 10), Wanted::Nothing, "{range}");
        }
        for range in ["bytes=0-", "bytes=-1", "bytes=0-0"] {
            assert_eq!(wanted(range, 0), Wanted::Nothing, "{range}");
        }
    }

    #[test]
    fn what_is_not_one_range_of_bytes_is_not_heeded() {
        for range in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=3-2",
            "bytes=1-2,4-5",
            "bytes=+1-2",
            "rows=1-2",
            "bytes=1--2",
            "1-2",
        ] {
            assert_eq!(wanted(range, 10), Wanted::Whole, "{range}");
        }
    }

    #[test]
    fn a_part_of_another_version_is_no_use() {
        let header = |name, value| (name, HeaderValue::from_static(value));
        let asked = |tag| HeaderMap::from_iter([header(RANGE, "bytes=1-"), header(IF_RANGE, tag)]);
        let tag = HeaderValue::from_static("\"1\"");
        assert_eq!(super::wanted(&asked("\"1\""), &tag, 3), Wanted::Part(1..3));
        assert_eq!(super::wanted(&asked("\"2\""), &tag, 3), Wanted::Whole);
    }
}
