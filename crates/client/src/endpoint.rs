//! One listener of a server: sends requests and reads bounded answers.

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{Error, Position, Token};

/// More of an error's body than this tells a person nothing.
const MAX_REFUSAL_BYTES: usize = 256 << 10;

#[derive(Debug)]
pub(crate) struct Endpoint {
    http: reqwest::Client,
    base: Url,
    address: String,
    token: Option<Token>,
    max_answer_bytes: usize,
}

#[derive(Deserialize)]
struct RefusalBody {
    error: RefusalFields,
}

#[derive(Deserialize)]
struct RefusalFields {
    code: String,
    message: String,
    hint: Option<String>,
    line: Option<u32>,
    column: Option<u32>,
}

impl Endpoint {
    /// Checks that requests can be made below `base`.
    pub(crate) fn new(
        http: reqwest::Client,
        base: &Url,
        token: Option<Token>,
        max_answer_bytes: usize,
    ) -> Result<Self, Error> {
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(Error::Invalid(format!(
                "{base} is not the address of a server: it must look like http://host:port or https://host:port"
            )));
        }
        let address = base.origin().ascii_serialization();
        Ok(Self {
            http,
            base: base.clone(),
            address,
            token,
            max_answer_bytes,
        })
    }

    /// The address as errors name it.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// A request for the path made of `segments`, each escaped on its own.
    pub(crate) fn request(&self, method: Method, segments: &[&str]) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        let mut request = self
            .http
            .request(method, url)
            .header(ACCEPT, "application/json");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token.header());
        }
        request
    }

    /// Sends and hands over whatever the answer is.
    pub(crate) async fn send(
        &self,
        request: RequestBuilder,
        timeout: Option<Duration>,
    ) -> Result<Response, Error> {
        let request = match timeout {
            Some(limit) => request.timeout(limit),
            None => request,
        };
        request
            .send()
            .await
            .map_err(|e| Error::transport(&self.address, &e))
    }

    /// Sends; an answer that is not a success is an error.
    pub(crate) async fn send_ok(
        &self,
        request: RequestBuilder,
        timeout: Option<Duration>,
    ) -> Result<Response, Error> {
        let response = self.send(request, timeout).await?;
        self.accept(response).await
    }

    /// Lets a success through; makes an error of anything else.
    async fn accept(&self, response: Response) -> Result<Response, Error> {
        if response.status().is_success() {
            return Ok(response);
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let (body, _cut) = self.read_up_to(response, MAX_REFUSAL_BYTES).await?;
        Err(self.refusal(status, &headers, &body))
    }

    /// Sends and parses the JSON of a success.
    pub(crate) async fn json<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        timeout: Option<Duration>,
    ) -> Result<T, Error> {
        let response = self.send(request, timeout).await?;
        self.json_of(response).await
    }

    /// Parses the JSON of a success.
    pub(crate) async fn json_of<T: DeserializeOwned>(
        &self,
        response: Response,
    ) -> Result<T, Error> {
        let response = self.accept(response).await?;
        let body = self.read(response).await?;
        self.parse(&body)
    }

    /// Parses the JSON of an answer.
    pub(crate) fn parse<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, Error> {
        serde_json::from_slice(body)
            .map_err(|e| Error::protocol(&self.address, format!("unexpected JSON: {e}")))
    }

    /// Reads a whole answer, up to the limit of the options.
    pub(crate) async fn read(&self, response: Response) -> Result<Vec<u8>, Error> {
        let limit = self.max_answer_bytes;
        match self.read_up_to(response, limit).await? {
            (body, false) => Ok(body),
            (_, true) => Err(Error::protocol(
                &self.address,
                format!("the answer is longer than the client's limit of {limit} bytes"),
            )),
        }
    }

    /// Reads at most `limit` bytes and says whether there were more.
    async fn read_up_to(
        &self,
        mut response: Response,
        limit: usize,
    ) -> Result<(Vec<u8>, bool), Error> {
        let mut body = Vec::new();
        while let Some(piece) = self.chunk(&mut response).await? {
            let room = limit - body.len();
            body.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.len() > room {
                return Ok((body, true));
            }
        }
        Ok((body, false))
    }

    /// The next piece of an answer's body.
    pub(crate) async fn chunk(
        &self,
        response: &mut Response,
    ) -> Result<Option<bytes::Bytes>, Error> {
        let piece = response.chunk().await;
        piece.map_err(|e| Error::in_answer(&self.address, &e))
    }

    /// Makes an error of an answer that is not a success.
    pub(crate) fn refusal(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        if status.is_redirection() || header(CONTENT_TYPE).is_some_and(|t| t.contains("html")) {
            return Error::protocol(&self.address, format!("it answered {status}"));
        }
        let fields = match serde_json::from_slice::<RefusalBody>(body) {
            Ok(body) => body.error,
            Err(_) => RefusalFields {
                code: format!("http_{}", status.as_u16()),
                message: first_line(body)
                    .unwrap_or_else(|| format!("the server answered {status}")),
                hint: None,
                line: None,
                column: None,
            },
        };
        Error::Refused {
            status: status.as_u16(),
            code: fields.code,
            message: fields.message,
            hint: fields.hint,
            position: fields.line.map(|line| Position {
                line,
                column: fields.column,
            }),
            retry_after: header(RETRY_AFTER)
                .and_then(|seconds| seconds.trim().parse().ok())
                .map(Duration::from_secs),
        }
    }
}

fn first_line(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(line.chars().take(1000).collect())
}
