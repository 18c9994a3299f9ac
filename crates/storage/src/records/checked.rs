//! Reading content, and checking that it is what was put.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};

use super::{Committer, Content, Index};
use crate::Result;

/// Stored bytes, piece by piece.
pub type ByteStream = BoxStream<'static, Result<Bytes>>;

/// The state of a stream that hashes what passes through.
struct Checked<I: Index, C> {
    pieces: ByteStream,
    hasher: blake3::Hasher,
    committer: Arc<Committer<I>>,
    /// Held to the end: some keep their content as long as somebody has them.
    content: C,
}

impl<I: Index> Committer<I> {
    /// `content`, as a stream that ends with an error if it is not what was put.
    pub(crate) async fn read(self: &Arc<Self>, content: &impl Content) -> Result<ByteStream> {
        match self.blobs.read(content.hash()).await? {
            Some((size, pieces)) if size == content.size() => Ok(self.checked(content, pieces)),
            _ => {
                self.blobs.mark_damaged(content.hash());
                Err(content.damaged())
            }
        }
    }

    /// Passes on `pieces`, and an error at their end if they are not `content`.
    pub(crate) fn checked(
        self: &Arc<Self>,
        content: &impl Content,
        pieces: ByteStream,
    ) -> ByteStream {
        let checked = Checked {
            pieces,
            hasher: blake3::Hasher::new(),
            committer: Arc::clone(self),
            content: content.clone(),
        };
        stream::try_unfold(checked, Checked::next).boxed()
    }
}

impl<I: Index, C: Content> Checked<I, C> {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>> {
        if let Some(piece) = self.pieces.try_next().await? {
            self.hasher.update(&piece);
            return Ok(Some((piece, self)));
        }
        let hash = self.content.hash();
        match self.hasher.finalize().as_bytes() == hash.as_bytes() {
            true => Ok(None),
            false => {
                self.committer.blobs.mark_damaged(hash);
                Err(self.content.damaged())
            }
        }
    }
}

/// All of a stream whose size was checked to be `size`.
pub(crate) async fn collect(mut pieces: ByteStream, size: u64) -> Result<Bytes> {
    let mut all = BytesMut::with_capacity(usize::try_from(size).unwrap_or(0));
    while let Some(piece) = pieces.try_next().await? {
        all.extend_from_slice(&piece);
    }
    Ok(all.freeze())
}
