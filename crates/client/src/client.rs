//! The client itself; what it can do is in `functions`, `calls`, `state` and `files`.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Certificate, ClientBuilder, Method, StatusCode, Url, redirect};
use rustls::crypto::ring;

use crate::endpoint::Endpoint;
use crate::{ClientOptions, Error};

/// Talks to one faasm server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    upload: Endpoint,
    invoke: Endpoint,
    timeout: Duration,
    long_timeout: Option<Duration>,
}

/// The two addresses at which a server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listener {
    /// Stores functions.
    Upload,
    /// Runs them.
    Invoke,
}

/// Whether calls would succeed now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// They would.
    Ready,
    /// They would not, for this reason.
    NotReady(String),
}

impl Client {
    /// Prepares a client; nothing is sent yet.
    pub fn new(options: ClientOptions) -> Result<Self, Error> {
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("faasm/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(options.connect_timeout)
            // A synchronous call is silent for as long as it runs: only the kernel's
            // probes tell a busy server from a machine that is gone.
            .tcp_keepalive(Duration::from_secs(30))
            .redirect(redirect::Policy::none());
        if is_loopback(&options.upload) && is_loopback(&options.invoke) {
            // `HTTP_PROXY` of the environment means the network, not this machine.
            http = http.no_proxy();
        }
        let http = trust(http, &options)?;
        let http = http.build().map_err(|e| Error::Invalid(e.to_string()))?;
        let endpoint = |base| {
            let token = options.token.clone();
            Endpoint::new(http.clone(), base, token, options.max_answer_bytes)
        };
        Ok(Self {
            inner: Arc::new(Inner {
                upload: endpoint(&options.upload)?,
                invoke: endpoint(&options.invoke)?,
                timeout: options.timeout,
                long_timeout: options.long_timeout,
            }),
        })
    }

    /// Whether a server answers at `listener`.
    pub async fn health(&self, listener: Listener) -> Result<(), Error> {
        let endpoint = self.endpoint(listener);
        let response = endpoint
            .send_ok(endpoint.request(Method::GET, &["healthz"]), self.short())
            .await?;
        endpoint.read(response).await.map(drop)
    }

    /// Whether the server behind `listener` would serve calls now.
    pub async fn readiness(&self, listener: Listener) -> Result<Readiness, Error> {
        let endpoint = self.endpoint(listener);
        match endpoint
            .send_ok(endpoint.request(Method::GET, &["readyz"]), self.short())
            .await
        {
            Ok(response) => endpoint.read(response).await.map(|_| Readiness::Ready),
            Err(Error::Refused {
                status, message, ..
            }) if status == StatusCode::SERVICE_UNAVAILABLE.as_u16() => {
                Ok(Readiness::NotReady(message))
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) fn endpoint(&self, listener: Listener) -> &Endpoint {
        match listener {
            Listener::Upload => &self.inner.upload,
            Listener::Invoke => &self.inner.invoke,
        }
    }

    pub(crate) fn upload(&self) -> &Endpoint {
        &self.inner.upload
    }

    pub(crate) fn invoke_listener(&self) -> &Endpoint {
        &self.inner.invoke
    }

    /// The time-out of a request that the server answers at once.
    pub(crate) fn short(&self) -> Option<Duration> {
        Some(self.inner.timeout)
    }

    /// The time-out of a request that takes as long as its work.
    pub(crate) fn long(&self) -> Option<Duration> {
        self.inner.long_timeout
    }

    /// The time-out of a request that the server may hold for `held`.
    pub(crate) fn held(&self, held: Duration) -> Option<Duration> {
        Some(self.inner.timeout.saturating_add(held))
    }
}

/// Sets whom the client believes who a server is.
fn trust(http: ClientBuilder, options: &ClientOptions) -> Result<ClientBuilder, Error> {
    // The process may have chosen another one already, which is as good.
    let _ = ring::default_provider().install_default();
    if let Some(pem) = &options.ca_cert {
        let certs = Certificate::from_pem_bundle(pem).ok();
        let certs = certs.filter(|certs| !certs.is_empty());
        let invalid = || Error::Invalid("there is no certificate in the PEM format".into());
        return Ok(http.tls_certs_only(certs.ok_or_else(invalid)?));
    }
    let needs_tls = [&options.upload, &options.invoke]
        .iter()
        .any(|url| url.scheme() == "https");
    Ok(match needs_tls {
        true => http,
        // Reading all that the machine trusts takes milliseconds, and fails where there is nothing.
        false => http.tls_certs_only([]),
    })
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host
            .parse::<std::net::Ipv4Addr>()
            .is_ok_and(|ip| ip.is_loopback()),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_http_is_refused_before_anything_is_sent() {
        for bad in ["ftp://localhost:1", "localhost:8002", "file:///tmp"] {
            let options = ClientOptions {
                upload: Url::parse(bad).unwrap(),
                ..ClientOptions::default()
            };
            assert!(
                matches!(Client::new(options), Err(Error::Invalid(_))),
                "{bad}"
            );
        }
    }
}
