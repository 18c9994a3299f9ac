//! TLS: the certificate of a listener, and its handshakes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What a client gets who speaks HTTP without TLS.
const PLAIN: &str = "HTTP/1.1 400 Bad Request\r\n\
    content-type: text/plain; charset=utf-8\r\n\
    content-length: 52\r\n\
    connection: close\r\n\r\n\
    this port speaks HTTPS: begin the URL with https://\n";

/// Most bytes of such a request that are received before the connection is closed.
const MAX_PLAIN: usize = 1 << 20;

/// A certificate with its key, in two files, which can be read again. Cheap to clone; all clones
/// are one.
#[derive(Clone)]
pub struct Tls(Arc<Files>);

struct Files {
    cert: PathBuf,
    key: PathBuf,
    config: ArcSwap<ServerConfig>,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or is not in the PEM format.
    #[error("{} is no PEM file with {what}: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What should be in it.
        what: &'static str,
        /// What is wrong.
        cause: String,
    },
    /// The certificate and the key cannot be used, or not together.
    #[error("the certificate {} and the key {} cannot be used: {cause}", cert.display(), key.display())]
    Unusable {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        cause: rustls::Error,
    },
}

impl Tls {
    /// Reads a certificate, with those above it behind it, and its private key, both in PEM.
    ///
    /// # Errors
    /// [`TlsError`] if one of them cannot be read, or they do not belong together.
    pub fn load(cert: &Path, key: &Path) -> Result<Self, TlsError> {
        let config = read(cert, key)?;
        Ok(Self(Arc::new(Files {
            cert: cert.to_owned(),
            key: key.to_owned(),
            config: ArcSwap::from_pointee(config),
        })))
    }

    /// Reads the files again, for connections that begin from now on.
    ///
    /// # Errors
    /// As [`load`](Self::load); what was there before then stays in use.
    pub fn reload(&self) -> Result<(), TlsError> {
        let config = read(&self.0.cert, &self.0.key)?;
        self.0.config.store(Arc::new(config));
        Ok(())
    }

    /// Shakes hands within `limit`. `None` if that failed, and the connection is over.
    pub(crate) async fn accept(
        &self,
        mut stream: TcpStream,
        limit: Duration,
    ) -> Option<TlsStream<TcpStream>> {
        let shake = async {
            let mut first = [0];
            stream.peek(&mut first).await.ok()?;
            // A handshake begins with a control character, and a method with a letter.
            if first[0].is_ascii_alphabetic() {
                refuse_plain(&mut stream).await;
                return None;
            }
            let acceptor = TlsAcceptor::from(self.0.config.load_full());
            match acceptor.accept(stream).await {
                Ok(stream) => Some(stream),
                Err(error) => {
                    tracing::debug!(%error, "TLS handshake failed");
                    None
                }
            }
        };
        let shaken = tokio::time::timeout(limit, shake).await;
        shaken.unwrap_or_else(|_| {
            tracing::debug!("TLS handshake took too long");
            None
        })
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tls({})", self.0.cert.display())
    }
}

/// Tells a client that it speaks the wrong protocol, and receives what it sends so that it comes
/// to read that.
async fn refuse_plain(stream: &mut TcpStream) {
    if stream.write_all(PLAIN.as_bytes()).await.is_err() || stream.shutdown().await.is_err() {
        return;
    }
    let (mut buffer, mut received) = ([0; 4096], 0);
    while let Ok(more @ 1..) = stream.read(&mut buffer).await {
        received += more;
        if received > MAX_PLAIN {
            return;
        }
    }
}

fn read(cert: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
    let failed = |path: &Path, what, cause: pem::Error| TlsError::File {
        path: path.to_owned(),
        what,
        cause: cause.to_string(),
    };
    let no_cert = |cause| failed(cert, "a certificate", cause);
    let certs = CertificateDer::pem_file_iter(cert).map_err(no_cert)?;
    let certs: Vec<_> = certs.collect::<Result<_, _>>().map_err(no_cert)?;
    if certs.is_empty() {
        return Err(no_cert(pem::Error::NoItemsFound));
    }
    let secret = PrivateKeyDer::from_pem_file(key);
    let secret = secret.map_err(|cause| failed(key, "a private key", cause))?;
    let unusable = |cause| TlsError::Unusable {
        cert: cert.to_owned(),
        key: key.to_owned(),
        cause,
    };
    let provider = Arc::new(ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions();
    let config = config.map_err(unusable)?.with_no_client_auth();
    let mut config = config.with_single_cert(certs, secret).map_err(unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_without_tls_is_as_long_as_it_says() {
        let (head, body) = PLAIN.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())));
    }

    #[test]
    fn a_file_that_is_not_there_or_not_pem_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cert.pem");
        for text in [None, Some(""), Some("hello")] {
            if let Some(text) = text {
                std::fs::write(&path, text).unwrap();
            }
            let error = Tls::load(&path, &path).unwrap_err().to_string();
            assert!(error.contains("cert.pem"), "{error}");
        }
    }
}
