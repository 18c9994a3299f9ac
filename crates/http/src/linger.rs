//! Bodies that an answer does not wait for.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::runtime::Handle;

/// How long a refused body may go on.
const LINGER: Duration = Duration::from_secs(30);

/// A request's body that, when it is dropped half read, is received and thrown away for a
/// while. Many clients send all before they read, and closing the connection on them would
/// lose the answer that says why the body was refused.
pub(crate) struct Lingering(Option<Body>);

impl Lingering {
    /// Wraps `body` unless that has no use. A client that asked to be told to go on has
    /// sent nothing yet, and nothing needs to be received from it.
    pub(crate) fn wrap(body: Body, expects_continue: bool) -> Body {
        match body.is_end_stream() || expects_continue {
            true => body,
            false => Body::new(Self(Some(body))),
        }
    }
}

impl HttpBody for Lingering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(body) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(body).poll_frame(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.0 = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0
            .as_ref()
            .map_or_else(SizeHint::default, HttpBody::size_hint)
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let rest = self.0.take().filter(|body| !body.is_end_stream());
        if let (Some(mut body), Ok(runtime)) = (rest, Handle::try_current()) {
            let discard = async move { while let Some(Ok(_)) = body.frame().await {} };
            runtime.spawn(tokio::time::timeout(LINGER, discard));
        }
    }
}
