//! TLS around a connection, if all servers are to have it.
//!
//! There are no certificates to be given out. Each process makes one up when it starts, which
//! says nothing, and who dials takes any: TLS by itself only makes sure that nobody reads or
//! changes what *the two ends of its session* send each other. Who these are is what the
//! [handshake](crate::handshake) proves, inside of the session.
//!
//! # Why nobody can stand in between
//!
//! Somebody who is between two servers can have a session of its own with each of them, and
//! pass on what they say. So their proofs cover not only the greetings, but also a secret that
//! both ends derive from their session: the channel binding `tls-exporter` of RFC 9266. It
//! depends on the session's keys and on all that was said to agree on them. Of the two
//! sessions of somebody in between, the secrets differ, whatever certificates were shown. So
//! what one server proves is not what the other one expects; and who has no key cannot make
//! what is. The proof of one session is of no use in another, in a later one, nor without TLS.
//!
//! What is left to somebody in between is to cut connections, and to pretend to a server that
//! the other has no TLS: then there is no connection. Nobody falls back.
//!
//! # Those without
//!
//! TLS begins with a byte that no greeting begins with. Who dials without TLS is told so in
//! the form of a greeting, and who dials with TLS by an alert, which is how TLS refuses.

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConfig, Resumption};
use rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::ServerConfig;
use rustls::version::TLS13;
use rustls::{AlertDescription, ConnectionCommon, DigitallySignedStruct, PeerIncompatible};
use tokio::io::{ReadHalf, WriteHalf, split};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use crate::error::Error;
use crate::handshake::{self, Refusal};
use crate::key::Channel;

/// What TLS connections begin with: a record of the handshake, of version 3.
const HANDSHAKE: [u8; 2] = [22, 3];

/// The code of the alert to who dials with TLS. TLS itself has none of this number.
const NO_TLS_CODE: u8 = 242;

/// That alert: a record of two bytes, which say that it is fatal and which one it is.
pub(crate) const NO_TLS: [u8; 7] = [21, 3, 3, 0, 2, 2, NO_TLS_CODE];

/// How both ends derive the secret of their session, by RFC 9266.
const BINDING: &[u8] = b"EXPORTER-Channel-Binding";

/// Whether this is the beginning of TLS.
pub(crate) fn begins(bytes: &[u8]) -> bool {
    bytes.starts_with(&HANDSHAKE)
}

/// TLS for the links of this process, with a certificate that was made up for it. Cheap to
/// clone.
#[derive(Clone)]
pub struct Tls {
    dials: TlsConnector,
    accepts: TlsAcceptor,
    name: ServerName<'static>,
}

/// The two halves of a connection whose sides know each other. Those without TLS are types of
/// their own, so that the others cost them nothing.
pub(crate) enum Halves {
    Plain(OwnedReadHalf, OwnedWriteHalf),
    Tls(ReadHalf<Session>, WriteHalf<Session>),
}

/// A connection with TLS.
pub(crate) type Session = TlsStream<TcpStream>;

impl Halves {
    pub(crate) fn plain(stream: TcpStream) -> Self {
        let (reader, writer) = stream.into_split();
        Self::Plain(reader, writer)
    }

    pub(crate) fn tls(session: Session) -> Self {
        let (reader, writer) = split(session);
        Self::Tls(reader, writer)
    }
}

impl Tls {
    /// Makes up a certificate, for as long as the process lives.
    ///
    /// # Errors
    ///
    /// [`Error::Tls`] if that fails, for the lack of randomness for instance.
    pub fn new() -> Result<Self, Error> {
        let failed = |error: &dyn fmt::Display| Error::Tls(error.to_string());
        let made = rcgen::generate_simple_self_signed(Vec::new()).map_err(|e| failed(&e))?;
        let secret = PrivatePkcs8KeyDer::from(made.signing_key);
        let provider = Arc::new(ring::default_provider());

        let accepts = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13])
            .map_err(|e| failed(&e))?
            .with_no_client_auth();
        let mut accepts = accepts
            .with_single_cert(vec![made.cert.into()], secret.into())
            .map_err(|e| failed(&e))?;
        // Connections last: nothing is gained by resuming a session.
        accepts.send_tls13_tickets = 0;

        let any = AnyCertificate(provider.signature_verification_algorithms);
        let mut dials = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .map_err(|e| failed(&e))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(any))
            .with_no_client_auth();
        dials.resumption = Resumption::disabled();
        dials.enable_sni = false;
        Ok(Self {
            dials: Arc::new(dials).into(),
            accepts: Arc::new(accepts).into(),
            name: ServerName::try_from("faasm").map_err(|e| failed(&e))?,
        })
    }

    /// Begins TLS with whom this process dialed.
    pub(crate) async fn dial(&self, stream: TcpStream) -> Result<(Session, Channel), Refusal> {
        let stream = self.dials.connect(self.name.clone(), stream).await;
        let stream = stream.map_err(refusal)?;
        let channel = channel(stream.get_ref().1)?;
        Ok((stream.into(), channel))
    }

    /// Begins TLS with who dialed this process.
    pub(crate) async fn accept(
        &self,
        mut stream: TcpStream,
    ) -> Result<(Session, Channel), Refusal> {
        let mut first = [0];
        stream.peek(&mut first).await?;
        if !HANDSHAKE.starts_with(&first) {
            return Err(handshake::refuse_plain(&mut stream).await);
        }
        let stream = self.accepts.accept(stream).await?;
        let channel = channel(stream.get_ref().1)?;
        Ok((stream.into(), channel))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls(…)")
    }
}

/// What only the two ends of this session know.
fn channel<D>(session: &ConnectionCommon<D>) -> Result<Channel, Refusal> {
    let secret = session.export_keying_material([0; 32], BINDING, Some(&[]));
    let secret = secret.map_err(io::Error::other)?;
    Ok(Channel::Tls(secret))
}

/// Why TLS did not begin.
fn refusal(error: io::Error) -> Refusal {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    match cause {
        Some(rustls::Error::AlertReceived(AlertDescription::Unknown(NO_TLS_CODE))) => {
            Refusal::NoTls
        }
        Some(rustls::Error::InvalidMessage(_)) => Refusal::NotALink,
        _ => Refusal::Gone(error),
    }
}

/// Takes any certificate of who has the key that is in it: see above.
#[derive(Debug)]
struct AnyCertificate(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.supported_schemes()
    }
}
