//! Errors as answers: one line of text, or JSON for who asks for it.

mod codes;
mod convert;

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

pub use codes::ErrorCode;

use crate::reply;

/// A request that is answered with an error.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    pub(crate) code: ErrorCode,
    message: String,
    /// Where in what was sent.
    position: Option<Position>,
    /// What only the log is told.
    cause: Option<Arc<str>>,
}

/// A place in a source file.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct Position {
    /// The line, from 1.
    pub(crate) line: u32,
    /// The column in characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<u32>,
}

/// An error in JSON.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
pub(crate) struct ErrorView<'a> {
    error: ErrorFields<'a>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ErrorFields)]
struct ErrorFields<'a> {
    /// What is wrong, as a stable code.
    #[schema(value_type = String)]
    code: &'static str,
    /// What is wrong, in one line.
    #[schema(value_type = String)]
    message: &'a str,
    /// What to do about it.
    #[schema(value_type = String)]
    hint: &'static str,
    /// Where in an uploaded source file, for errors that have a place there.
    #[serde(flatten)]
    #[schema(inline)]
    position: Option<Position>,
}

/// Longest message, in characters: it may quote what was sent.
const MAX_MESSAGE: usize = 2_000;

impl Position {
    /// A place as Python tells it, where 0 is for what it does not know.
    pub(crate) fn new(line: u32, column: u32) -> Option<Self> {
        let column = (column > 0).then_some(column);
        (line > 0).then_some(Self { line, column })
    }
}

impl ApiError {
    pub(crate) fn new(code: ErrorCode, message: impl AsRef<str>) -> Self {
        let message = message.as_ref();
        // What to do is said once, by the hint.
        let advised = message.strip_suffix(code.hint());
        let message = advised.map_or(message, |rest| rest.trim_end_matches([' ', ';']));
        Self {
            code,
            message: one_line(message, MAX_MESSAGE),
            position: None,
            cause: None,
        }
    }

    /// A fault of the server: the log is told the cause, the client is not.
    pub(crate) fn internal(what: &str, cause: impl ToString) -> Self {
        Self {
            cause: Some(cause.to_string().into()),
            ..Self::new(ErrorCode::Internal, what)
        }
    }

    /// What is wrong with the server, for its log; `None` if the request is what is wrong.
    pub(crate) fn fault(&self) -> Option<&str> {
        let is_fault = self.code.status() == StatusCode::INTERNAL_SERVER_ERROR;
        let message = is_fault.then_some(self.message.as_str());
        self.cause.as_deref().or(message)
    }

    /// A field with a wrong value.
    pub(crate) fn field(field: &str, problem: impl std::fmt::Display) -> Self {
        Self::new(ErrorCode::InvalidField, format!("`{field}`: {problem}"))
    }

    /// The same, about a place in a source file.
    pub(crate) fn at(self, position: Option<Position>) -> Self {
        Self { position, ..self }
    }

    /// The answer in the form that the client asked for. `response` is the one made by
    /// [`into_response`](IntoResponse::into_response), with what others added to it.
    pub(crate) fn render(&self, mut response: Response, json: bool) -> Response {
        let (content_type, body) = match json {
            true => (reply::JSON, self.json()),
            false => (reply::TEXT, self.text()),
        };
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        *response.body_mut() = Body::from(body);
        response
    }

    fn text(&self) -> String {
        format!("{} ({})\n", self.message, self.code.hint())
    }

    fn json(&self) -> String {
        let error = ErrorFields {
            code: self.code.as_str(),
            message: &self.message,
            hint: self.code.hint(),
            position: self.position,
        };
        // Three strings under string keys always have a JSON form.
        serde_json::to_string(&ErrorView { error }).unwrap_or_default()
    }
}

/// Without a body: that depends on the request and is added by [`ApiError::render`].
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = StatusCode::into_response(self.code.status());
        if let Some(seconds) = self.code.retry_after_seconds() {
            let value = HeaderValue::from(seconds);
            response.headers_mut().insert(RETRY_AFTER, value);
        }
        if self.code.status() == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// `text` with control characters made spaces, and cut after so many characters.
pub(crate) fn one_line(text: &str, max: usize) -> String {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    let mut line: String = text.trim_end().chars().take(max).map(printable).collect();
    if text.chars().nth(max).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_bounded_line_whatever_it_quotes() {
        let error = ApiError::new(ErrorCode::BadRequest, "a\nb\0c\u{1b}[2J");
        let text = error.text();
        assert!(text.starts_with("a b c [2J ("), "{text}");
        assert_eq!(text.matches('\n').count(), 1);
        let long = ApiError::new(ErrorCode::BadRequest, "ä".repeat(1 << 20));
        assert!(long.text().chars().count() < 2_200);
    }

    #[test]
    fn the_log_is_told_what_the_client_is_not() {
        let error = ApiError::internal("the server could not read", "/data/secret: EIO");
        assert!(!error.text().contains("secret") && !error.json().contains("secret"));
        assert!(error.fault().is_some_and(|c| c.contains("secret")));
        let damaged = ApiError::new(ErrorCode::DamagedFile, "x is damaged");
        assert_eq!(damaged.fault(), Some("x is damaged"));
        assert_eq!(ApiError::new(ErrorCode::NoSpace, "x").fault(), None);
    }

    #[test]
    fn what_to_do_is_said_once() {
        let code = ErrorCode::DamagedFile;
        for message in ["x is damaged", "x is damaged; put the file again"] {
            let error = ApiError::new(code, message);
            assert_eq!(error.text(), "x is damaged (put the file again)\n");
        }
    }
}
