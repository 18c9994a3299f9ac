//! Links in TLS: what is different there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use faasm_link::{Error, Options, Peer};
use futures::future::try_join;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, ServerConfig, SignatureScheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use crate::handshakes::ask;
use crate::kit::{Event, KEY, Node, bytes, id_of, impatient, secure, stranger, within};
use crate::wire::{ALIVE, Frame, MESSAGE, REQUEST, Wire, greeting, proof, read_greeting, version};

#[tokio::test]
async fn ends_with_tls_and_without_tell_each_other_so() {
    let (with, without) = (Node::secure("a").await, Node::new("b").await);
    let address = with.peer.address.clone();
    let refused = ask(&without, &with.peer).await.unwrap_err();
    assert_eq!(refused, Error::OnlyTls { address });
    assert!(refused.to_string().contains("--cluster-tls"));

    let address = without.peer.address.clone();
    let refused = ask(&with, &without.peer).await.unwrap_err();
    assert_eq!(refused, Error::NoTls { address });
    assert!(refused.to_string().contains("--cluster-tls"));
}

#[tokio::test]
async fn another_version_without_tls_is_told_of_tls_too() {
    let a = Node::secure("a").await;
    let mut dials = TcpStream::connect(&a.peer.address).await.unwrap();
    let newer = [version(9), vec![0; 500]].concat();
    dials.write_all(&newer).await.unwrap();
    let mut told = [0; 8];
    within(dials.read_exact(&mut told)).await.unwrap();
    assert_eq!(&told, b"faasmtls");
}

#[tokio::test]
async fn the_proof_is_for_the_session_of_tls() {
    let a = Node::secure("a").await;
    let stream = dial(&a.peer).await;
    let session = exported(stream.get_ref().1);
    let mut wire = Wire::greet(stream, "b", 1, &session).await;
    wire.write(&Frame::new(MESSAGE, 1, b"hello")).await;
    let event = Event::Message(1, Bytes::from_static(b"hello"));
    assert_eq!(a.sees().await, event);

    // One that would do without TLS is refused.
    let mut stream = dial(&a.peer).await;
    let ours = greeting("c", 1);
    stream.write_all(&ours).await.unwrap();
    let theirs = read_greeting(&mut stream).await;
    let shown = proof(&KEY, 0, &ours, &theirs);
    stream.write_all(&shown).await.unwrap();
    assert_eq!(within(stream.read_u8()).await.unwrap(), 2);
    Wire(stream).is_cut().await;
}

#[tokio::test]
async fn who_opens_the_tls_of_two_servers_is_refused_by_both() {
    let (a, b) = (Node::secure("a").await, Node::secure("b").await);
    let (listener, between) = stranger().await;
    let passed = Arc::new(AtomicUsize::new(0));
    let opens = {
        let (passed, b) = (Arc::clone(&passed), b.peer.clone());
        async move {
            let (stream, _) = listener.accept().await.unwrap();
            let (mut from, mut from_a) = split(accept(stream).await);
            let (mut to, mut to_b) = split(dial(&b).await);
            let there = async {
                let mut seen = [0; 4096];
                while let Ok(count @ 1..) = from.read(&mut seen).await {
                    passed.fetch_add(count, Relaxed);
                    to_b.write_all(&seen[..count]).await?;
                }
                to_b.shutdown().await
            };
            let back = async { copy(&mut to, &mut from_a).await.map(|_| ()) };
            let _ = try_join(there, back).await;
        }
    };
    let opens = tokio::spawn(opens);
    let peer = Peer {
        address: between.address.clone(),
        ..b.peer.clone()
    };
    let address = between.address;
    assert_eq!(ask(&a, &peer).await, Err(Error::WrongKey { address }));
    within(opens).await.unwrap();
    // The greeting and the proof were read in between, and were of no use.
    assert!(passed.load(Relaxed) >= 65 + 1 + 32);
    b.sees_nothing_yet().await;
    assert!(ask(&b, &a.peer).await.is_ok());
}

#[tokio::test]
async fn a_byte_that_is_changed_on_the_way_ends_the_connection() {
    let body = Bytes::from(bytes(1, 50_000));
    let mut broken = 0;
    for at in (0..3000).step_by(97).chain([5_000, 20_000, 49_000]) {
        let (a, b) = (Node::secure("a").await, Node::secure("b").await);
        let (listener, between) = stranger().await;
        let changes = tokio::spawn(change(listener, b.peer.address.clone(), at));
        let peer = Peer {
            address: between.address,
            ..b.peer.clone()
        };
        match within(a.links.request(&peer, body.clone())).await {
            Ok(answer) => assert!(answer == body, "another answer with byte {at} changed"),
            Err(_) => broken += 1,
        }
        changes.abort();
    }
    // What is said openly at first has bytes that mean nothing.
    assert!(broken >= 30, "{broken}");
}

#[tokio::test]
async fn a_peer_that_lives_and_does_not_read_is_lost() {
    let options = Options {
        tls: secure().tls,
        ..impatient()
    };
    let a = Node::with("a", "127.0.0.1:0", KEY, options).await;
    let stream = dial(&a.peer).await;
    let session = exported(stream.get_ref().1);
    let mut wire = Wire::greet(stream, "b", 1, &session).await;
    // More than the system holds on the way back, in answers that fit into the buffer of TLS.
    for id in 0..2000 {
        wire.write(&Frame::new(REQUEST, id, &bytes(id, 8 << 10)))
            .await;
        tokio::task::yield_now().await;
    }
    let lives = async {
        loop {
            let sign = Frame::new(ALIVE, 0, b"").bytes();
            if wire.0.write_all(&sign).await.is_err() || wire.0.flush().await.is_err() {
                break;
            }
            sleep(Duration::from_millis(100)).await;
        }
    };
    within(lives).await;
    assert_eq!(a.sees().await, Event::Lost(id_of("b")));
}

/// Passes a connection on to `address`, with one bit of what is dialed changed.
async fn change(listener: TcpListener, address: String, at: usize) {
    let (mut from, _) = listener.accept().await.unwrap();
    let mut to = TcpStream::connect(address).await.unwrap();
    let (mut from, mut back) = from.split();
    let (mut answers, mut to) = to.split();
    let there = async {
        let (mut seen, mut passed) = ([0; 4096], 0);
        while let count @ 1.. = from.read(&mut seen).await? {
            if let Some(byte) = at
                .checked_sub(passed)
                .and_then(|at| seen[..count].get_mut(at))
            {
                *byte ^= 1;
            }
            passed += count;
            to.write_all(&seen[..count]).await?;
        }
        to.shutdown().await
    };
    let back = async { copy(&mut answers, &mut back).await.map(|_| ()) };
    let _ = try_join(there, back).await;
}

/// The secret of a session, by RFC 9266.
fn exported<D>(session: &rustls::ConnectionCommon<D>) -> [u8; 32] {
    session
        .export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b""))
        .unwrap()
}

/// Somebody's TLS who dials.
async fn dial(peer: &Peer) -> client::TlsStream<TcpStream> {
    let stream = TcpStream::connect(&peer.address).await.unwrap();
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Trusting(provider)))
        .with_no_client_auth();
    let name = ServerName::try_from("anybody").unwrap();
    let dialed = TlsConnector::from(Arc::new(config)).connect(name, stream);
    within(dialed).await.unwrap()
}

/// Somebody's TLS who is dialed.
async fn accept(stream: TcpStream) -> server::TlsStream<TcpStream> {
    let made = rcgen::generate_simple_self_signed(vec!["faasm".to_owned()]).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![made.cert.into()],
            PrivatePkcs8KeyDer::from(made.signing_key).into(),
        )
        .unwrap();
    let accepted = TlsAcceptor::from(Arc::new(config)).accept(stream);
    within(accepted).await.unwrap()
}

/// Takes any certificate, and looks at nothing.
#[derive(Debug)]
struct Trusting(Arc<CryptoProvider>);

impl ServerCertVerifier for Trusting {
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
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
