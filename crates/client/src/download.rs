//! Stored bytes on their way from the server.

use std::path::Path;

use bytes::Bytes;
use faasm_model::ContentHash;
use reqwest::Response;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use tokio::io::AsyncWriteExt;

use crate::part::Part;
use crate::{Client, Error, Progress};

/// The bytes of a stored function, a state value or a shared file, read piece by piece.
#[derive(Debug)]
pub struct Download {
    client: Client,
    response: Response,
}

impl Download {
    pub(crate) fn new(client: Client, response: Response) -> Self {
        Self { client, response }
    }

    /// The hash of a function's or a file's bytes, if the server gave one.
    pub fn hash(&self) -> Option<ContentHash> {
        self.tag()?.parse().ok()
    }

    /// The version of a state value, if the server gave one.
    pub fn version(&self) -> Option<u64> {
        self.tag()?.parse().ok()
    }

    /// The number of bytes that the server announced.
    pub fn announced_len(&self) -> Option<u64> {
        self.header(CONTENT_LENGTH)?.parse().ok()
    }

    /// Whether it is a function that was put as text: WebAssembly text, or a Python file.
    pub fn is_text(&self) -> bool {
        self.is_of_type("text/")
    }

    /// Whether it is not bytes that were put, but something that the server says of them.
    pub(crate) fn is_json(&self) -> bool {
        self.is_of_type("application/json")
    }

    /// The next piece; `None` at the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        self.client.upload().chunk(&mut self.response).await
    }

    /// All of it, up to [`max_answer_bytes`](crate::ClientOptions::max_answer_bytes).
    pub async fn bytes(self) -> Result<Vec<u8>, Error> {
        self.client.upload().read(self.response).await
    }

    /// Writes all of it to `path` and says how many bytes. A file that is there is
    /// replaced only once the new one is whole, and nothing is left of one that never was,
    /// where the file system has files without a name. `on_progress` is told after every piece.
    pub async fn save(
        mut self,
        path: &Path,
        mut on_progress: impl FnMut(Progress),
    ) -> Result<u64, Error> {
        let io = |source| Error::Io {
            path: path.to_owned(),
            source,
        };
        if std::fs::metadata(path).is_ok_and(|there| !there.is_file()) {
            // A device or a pipe must be written to, not replaced.
            let mut file = tokio::fs::File::create(path).await.map_err(io)?;
            return self.copy_into(&mut file, path, &mut on_progress).await;
        }
        let (file, part) = Part::create(path).map_err(io)?;
        let written = self
            .copy_into(&mut tokio::fs::File::from_std(file), path, &mut on_progress)
            .await?;
        part.put(path).map_err(io)?;
        Ok(written)
    }

    async fn copy_into(
        &mut self,
        file: &mut tokio::fs::File,
        path: &Path,
        on_progress: &mut impl FnMut(Progress),
    ) -> Result<u64, Error> {
        let io = |source| Error::Io {
            path: path.to_owned(),
            source,
        };
        let total = self.announced_len();
        let mut written = 0;
        while let Some(piece) = self.chunk().await? {
            file.write_all(&piece).await.map_err(io)?;
            written += piece.len() as u64;
            on_progress(Progress {
                done: written,
                total,
            });
        }
        file.flush().await.map_err(io)?;
        Ok(written)
    }

    fn is_of_type(&self, prefix: &str) -> bool {
        self.header(CONTENT_TYPE)
            .is_some_and(|kind| kind.starts_with(prefix))
    }

    fn tag(&self) -> Option<&str> {
        Some(self.header(ETAG)?.trim_matches('"'))
    }

    fn header(&self, name: reqwest::header::HeaderName) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }
}
