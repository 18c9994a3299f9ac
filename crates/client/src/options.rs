//! How to reach a server.

use std::fmt;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::HeaderValue;

use crate::Error;

/// Where the server is and how patient to be.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// The upload listener; a path in it is a prefix of every request's.
    pub upload: Url,
    /// The invoke listener.
    pub invoke: Url,
    /// Time to get a connection: 5 s.
    pub connect_timeout: Duration,
    /// Time for a whole request that neither uploads a function nor waits for a call: 30 s.
    pub timeout: Duration,
    /// Time for an upload, or for a synchronous call. `None`, as long as the server takes.
    pub long_timeout: Option<Duration>,
    /// Greatest answer that is kept in memory, in bytes: 256 MiB.
    pub max_answer_bytes: usize,
    /// Certificates, in PEM, of those who may vouch for a server at an `https` address; `None`,
    /// those that this machine trusts.
    pub ca_cert: Option<Vec<u8>>,
    /// Sent with every request.
    pub token: Option<Token>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        let local = |port| {
            let url = format!("http://127.0.0.1:{port}");
            Url::parse(&url).expect("a loopback address with a port is a URL")
        };
        Self {
            upload: local(8002),
            invoke: local(8080),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
            long_timeout: None,
            max_answer_bytes: 256 << 20,
            ca_cert: None,
            token: None,
        }
    }
}

/// A secret that says who is asking. It is never shown.
#[derive(Clone)]
pub struct Token(HeaderValue);

impl Token {
    /// Checks that `text` can go into a header.
    pub fn new(text: &str) -> Result<Self, Error> {
        let invalid = || Error::Invalid("a token is 1 or more visible ASCII characters".into());
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(invalid());
        }
        let mut value = HeaderValue::try_from(format!("Bearer {text}")).map_err(|_| invalid())?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Names an asynchronous call so that sending it twice makes one call.
#[derive(Clone, Debug)]
pub struct IdempotencyKey(HeaderValue);

impl IdempotencyKey {
    /// Checks `text`: 1 to 256 visible ASCII characters.
    pub fn new(text: &str) -> Result<Self, Error> {
        let visible = text.bytes().all(|b| b.is_ascii_graphic());
        match HeaderValue::from_str(text) {
            Ok(value) if visible && (1..=256).contains(&text.len()) => Ok(Self(value)),
            _ => Err(Error::Invalid(
                "an idempotency key is 1 to 256 visible ASCII characters".into(),
            )),
        }
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_would_break_out_of_its_header_is_refused() {
        for bad in ["", "a b", "a\r\nx: y", "ä"] {
            assert!(Token::new(bad).is_err(), "{bad:?}");
            assert!(IdempotencyKey::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_token_is_not_printed() {
        let token = Token::new("s3cret").unwrap();
        assert!(!format!("{token:?} {:?}", token.header()).contains("s3cret"));
    }
}
