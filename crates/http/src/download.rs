//! Stored bytes on their way out.

use axum::body::{Body, Bytes};
use faasm_faaslet::{Charge, MemoryBudget};
use faasm_storage::{ByteStream, Error};
use futures::{StreamExt, TryStreamExt, stream};

use crate::error::{ApiError, ErrorCode};

/// What a slow client keeps in memory: the piece that it is being sent, the one behind
/// that, and one that is held back. Storage makes none larger than 256 KiB.
const IN_MEMORY: u64 = 3 * (256 << 10);

/// The first of `pieces`, and a body of all of them, which have `size` bytes together. What
/// of it is in memory is charged to `budget` until it is sent.
///
/// A stream says at its end whether the bytes were those that were put, and a client that
/// has as many as were announced asks no further. So each piece is held back until the one
/// behind it is there: the last one is not sent before all is known to be right. An error
/// that comes before the first piece is sent is the answer's.
pub(crate) async fn begin(
    pieces: ByteStream,
    size: u64,
    budget: &MemoryBudget,
) -> Result<(Bytes, Body), ApiError> {
    let charge = charge(budget, size.min(IN_MEMORY))?;
    let mut pieces = Box::pin(held_back(pieces, charge));
    let Some(first) = pieces.try_next().await? else {
        return Ok((Bytes::new(), Body::empty()));
    };
    let all = stream::once(std::future::ready(Ok(first.clone()))).chain(pieces);
    Ok((first, Body::from_stream(all)))
}

/// Charges `bytes` of an answer.
pub(crate) fn charge(budget: &MemoryBudget, bytes: u64) -> Result<Charge, ApiError> {
    let mut charge = budget.charge();
    if charge.grow(bytes) {
        return Ok(charge);
    }
    let problem = "the server's memory budget has no room to read what is asked for";
    Err(ApiError::new(ErrorCode::Overloaded, problem))
}

/// `pieces`, each once the one behind it, or the end, has come.
fn held_back(
    pieces: ByteStream,
    charge: Charge,
) -> impl futures::Stream<Item = Result<Bytes, Error>> {
    let begun = (None, pieces, charge);
    stream::try_unfold(begun, |(held, mut pieces, charge)| async move {
        let piece = match held {
            Some(piece) => Some(piece),
            None => pieces.try_next().await?,
        };
        let Some(piece) = piece else { return Ok(None) };
        let next = pieces.try_next().await?;
        Ok(Some((piece, (next, pieces, charge))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    const PIECES: [&str; 3] = ["one ", "two ", "three"];

    async fn begin(pieces: ByteStream) -> Result<(Bytes, Body), ApiError> {
        super::begin(pieces, 13, &MemoryBudget::new(13)).await
    }

    /// The first so many of [`PIECES`], and then an error.
    fn failing(after: usize) -> ByteStream {
        let pieces = PIECES[..after].iter().map(|piece| Ok(Bytes::from(*piece)));
        stream::iter(pieces.chain([Err(Error::Interrupted)])).boxed()
    }

    #[tokio::test]
    async fn all_pieces_are_sent_in_their_order() {
        for count in 0..=PIECES.len() {
            let pieces = PIECES[..count].iter().map(|piece| Ok(Bytes::from(*piece)));
            let (first, body) = begin(stream::iter(pieces).boxed()).await.unwrap();
            assert_eq!(first, PIECES[..count].first().copied().unwrap_or_default());
            let all = body.collect().await.unwrap().to_bytes();
            assert_eq!(all, PIECES[..count].concat());
        }
    }

    #[tokio::test]
    async fn the_last_piece_is_not_sent_before_it_is_known_to_be_right() {
        for after in [0, 1] {
            assert!(begin(failing(after)).await.is_err());
        }
        let (_, body) = begin(failing(3)).await.unwrap();
        let mut sent = body.into_data_stream();
        for piece in &PIECES[..2] {
            assert_eq!(
                sent.try_next().await.unwrap().as_deref(),
                Some(piece.as_bytes())
            );
        }
        assert!(sent.try_next().await.is_err());
    }

    #[tokio::test]
    async fn what_is_in_memory_is_charged_until_the_body_is_gone() {
        let budget = MemoryBudget::new(IN_MEMORY + 9);
        let answer = async |size: u64| {
            let pieces = PIECES.map(|piece| Ok(Bytes::from(piece)));
            super::begin(stream::iter(pieces).boxed(), size, &budget).await
        };
        let (_, large) = answer(u64::MAX).await.unwrap();
        assert_eq!(budget.used(), IN_MEMORY);
        let refused = answer(10).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Overloaded);
        let (_, small) = answer(9).await.unwrap();
        drop(large);
        assert_eq!(budget.used(), 9);
        small.collect().await.unwrap();
        assert_eq!(budget.used(), 0);
    }
}
