//! Bodies put together without copying.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};

/// Pieces that are sent one behind the other, with a known length.
pub(crate) struct Parts(std::vec::IntoIter<Bytes>);

impl Parts {
    /// A body of `pieces`.
    pub(crate) fn body(mut pieces: Vec<Bytes>) -> Body {
        pieces.retain(|piece| !piece.is_empty());
        match pieces.len() {
            0 | 1 => Body::from(pieces.pop().unwrap_or_default()),
            _ => Body::new(Self(pieces.into_iter())),
        }
    }
}

impl HttpBody for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.next().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_slice().is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.0.as_slice().iter().map(|piece| piece.len() as u64);
        SizeHint::with_exact(left.sum())
    }
}
