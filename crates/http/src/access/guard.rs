//! What stands before every handler of a server with tokens.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;
use faasm_auth::{Rejected, Tokens};
use faasm_model::now_ms;

use super::Caller;
use super::rules::{Need, need};
use crate::error::{ApiError, ErrorCode};

/// The parameter of a path that names a user.
const USER: &str = "user";

/// Before the handlers of one path: lets through who may do what is asked, and tells the handler
/// who that is.
#[derive(Clone)]
pub(crate) struct Guard(Arc<Path>);

struct Path {
    /// As it is described.
    template: String,
    tokens: Tokens,
    open_metrics: bool,
}

impl Guard {
    /// Guards the path with this template.
    pub(crate) fn new(template: &str, tokens: Tokens, open_metrics: bool) -> Self {
        let template = template.to_owned();
        Self(Arc::new(Path {
            template,
            tokens,
            open_metrics,
        }))
    }

    /// What axum is to run before the handlers.
    pub(crate) async fn stand(
        State(Self(path)): State<Self>,
        request: Request,
        next: Next,
    ) -> Result<Response, ApiError> {
        let request = path.admit(request).await?;
        Ok(next.run(request).await)
    }
}

impl Path {
    async fn admit(&self, request: Request) -> Result<Request, ApiError> {
        let (mut parts, body) = request.into_parts();
        let need = self.need(&parts.method);
        if need != Need::Nothing {
            let caller = self.caller(&parts.headers)?;
            match need {
                Need::Nothing | Need::Token => {}
                Need::Scope(scopes) => caller.needs(scopes)?,
                Need::OfUser(scopes) => {
                    caller.needs(scopes)?;
                    let params = RawPathParams::from_request_parts(&mut parts, &()).await;
                    let user = params.as_ref().ok().and_then(user).unwrap_or_default();
                    caller.needs_user(user)?;
                }
                Need::OfAll(scopes) => {
                    caller.needs(scopes)?;
                    caller.needs_all_users()?;
                }
                Need::Server | Need::Unknown => {
                    let problem = "no token is enough for this";
                    return Err(ApiError::new(ErrorCode::Forbidden, problem));
                }
            }
            parts.extensions.insert(caller);
        }
        // Nobody behind this needs it, and so nobody can pass it on.
        parts.headers.remove(AUTHORIZATION);
        Ok(Request::from_parts(parts, body))
    }

    fn need(&self, method: &Method) -> Need {
        match self.open_metrics && self.template == crate::metrics::PATH {
            true => Need::Nothing,
            false => need(method, &self.template),
        }
    }

    fn caller(&self, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let text = bearer(headers)?;
        match self.tokens.check(text, now_ms()) {
            Ok(record) => Ok(Caller::Bearer(record)),
            Err(rejected) => Err(bad(rejected)),
        }
    }
}

fn user(params: &RawPathParams) -> Option<&str> {
    let mut params = params.iter();
    params.find_map(|(name, value)| (name == USER).then_some(value))
}

/// What the request's one `Authorization: Bearer` says.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, more) = (values.next(), values.next());
    let Some(value) = value else {
        let problem = "the request has no token, and this server asks for one";
        return Err(ApiError::new(ErrorCode::NoToken, problem));
    };
    let text = value.to_str().ok().filter(|_| more.is_none());
    let words = text.and_then(|text| text.trim().split_once(' '));
    match words {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim_start()),
        _ => {
            let problem = "the header Authorization must be there once, and read Bearer TOKEN";
            Err(ApiError::new(ErrorCode::NoToken, problem))
        }
    }
}

fn bad(rejected: Rejected) -> ApiError {
    ApiError::new(ErrorCode::BadToken, rejected.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn said(values: &[&'static str]) -> Option<String> {
        let values = values.iter().map(|value| HeaderValue::from_static(value));
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value);
        }
        bearer(&headers).ok().map(str::to_owned)
    }

    #[test]
    fn the_token_is_behind_the_word_bearer_in_the_only_header() {
        assert_eq!(said(&["Bearer x"]).as_deref(), Some("x"));
        assert_eq!(said(&["bEARER  x "]).as_deref(), Some("x"));
        for bad in [
            &[][..],
            &["x"],
            &["Basic x"],
            &["Bearer"],
            &["Bearer x", "Bearer x"],
        ] {
            assert_eq!(said(bad), None, "{bad:?}");
        }
    }
}
