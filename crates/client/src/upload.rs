//! Sending what is stored.

use reqwest::header::CONTENT_LENGTH;
use reqwest::{RequestBuilder, Response};

use crate::body::source_failure;
use crate::{Client, Error, Progress, Source};

impl Client {
    /// Sends a request to the upload listener with `source` as its body, for as long as
    /// that takes.
    pub(crate) async fn send_source(
        &self,
        request: RequestBuilder,
        source: Source,
        on_progress: impl FnMut(Progress) + Send + 'static,
    ) -> Result<Response, Error> {
        let path = source.name();
        let (body, length) = source.open(on_progress).await?;
        let mut request = request.body(body);
        if let Some(length) = length {
            request = request.header(CONTENT_LENGTH, length);
        }
        if let Some(limit) = self.long() {
            request = request.timeout(limit);
        }
        let sent = request.send().await;
        sent.map_err(|error| match source_failure(&error) {
            Some(source) => Error::Io { path, source },
            None => Error::transport(self.upload().address(), &error),
        })
    }
}
