//! Reading code, and checking that it is what was put.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};

use super::FunctionRecord;
use super::commit::Committer;
use crate::{Error, Result};

/// A function's code, piece by piece.
pub type CodeStream = BoxStream<'static, Result<Bytes>>;

/// The state of a stream that hashes what passes through.
struct Checked {
    pieces: CodeStream,
    hasher: blake3::Hasher,
    committer: Arc<Committer>,
    /// Held to the end, so that the code is not deleted under the stream.
    record: Arc<FunctionRecord>,
}

pub(super) async fn open(
    committer: &Arc<Committer>,
    record: &Arc<FunctionRecord>,
) -> Result<CodeStream> {
    let pieces = match committer.blobs.open(record.hash).await? {
        Some((size, pieces)) if size == record.size => pieces,
        _ => {
            committer.blobs.mark_damaged(record.hash);
            return Err(Error::DamagedCode { hash: record.hash });
        }
    };
    let checked = Checked {
        pieces,
        hasher: blake3::Hasher::new(),
        committer: Arc::clone(committer),
        record: Arc::clone(record),
    };
    Ok(stream::try_unfold(checked, next).boxed())
}

async fn next(mut state: Checked) -> Result<Option<(Bytes, Checked)>> {
    if let Some(piece) = state.pieces.try_next().await? {
        state.hasher.update(&piece);
        return Ok(Some((piece, state)));
    }
    let hash = state.record.hash;
    match state.hasher.finalize().as_bytes() == hash.as_bytes() {
        true => Ok(None),
        false => {
            state.committer.blobs.mark_damaged(hash);
            Err(Error::DamagedCode { hash })
        }
    }
}

/// All of a stream whose size was checked to be `size`.
pub(super) async fn collect(mut pieces: CodeStream, size: u64) -> Result<Bytes> {
    let mut all = BytesMut::with_capacity(usize::try_from(size).unwrap_or(0));
    while let Some(piece) = pieces.try_next().await? {
        all.extend_from_slice(&piece);
    }
    Ok(all.freeze())
}
