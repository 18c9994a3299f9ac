//! Reading a value.

use std::ops::Range;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use faasm_faaslet::Charge;
use faasm_state::Reading;
use faasm_state::tier::CHUNK_BYTES;
use futures::{StreamExt, stream};

use super::view::{not_found, tag};
use crate::api::Api;
use crate::error::ApiError;
use crate::extract::{StateParams, StatePath};
use crate::range::{self, Part};
use crate::{download, etag};

/// What is read at a time: a little less than 1 MiB.
const PIECE_BYTES: u64 = 17 * CHUNK_BYTES;

/// A state value, or a part of it.
#[utoipa::path(get, path = "/s/{user}/{key}", tag = "state",
    params(StateParams,
        ("Range" = Option<String>, Header, description = "`bytes=a-b`, `bytes=a-` or `bytes=-n`"),
        ("If-Range" = Option<String>, Header, description = "The version of which a part is wanted"),
        ("If-None-Match" = Option<String>, Header, description = "Entity tags that the client has")),
    responses(
        (status = 200, description = "The bytes", content_type = "application/octet-stream", body = Vec<u8>,
            headers(("ETag" = String, description = "The version, in quotes"))),
        (status = 206, description = "The part", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 304, description = "The client has this version"),
        (status = 416, description = "The value has none of these bytes"),
    ),
)]
pub(crate) async fn get_state(
    State(api): State<Api>,
    StatePath(key): StatePath,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let reading = api.state.reading(&key).await?;
    let reading = reading.ok_or_else(|| not_found("state value", &key))?;
    let (meta, tag) = (reading.meta(), tag(reading.meta())?);
    if etag::is_known(&headers, &tag) {
        return Ok(etag::not_modified(tag));
    }
    if method == Method::HEAD {
        return Part::whole(meta.size).reply(tag, Body::empty());
    }
    let Some(part) = range::of(&headers, &tag, meta.size) else {
        return range::unsatisfiable(meta.size);
    };
    let pieces = Pieces::new(&api, reading, part.bytes.clone())?;
    part.reply(tag, pieces.into_body().await?)
}

/// A part of a value on its way out.
struct Pieces {
    reading: Reading,
    left: Range<u64>,
    /// For the piece that a slow client keeps in memory.
    _charge: Charge,
}

impl Pieces {
    fn new(api: &Api, reading: Reading, part: Range<u64>) -> Result<Self, ApiError> {
        let bytes = PIECE_BYTES.min(part.end - part.start);
        let charge = download::charge(api.calls.faaslets().budget(), bytes)?;
        Ok(Self {
            reading,
            left: part,
            _charge: charge,
        })
    }

    /// The pieces one behind the other. The first is read before, so that its error can
    /// still be told.
    async fn into_body(mut self) -> Result<Body, ApiError> {
        let first = self.next().await?;
        let rest = stream::try_unfold(self, |mut pieces| async move {
            Ok(pieces.next().await?.map(|piece| (piece, pieces)))
        });
        let first = stream::iter(first.map(Ok::<_, faasm_state::Error>));
        Ok(Body::from_stream(first.chain(rest)))
    }

    async fn next(&mut self) -> faasm_state::Result<Option<Bytes>> {
        let Range { start, end } = self.left;
        let length = PIECE_BYTES.min(end - start);
        if length == 0 {
            return Ok(None);
        }
        let piece = self.reading.read(start, length).await?;
        self.left.start += length;
        Ok(Some(piece))
    }
}
