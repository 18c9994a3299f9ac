//! The body of an upload, streamed with its progress told.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use reqwest::Body;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::io::ReaderStream;

use crate::Error;

const PIECE_BYTES: usize = 128 << 10;

/// Where the bytes of an upload come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A file, read while it is sent.
    File(PathBuf),
    /// Memory.
    Bytes(Bytes),
    /// Standard input up to its end, read while it is sent.
    Stdin,
}

/// How far an upload or a download is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes handed over so far.
    pub done: u64,
    /// Bytes in all, where that is known before the end.
    pub total: Option<u64>,
}

impl From<&Path> for Source {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl From<PathBuf> for Source {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl From<Bytes> for Source {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Vec<u8>> for Source {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

/// A failure to read the file, told apart from the network's by its type.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct SourceFailed(std::io::Error);

impl Source {
    /// What errors call it.
    pub(crate) fn name(&self) -> PathBuf {
        match self {
            Self::File(path) => path.clone(),
            Self::Bytes(_) => PathBuf::new(),
            Self::Stdin => "standard input".into(),
        }
    }

    /// The body, and its exact length where that is known.
    pub(crate) async fn open(
        self,
        mut on_progress: impl FnMut(Progress) + Send + 'static,
    ) -> Result<(Body, Option<u64>), Error> {
        let (pieces, total) = match self {
            Self::Bytes(bytes) => {
                let total = bytes.len() as u64;
                (stream::iter(split(bytes).map(Ok)).boxed(), Some(total))
            }
            Self::File(path) => {
                let io = |source| Error::Io {
                    path: path.clone(),
                    source,
                };
                let file = tokio::fs::File::open(&path).await.map_err(io)?;
                let meta = file.metadata().await.map_err(io)?;
                if !meta.is_file() {
                    return Err(io(std::io::Error::other("this is not a regular file")));
                }
                // A file that grows meanwhile must not overrun the announced length.
                let reader = ReaderStream::with_capacity(file.take(meta.len()), PIECE_BYTES);
                (pieces(reader).boxed(), Some(meta.len()))
            }
            Self::Stdin => {
                let reader = ReaderStream::with_capacity(tokio::io::stdin(), PIECE_BYTES);
                (pieces(reader).boxed(), None)
            }
        };
        let mut done = 0;
        let told = pieces.inspect(move |piece| {
            if let Ok(piece) = piece {
                done += piece.len() as u64;
                on_progress(Progress { done, total });
            }
        });
        Ok((Body::wrap_stream(told), total))
    }
}

fn pieces<R: AsyncRead>(
    reader: ReaderStream<R>,
) -> impl Stream<Item = Result<Bytes, SourceFailed>> {
    reader.map(|piece| piece.map_err(SourceFailed))
}

/// The failure to read the source that made `error`, if one did.
pub(crate) fn source_failure(error: &reqwest::Error) -> Option<std::io::Error> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(SourceFailed(io)) = error.downcast_ref() {
            return Some(std::io::Error::new(io.kind(), io.to_string()));
        }
        cause = error.source();
    }
    None
}

fn split(mut bytes: Bytes) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        let piece = bytes.split_to(bytes.len().min(PIECE_BYTES));
        (!piece.is_empty()).then_some(piece)
    })
}
