//! Handshakes that do not come to their end.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod common;

use std::time::Duration;

use common::Server;
use faasm_http::{HttpOptions, Tls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn secured() -> Server {
    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    Server::with(HttpOptions {
        tls: Some(Tls::load(&cert, &key).unwrap()),
        header_timeout: Duration::from_millis(200),
        max_connections: 1,
        ..HttpOptions::default()
    })
    .await
}

async fn until_closed(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    // It may as well be reset.
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

#[tokio::test]
async fn a_client_that_shakes_no_hands_is_let_go_and_others_get_its_place() {
    let server = secured().await;
    for begun in [
        &b""[..],
        b"\x16",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ] {
        let mut silent = TcpStream::connect(server.upload).await.unwrap();
        silent.write_all(begun).await.unwrap();
        let mut other = TcpStream::connect(server.upload).await.unwrap();
        other.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        assert_eq!(until_closed(&mut silent).await, b"");
        let answer = until_closed(&mut other).await;
        assert!(answer.starts_with(b"HTTP/1.1 400 "), "{answer:?}");
    }
}

#[tokio::test]
async fn what_is_neither_tls_nor_http_is_let_go() {
    let server = secured().await;
    for garbage in [&b"\0\0\0\0"[..], b"\x16\x16\x16\x16\x16\x16", b"\xff"] {
        let mut stream = TcpStream::connect(server.invoke).await.unwrap();
        stream.write_all(garbage).await.unwrap();
        let answer = until_closed(&mut stream).await;
        assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    }
}
