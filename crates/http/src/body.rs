//! Reading requests' bodies within limits of size, time and memory.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use bytes::BytesMut;
use faasm_faaslet::{Charge, MemoryBudget};
use http_body_util::BodyExt;

use crate::error::{ApiError, ErrorCode};

/// What is received without asking the memory budget.
const UNCHARGED: u64 = 64 << 10;

/// A body that is being read.
pub(crate) struct BodyReader {
    body: Body,
    limit: u64,
    received: u64,
    idle: Duration,
}

impl BodyReader {
    /// Refuses a body that is announced as larger than `limit` bytes.
    pub(crate) fn new(body: Body, limit: u64, idle: Duration) -> Result<Self, ApiError> {
        if body.size_hint().lower() > limit {
            return Err(too_large(limit));
        }
        let received = 0;
        Ok(Self {
            body,
            limit,
            received,
            idle,
        })
    }

    /// The next piece; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        loop {
            let frame = match tokio::time::timeout(self.idle, self.body.frame()).await {
                Ok(None) => return Ok(None),
                Ok(Some(Ok(frame))) => frame,
                Ok(Some(Err(error))) => {
                    let problem = format!("the body cannot be read to its end: {error}");
                    return Err(ApiError::new(ErrorCode::BadRequest, problem));
                }
                Err(_) => return Err(self.too_slow()),
            };
            // Trailers say nothing here.
            let Ok(piece) = frame.into_data() else {
                continue;
            };
            self.received = self.received.saturating_add(piece.len() as u64);
            if self.received > self.limit {
                return Err(too_large(self.limit));
            }
            return Ok(Some(piece));
        }
    }

    /// The most bytes that are received.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// How many bytes will come at least: all, if the client says how many.
    pub(crate) fn announced(&self) -> u64 {
        self.body.size_hint().lower()
    }

    /// How many bytes there were so far.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// All of the body. What is large is charged to `budget` until the end.
    pub(crate) async fn collect(mut self, budget: &MemoryBudget) -> Result<Bytes, ApiError> {
        let Some(first) = self.next().await? else {
            return Ok(Bytes::new());
        };
        if self.body.is_end_stream() {
            return Ok(first);
        }
        let mut charge = budget.charge();
        let mut all = BytesMut::from(first);
        while let Some(piece) = self.next().await? {
            grow(&mut charge, self.received, piece.len())?;
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }

    fn too_slow(&self) -> ApiError {
        let problem = format!("the body paused for {:?}, which is the limit", self.idle);
        ApiError::new(ErrorCode::RequestTimeout, problem)
    }
}

/// Charges `more` bytes of a body; the first ones of a `total` are free.
pub(crate) fn grow(charge: &mut Charge, total: u64, more: usize) -> Result<(), ApiError> {
    if total <= UNCHARGED || charge.grow(more as u64) {
        return Ok(());
    }
    let problem = "the server's memory budget has no room for the body of this request";
    Err(ApiError::new(ErrorCode::Overloaded, problem))
}

fn too_large(limit: u64) -> ApiError {
    let problem = format!("the body is larger than the limit of {limit} bytes");
    ApiError::new(ErrorCode::BodyTooLarge, problem)
}
