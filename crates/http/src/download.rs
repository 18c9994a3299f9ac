//! Stored bytes on their way out.

use axum::body::{Body, Bytes};
use faasm_storage::{ByteStream, Error};
use futures::{StreamExt, TryStreamExt, stream};

use crate::error::ApiError;

/// The first of `pieces`, and a body of all of them.
///
/// A stream says at its end whether the bytes were those that were put, and a client that
/// has as many as were announced asks no further. So each piece is held back until the one
/// behind it is there: the last one is not sent before all is known to be right. An error
/// that comes before the first piece is sent is the answer's.
pub(crate) async fn begin(pieces: ByteStream) -> Result<(Bytes, Body), ApiError> {
    let mut pieces = Box::pin(held_back(pieces));
    let Some(first) = pieces.try_next().await? else {
        return Ok((Bytes::new(), Body::empty()));
    };
    let rest = pieces.inspect_err(|error: &Error| {
        tracing::error!(%error, "stored bytes cannot be read to their end");
    });
    let all = stream::once(std::future::ready(Ok(first.clone()))).chain(rest);
    Ok((first, Body::from_stream(all)))
}

/// `pieces`, each once the one behind it, or the end, has come.
fn held_back(pieces: ByteStream) -> impl futures::Stream<Item = Result<Bytes, Error>> {
    stream::try_unfold((None, pieces), |(held, mut pieces)| async move {
        let piece = match held {
            Some(piece) => Some(piece),
            None => pieces.try_next().await?,
        };
        let Some(piece) = piece else { return Ok(None) };
        let next = pieces.try_next().await?;
        Ok(Some((piece, (next, pieces))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    const PIECES: [&str; 3] = ["one ", "two ", "three"];

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
}
