//! The body of an upload, streamed with its progress told.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use reqwest::Body;
use tokio::fs::File;
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
pub(crate) struct SourceFailed(io::Error);

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
                open_file(&path).await.map_err(io)?
            }
            Self::Stdin => (pieces(tokio::io::stdin()).boxed(), None),
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

type Pieces = BoxStream<'static, Result<Bytes, SourceFailed>>;

/// A file's bytes, and how many there are if that is known.
async fn open_file(path: &Path) -> io::Result<(Pieces, Option<u64>)> {
    let mut file = File::open(path).await?;
    let meta = file.metadata().await?;
    if !meta.is_file() {
        return Err(io::Error::other("this is not a regular file"));
    }
    // Files of the kernel say that they are empty, or a page, whatever there is to read. So
    // what is small is read first, and what says less than is read has no length.
    let mut begin = Vec::new();
    let mut small = (&mut file).take(PIECE_BYTES as u64);
    let begun = small.read_to_end(&mut begin).await? as u64;
    let begin = stream::iter([Ok(Bytes::from(begin))]);
    if begun < PIECE_BYTES as u64 {
        return Ok((begin.boxed(), Some(begun)));
    }
    match meta.len().checked_sub(begun) {
        Some(left) => Ok((begin.chain(exactly(file, left)).boxed(), Some(meta.len()))),
        None => Ok((begin.chain(pieces(file)).boxed(), None)),
    }
}

/// All of `reader`.
fn pieces(reader: impl AsyncRead) -> impl Stream<Item = Result<Bytes, SourceFailed>> {
    let pieces = ReaderStream::with_capacity(reader, PIECE_BYTES);
    pieces.map(|piece| piece.map_err(SourceFailed))
}

/// The next `left` bytes of a file, which were announced: neither more, if it grows
/// meanwhile, nor fewer.
fn exactly(file: File, left: u64) -> impl Stream<Item = Result<Bytes, SourceFailed>> {
    let mut left = left;
    let missing = stream::iter([Err(SourceFailed(io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the file became shorter while it was sent",
    )))]);
    let all = pieces(file.take(left)).chain(missing);
    all.take_while(move |piece| {
        let goes_on = left > 0;
        left -= piece.as_ref().map_or(0, |piece| piece.len() as u64);
        std::future::ready(goes_on)
    })
}

/// The failure to read the source that made `error`, if one did.
pub(crate) fn source_failure(error: &reqwest::Error) -> Option<io::Error> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(SourceFailed(io)) = error.downcast_ref() {
            return Some(io::Error::new(io.kind(), io.to_string()));
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

#[cfg(test)]
mod tests {
    use super::*;
    use futures::TryStreamExt;
    use std::io::Write;

    const LARGE: usize = 3 * PIECE_BYTES + 7;

    async fn all(pieces: Pieces) -> Result<Vec<u8>, SourceFailed> {
        let add = async |mut all: Vec<u8>, piece: Bytes| {
            all.extend_from_slice(&piece);
            Ok(all)
        };
        pieces.try_fold(Vec::new(), add).await
    }

    #[tokio::test]
    async fn a_file_of_any_size_is_announced_as_long_as_it_is() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for size in [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, LARGE] {
            let bytes: Vec<u8> = (0..size).map(|i| i as u8).collect();
            std::fs::write(file.path(), &bytes).unwrap();
            let (pieces, length) = open_file(file.path()).await.unwrap();
            assert_eq!(length, Some(size as u64));
            assert!(all(pieces).await.unwrap() == bytes, "{size}");
        }
    }

    #[tokio::test]
    async fn a_file_that_says_it_is_empty_is_read_to_its_end() {
        let version = Path::new("/proc/version");
        assert_eq!(std::fs::metadata(version).unwrap().len(), 0);
        let (pieces, _) = open_file(version).await.unwrap();
        let there = std::fs::read(version).unwrap();
        assert!(!there.is_empty() && all(pieces).await.unwrap() == there);
    }

    #[tokio::test]
    async fn a_file_that_changes_its_length_is_never_sent_as_another() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&[b'x'; LARGE]).unwrap();
        let (pieces, length) = open_file(file.path()).await.unwrap();
        file.write_all(b"more").unwrap();
        assert_eq!(length, Some(LARGE as u64));
        assert_eq!(all(pieces).await.unwrap().len(), LARGE);
        let (pieces, _) = open_file(file.path()).await.unwrap();
        file.as_file().set_len(PIECE_BYTES as u64 + 1).unwrap();
        let error = all(pieces).await.unwrap_err();
        assert!(error.to_string().contains("shorter"), "{error}");
    }
}
