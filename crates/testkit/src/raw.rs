//! Requests byte by byte, for what no well-behaved client sends.

use std::io;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::answer::Answer;

/// How long an answer may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// A connection to a server; dropping it closes it.
#[derive(Debug)]
pub struct Raw {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Raw {
    /// Connects to `http://address`.
    pub async fn connect(url: &str) -> Self {
        let address = url.trim_start_matches("http://");
        Self {
            stream: TcpStream::connect(address).await.unwrap(),
            received: Vec::new(),
        }
    }

    /// Sends bytes as they are; an error if the server has closed the connection.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await?;
        self.stream.flush().await
    }

    /// The next answer.
    pub async fn answer(&mut self) -> Answer {
        self.read(false).await
    }

    /// The next answer, to a request that gets headers only.
    pub async fn answer_to_head(&mut self) -> Answer {
        self.read(true).await
    }

    /// Whether the server closes the connection without another byte.
    pub async fn is_closed(&mut self) -> bool {
        let mut byte = [0];
        let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut byte));
        matches!(read.await, Ok(Ok(0) | Err(_))) && self.received.is_empty()
    }

    async fn read(&mut self, head_only: bool) -> Answer {
        let end = loop {
            let end = self.received.windows(4).position(|w| w == b"\r\n\r\n");
            match end {
                Some(end) => break end + 4,
                None => assert!(self.more().await, "no answer, but {:?}", self.text()),
            }
        };
        let (status, headers) = parse_head(&self.received[..end]);
        self.received.drain(..end);
        let length = headers.get("content-length");
        let length = length.map(|value| value.to_str().unwrap().parse().unwrap());
        let bodiless = head_only || status.is_informational() || status == 204 || status == 304;
        // Without a length, the connection's end is the body's.
        let length = if bodiless {
            0
        } else {
            length.unwrap_or(usize::MAX)
        };
        while self.received.len() < length && self.more().await {}
        let body = self.received.drain(..length.min(self.received.len()));
        Answer {
            status,
            headers,
            body: body.collect::<Vec<_>>().into(),
        }
    }

    /// Receives more, if there is more.
    async fn more(&mut self) -> bool {
        let read = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.received));
        let read = read.await.unwrap_or_else(|_| panic!("no answer in time"));
        read.is_ok_and(|count| count > 0)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.received).into_owned()
    }
}

fn parse_head(head: &[u8]) -> (StatusCode, HeaderMap) {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap_or_default().split(' ').nth(1);
    let status = status.and_then(|status| status.parse().ok());
    let fields = lines.filter_map(|line| line.split_once(':'));
    let header = |(name, value): (&str, &str)| -> (HeaderName, HeaderValue) {
        (name.parse().unwrap(), value.trim().parse().unwrap())
    };
    let status = status.unwrap_or_else(|| panic!("not an answer: {head}"));
    (status, fields.map(header).collect())
}
