//! What every request meets first and every answer passes last.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::header::{ALLOW, EXPECT};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use futures::future::BoxFuture;
use http_body_util::BodyExt;
use tower::{Layer, Service};

use crate::error::ApiError;
use crate::extract::wants_json;
use crate::linger::Lingering;
use crate::metrics::Meter;
use crate::request_id;

/// Wraps the handlers of one path: gives requests their ids, errors their form, counts
/// answers, and makes a 500 of a panic.
#[derive(Clone)]
pub(crate) struct Front(Arc<Path>);

struct Path {
    meter: Meter,
    /// The methods, if there is such a path.
    allow: Option<HeaderValue>,
    /// Whether the handlers answer to OPTIONS, which then is a browser's question.
    cors: bool,
}

impl Front {
    /// `route` is the path's template.
    pub(crate) fn new(route: &str, allow: Option<HeaderValue>, cors: bool) -> Self {
        let meter = Meter::new(route);
        Self(Arc::new(Path { meter, allow, cors }))
    }
}

impl<S> Layer<S> for Front {
    type Service = Fronted<S>;

    fn layer(&self, inner: S) -> Fronted<S> {
        let path = Arc::clone(&self.0);
        Fronted { path, inner }
    }
}

/// Handlers behind a [`Front`].
#[derive(Clone)]
pub(crate) struct Fronted<S> {
    path: Arc<Path>,
    inner: S,
}

impl<S> Service<Request> for Fronted<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let begun = Instant::now();
        let id = request_id::of(request.headers());
        let json = wants_json(request.headers());
        let path = Arc::clone(&self.path);
        if request.method() == Method::OPTIONS && !path.cors && path.allow.is_some() {
            let response = path.finish(StatusCode::NO_CONTENT.into_response(), id, json, begun);
            return Box::pin(std::future::ready(Ok(response)));
        }
        let expects_continue = request.headers().contains_key(EXPECT);
        let request = request.map(|body| Lingering::wrap(body, expects_continue));
        let answer = self.inner.call(request);
        Box::pin(async move {
            let response = match AssertUnwindSafe(answer).catch_unwind().await {
                Ok(Ok(response)) => response,
                Err(panic) => {
                    let cause = panic_text(panic.as_ref());
                    ApiError::internal("the server failed to answer", cause).into_response()
                }
            };
            Ok(path.finish(response, id, json, begun))
        })
    }
}

impl Path {
    fn finish(&self, response: Response, id: HeaderValue, json: bool, begun: Instant) -> Response {
        let mut response = response;
        if let Some(error) = response.extensions_mut().remove::<ApiError>() {
            self.log(&error, &id);
            response = error.render(response, json);
        }
        let mut response = response.map(|body| self.watch(body, &id));
        let status = response.status();
        let headers = response.headers_mut();
        let names_methods = matches!(
            status,
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NO_CONTENT
        );
        if let Some(allow) = self.allow.as_ref().filter(|_| names_methods) {
            headers.insert(ALLOW, allow.clone());
        }
        headers.insert(request_id::HEADER, id);
        self.meter.count(status, begun.elapsed());
        response
    }

    fn log(&self, error: &ApiError, id: &HeaderValue) {
        let (route, code) = (self.meter.route(), error.code.as_str());
        match error.fault() {
            Some(cause) => tracing::error!(request_id = ?id, route, code, %cause, "request failed"),
            None => tracing::debug!(request_id = ?id, route, code, "request refused"),
        }
    }

    /// An answer that has begun cannot say any more what went wrong: the log does. What has
    /// a length is in memory, and cannot fail.
    fn watch(&self, body: Body, id: &HeaderValue) -> Body {
        if body.size_hint().exact().is_some() {
            return body;
        }
        let (route, id) = (self.meter.route().to_owned(), id.clone());
        Body::new(body.map_err(move |error| {
            tracing::error!(request_id = ?id, route, cause = %error, "answer ended early");
            error
        }))
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panic: {}", text.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;

    async fn answer(request: Request) -> Response {
        let panics = tower::service_fn(|_: Request| async { panic!("broken {}", "handler") });
        let front = Front::new("/x", Some(HeaderValue::from_static("GET")), false);
        let Ok(response) = front.layer(panics).call(request).await;
        response
    }

    #[tokio::test]
    async fn a_panic_becomes_a_500_that_does_not_tell_the_client_why() {
        let request = Request::builder().header("x-request-id", "r-1");
        let response = answer(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()[request_id::HEADER], "r-1");
        let body = to_bytes(response.into_body(), 10_000).await.unwrap();
        assert!(!String::from_utf8_lossy(&body).contains("broken"));
    }

    #[tokio::test]
    async fn options_names_the_methods_without_asking_the_handlers() {
        let request = Request::builder().method("OPTIONS");
        let response = answer(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert_eq!(response.headers()[ALLOW], "GET");
    }
}
