//! Objects of another server, through its upload port.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use faasm_model::ClusterKey;
use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path as Key;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, HeaderMap, HeaderValue, IF_NONE_MATCH};
use reqwest::{Body, Client, Method, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use tokio::fs::File;

use super::patience::{CONNECT, Patience};
use super::{Backend, Listed, Location};
use crate::{ByteStream, Error, Result, SpooledFile, access_token};

/// Attempts to reach the server: it may be starting again.
const ATTEMPTS: u32 = 3;

/// Objects on a page of a list.
const PAGE: usize = 10_000;

/// Largest page, in bytes.
const MAX_PAGE_BYTES: usize = 8 << 20;

/// Longest answer that is quoted in an error, in bytes.
const MAX_QUOTED: usize = 500;

/// The objects of a server that has them in its own storage.
#[derive(Debug)]
pub(crate) struct HttpObjects {
    http: Client,
    /// Ends without a slash.
    url: String,
    patience: Patience,
}

/// What the server says of an object.
#[derive(Deserialize)]
struct Object {
    key: String,
    size: u64,
    modified_at_ms: u64,
}

/// A part of a list.
#[derive(Deserialize)]
struct Page {
    objects: Vec<Object>,
    next: Option<String>,
}

/// An error as the server tells it.
#[derive(Deserialize)]
struct Failure {
    error: FailureFields,
}

#[derive(Deserialize)]
struct FailureFields {
    code: String,
    message: String,
}

impl HttpObjects {
    /// The objects of the server at `url`, which asks for the token of the cluster if it has
    /// a key.
    pub(crate) fn open(location: &Location, url: &str, key: Option<&ClusterKey>) -> Result<Self> {
        // An error says that there is one already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let patience = Patience::with(location);
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(key) = key {
            let bearer = format!("Bearer {}", access_token(key));
            let mut bearer = HeaderValue::try_from(bearer).map_err(|e| patience.unavailable(e))?;
            bearer.set_sensitive(true);
            headers.insert(reqwest::header::AUTHORIZATION, bearer);
        }
        let http = Client::builder()
            .default_headers(headers)
            .connect_timeout(CONNECT)
            // To another server the token would not be sent, and none should answer instead.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| patience.unavailable(e))?;
        Ok(Self {
            http,
            url: format!("{url}/storage"),
            patience,
        })
    }

    fn request(&self, method: Method, key: &Key) -> RequestBuilder {
        self.http.request(method, format!("{}/{key}", self.url))
    }

    /// The answer, if it is not an error.
    async fn send(&self, request: RequestBuilder) -> Result<Response> {
        let answer = request.send().await.map_err(|e| self.unreachable(&e))?;
        match answer.status().is_success() {
            true => Ok(answer),
            false => Err(self.refused(answer).await),
        }
    }

    /// The same, tried again if the server cannot be reached, and `None` if there is no such
    /// object.
    async fn find(&self, method: Method, key: &Key) -> Result<Option<Response>> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.request(method.clone(), key).send().await {
                Ok(answer) if answer.status().is_success() => return Ok(Some(answer)),
                Ok(answer) => return self.missing(answer).await,
                Err(error) if error.is_connect() && attempt < ATTEMPTS => {
                    tokio::time::sleep(Duration::from_millis(100) * attempt * attempt).await;
                }
                Err(error) => return Err(self.unreachable(&error)),
            }
        }
    }

    /// `None` for an answer that says that there is no such object: one that says anything else,
    /// or comes from something else, is an error.
    async fn missing(&self, answer: Response) -> Result<Option<Response>> {
        // An answer to HEAD has no body to look at.
        let is_bare = answer.headers().contains_key(NO_OBJECT);
        match answer.status() == StatusCode::NOT_FOUND && is_bare {
            true => Ok(None),
            false => Err(self.refused(answer).await),
        }
    }

    async fn refused(&self, answer: Response) -> Error {
        let status = answer.status();
        let body = collect(answer, MAX_QUOTED * 4).await.unwrap_or_default();
        let Ok(Failure { error }) = serde_json::from_slice::<Failure>(&body) else {
            let problem = format!("answers {status}: is it the upload port of a faasm server?");
            return self.patience.unavailable(problem);
        };
        let said: String = error.message.chars().take(MAX_QUOTED).collect();
        match error.code.as_str() {
            "no_space" => Error::NoSpace {
                source: said.into(),
            },
            "no_token" | "bad_token" | "forbidden" => self.patience.unavailable(format_args!(
                "refuses this server: give both the same cluster key ({said})"
            )),
            code => self
                .patience
                .unavailable(format_args!("answers {status}, {code}: {said}")),
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> Error {
        let mut reason = String::new();
        let mut next = std::error::Error::source(error);
        while let Some(cause) = next {
            reason = format!(": {cause}");
            next = cause.source();
        }
        let what = match error.is_connect() {
            true => "cannot be reached",
            false => "broke the connection",
        };
        self.patience.unavailable(format_args!("{what}{reason}"))
    }

    async fn page(&self, folder: &str, after: Option<&str>) -> Result<Page> {
        let query = [
            ("prefix", format!("{folder}/")),
            ("limit", PAGE.to_string()),
        ];
        let mut request = self.http.get(&self.url).query(&query);
        if let Some(after) = after {
            request = request.query(&[("after", after)]);
        }
        let body = collect(self.send(request).await?, MAX_PAGE_BYTES).await;
        let body = body.map_err(|e| self.patience.unavailable(e))?;
        serde_json::from_slice(&body).map_err(|e| self.patience.unavailable(e))
    }
}

/// Is in an answer that says that there is no such object.
pub const NO_OBJECT: &str = "faasm-no-object";

impl Backend for HttpObjects {
    fn put(&self, key: Key, bytes: Bytes) -> BoxFuture<'_, Result<()>> {
        let put = self.send(self.request(Method::PUT, &key).body(bytes));
        Box::pin(self.patience.wait(async { put.await.map(drop) }))
    }

    fn put_new(&self, key: Key, bytes: Bytes) -> BoxFuture<'_, Result<bool>> {
        let request = self.request(Method::PUT, &key).body(bytes);
        let request = request.header(IF_NONE_MATCH, "*");
        let put = async {
            let answer = request.send().await.map_err(|e| self.unreachable(&e))?;
            match answer.status() {
                StatusCode::PRECONDITION_FAILED => Ok(false),
                status if status.is_success() => Ok(true),
                _ => Err(self.refused(answer).await),
            }
        };
        Box::pin(self.patience.wait(put))
    }

    fn put_file(&self, key: Key, file: SpooledFile) -> BoxFuture<'_, Result<Option<SpooledFile>>> {
        Box::pin(async move {
            let opened = File::open(file.path()).await;
            let opened = opened.map_err(Error::io("open", file.path()))?;
            let size = file.size();
            let request = self.request(Method::PUT, &key).header(CONTENT_LENGTH, size);
            let put = self.send(request.body(Body::from(opened)));
            self.patience.wait_for_bytes(size, put).await?;
            Ok(Some(file))
        })
    }

    fn get(&self, key: Key) -> BoxFuture<'_, Result<Option<(u64, ByteStream)>>> {
        Box::pin(async move {
            let get = self.find(Method::GET, &key);
            let Some(answer) = self.patience.wait(get).await? else {
                return Ok(None);
            };
            let no_size = || {
                self.patience
                    .unavailable("does not say how large an object is")
            };
            let size = answer.content_length().ok_or_else(no_size)?;
            let patience = self.patience.clone();
            let pieces = answer.bytes_stream().map_err(move |_| {
                patience.unavailable("broke the connection in the middle of an object")
            });
            Ok(Some((size, self.patience.wait_for_each(pieces.boxed()))))
        })
    }

    fn get_small(&self, key: Key, max_bytes: u64) -> BoxFuture<'_, Result<Option<Bytes>>> {
        let get = async move {
            let Some(answer) = self.find(Method::GET, &key).await? else {
                return Ok(None);
            };
            let most = usize::try_from(max_bytes).unwrap_or(usize::MAX);
            if answer.content_length().is_some_and(|size| size > max_bytes) {
                return Err(Error::TooLarge { limit: max_bytes });
            }
            let body = collect(answer, most).await;
            body.map(Some).map_err(|e| self.patience.unavailable(e))
        };
        Box::pin(self.patience.wait(get))
    }

    fn stat(&self, key: Key) -> BoxFuture<'_, Result<Option<Listed>>> {
        Box::pin(async move {
            let head = self.find(Method::HEAD, &key);
            let Some(answer) = self.patience.wait(head).await? else {
                return Ok(None);
            };
            let number = |name: &str| answer.headers().get(name)?.to_str().ok()?.parse().ok();
            let said = number(CONTENT_LENGTH.as_str()).zip(number(MODIFIED));
            let (size, modified) =
                said.ok_or_else(|| self.patience.unavailable("says too little of an object"))?;
            let modified = UNIX_EPOCH + Duration::from_millis(modified);
            Ok(Some(Listed {
                key,
                size,
                modified,
            }))
        })
    }

    fn discard(&self, key: Key) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let delete = self.find(Method::DELETE, &key);
            self.patience.wait(delete).await.map(drop)
        })
    }

    /// That is up to the server.
    fn is_collected_here(&self) -> bool {
        false
    }

    fn list(&self, folder: &str) -> BoxFuture<'_, Result<Vec<Listed>>> {
        let folder = folder.to_owned();
        Box::pin(async move {
            let (mut all, mut after) = (Vec::new(), None);
            loop {
                let page = self.page(&folder, after.as_deref());
                let page = self.patience.wait(page).await?;
                for object in page.objects {
                    let key = Key::parse(&object.key).map_err(|e| self.patience.unavailable(e))?;
                    let modified = UNIX_EPOCH + Duration::from_millis(object.modified_at_ms);
                    let size = object.size;
                    all.push(Listed {
                        key,
                        size,
                        modified,
                    });
                }
                if page.next <= after {
                    // No next one, or one that would never end.
                    return Ok(all);
                }
                after = page.next;
            }
        })
    }
}

/// Says in milliseconds since 1970 when an object was put.
pub const MODIFIED: &str = "faasm-modified-ms";

/// The body of an answer, if it is at most so large.
async fn collect(answer: Response, most: usize) -> std::result::Result<Bytes, String> {
    let mut pieces = answer.bytes_stream();
    let mut all = Vec::new();
    while let Some(piece) = pieces.try_next().await.map_err(|e| e.to_string())? {
        if all.len() + piece.len() > most {
            return Err(format!("answers with more than {most} bytes"));
        }
        all.extend_from_slice(&piece);
    }
    Ok(all.into())
}
