//! The body of an upload, streamed with its progress told.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::{StreamExt, stream};
use reqwest::Body;
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;

use crate::Error;

const PIECE_BYTES: usize = 128 << 10;

/// Where a function's code comes from.
#[derive(Clone, Debug)]
pub enum FunctionSource {
    /// A file, read while it is sent.
    File(PathBuf),
    /// Memory.
    Bytes(Bytes),
}

/// How far an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes handed to the connection.
    pub sent: u64,
    /// Bytes in all.
    pub total: u64,
}

impl From<&Path> for FunctionSource {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl From<PathBuf> for FunctionSource {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl From<Bytes> for FunctionSource {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Vec<u8>> for FunctionSource {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

/// A failure to read the file, told apart from the network's by its type.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct SourceFailed(std::io::Error);

impl FunctionSource {
    /// The body and its exact length.
    pub(crate) async fn open(
        self,
        mut on_progress: impl FnMut(Progress) + Send + 'static,
    ) -> Result<(Body, u64), Error> {
        let (pieces, total) = match self {
            Self::Bytes(bytes) => {
                let total = bytes.len() as u64;
                (stream::iter(split(bytes).map(Ok)).boxed(), total)
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
                (
                    reader.map(|piece| piece.map_err(SourceFailed)).boxed(),
                    meta.len(),
                )
            }
        };
        let mut sent = 0;
        let told = pieces.inspect(move |piece| {
            if let Ok(piece) = piece {
                sent += piece.len() as u64;
                on_progress(Progress { sent, total });
            }
        });
        Ok((Body::wrap_stream(told), total))
    }
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
