//! Who is let in, and what those hear who are not.

use std::time::Duration;

use bytes::Bytes;
use faasm_link::{Error, Options, Peer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::kit::{KEY, Node, id_of, secure, stranger, within};
use crate::wire::{Wire, greeting, proof, read_greeting, version};

pub async fn ask(a: &Node, peer: &Peer) -> Result<Bytes, Error> {
    within(a.links.request(peer, Bytes::from_static(b"hello"))).await
}

#[tokio::test]
async fn another_key_is_refused_on_both_sides() {
    for options in [Options::default(), secure()] {
        let node = |id, key| Node::with(id, "127.0.0.1:0", key, options.clone());
        let (a, b) = (node("a", KEY).await, node("b", [8; 32]).await);
        for (from, to) in [(&a, &b), (&b, &a)] {
            let address = to.peer.address.clone();
            assert_eq!(ask(from, &to.peer).await, Err(Error::WrongKey { address }));
        }
    }
}

#[tokio::test]
async fn a_listener_without_the_key_is_refused() {
    let a = Node::new("a").await;
    let (listener, peer) = stranger().await;
    let pretend = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let theirs = read_greeting(&mut stream).await;
        let ours = greeting("b", 0);
        stream.write_all(&ours).await.unwrap();
        let mut shown = [0; 32];
        stream.read_exact(&mut shown).await.unwrap();
        stream.write_u8(1).await.unwrap();
        // Not even what the other has just shown will do.
        assert_eq!(shown, proof(&KEY, 0, &theirs, &ours));
        stream.write_all(&shown).await.unwrap();
    };
    let (answer, ()) = futures::future::join(ask(&a, &peer), within(pretend)).await;
    assert_eq!(
        answer,
        Err(Error::WrongKey {
            address: peer.address
        })
    );
}

#[tokio::test]
async fn another_version_is_told_both_numbers() {
    let a = Node::new("a").await;
    let (listener, peer) = stranger().await;
    let newer = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(&version(2)).await.unwrap();
        stream
    };
    let (answer, _) = futures::future::join(ask(&a, &peer), within(newer)).await;
    assert_eq!(
        answer,
        Err(Error::Version {
            address: peer.address,
            ours: 1,
            theirs: 2
        })
    );

    let mut dials = TcpStream::connect(&a.peer.address).await.unwrap();
    dials
        .write_all(&[version(2), vec![0; 500]].concat())
        .await
        .unwrap();
    let mut told = vec![0; 12];
    within(dials.read_exact(&mut told)).await.unwrap();
    assert_eq!(told, version(1));
}

#[tokio::test]
async fn what_is_no_faasm_server_is_recognised() {
    for a in [Node::new("a").await, Node::secure("a").await] {
        ask_something_else(a).await;
    }
}

async fn ask_something_else(a: Node) {
    let (listener, peer) = stranger().await;
    let other = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
        stream
    };
    let (answer, _) = futures::future::join(ask(&a, &peer), within(other)).await;
    assert_eq!(
        answer,
        Err(Error::NotALink {
            address: peer.address
        })
    );
}

#[tokio::test]
async fn a_listener_that_says_nothing_is_given_up() {
    let waited = Duration::from_secs(1);
    let options = Options {
        handshake_timeout: waited,
        ..Options::default()
    };
    let a = Node::with("a", "127.0.0.1:0", KEY, options).await;
    let (_listener, peer) = stranger().await;
    assert_eq!(
        ask(&a, &peer).await,
        Err(Error::Silent {
            address: peer.address,
            waited
        })
    );
}

#[tokio::test]
async fn nobody_there_is_said_at_once_and_to_all() {
    let a = Node::new("a").await;
    let (listener, peer) = stranger().await;
    drop(listener);
    let asks = (0..50).map(|_| ask(&a, &peer));
    for answer in futures::future::join_all(asks).await {
        assert!(
            matches!(answer, Err(Error::Unreachable { .. })),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn an_address_that_somebody_else_took_over_is_refused() {
    let (a, b) = (Node::new("a").await, Node::new("b").await);
    let peer = Peer {
        id: id_of("gone"),
        address: b.peer.address.clone(),
    };
    let refused = Error::OtherPeer {
        address: peer.address.clone(),
        expected: peer.id.clone(),
        found: b.peer.id.clone(),
    };
    assert_eq!(ask(&a, &peer).await, Err(refused));
    assert!(ask(&a, &b.peer).await.is_ok());
}

#[tokio::test]
async fn those_that_say_nothing_do_not_keep_others_out() {
    let waits = |seconds| Options {
        handshakes: 2,
        handshake_timeout: Duration::from_secs(seconds),
        ..Options::default()
    };
    let a = Node::with("a", "127.0.0.1:0", KEY, waits(60)).await;
    let b = Node::with("b", "127.0.0.1:0", KEY, waits(1)).await;
    let mut silent = Vec::new();
    for _ in 0..5 {
        silent.push(TcpStream::connect(&b.peer.address).await.unwrap());
    }
    assert!(ask(&a, &b.peer).await.is_ok());
    for mut stream in silent {
        // All are cut in the end, without having been told anything.
        let mut told = Vec::new();
        within(stream.read_to_end(&mut told)).await.unwrap();
        assert_eq!(told, b"");
    }
}

#[tokio::test]
async fn a_handshake_that_was_overheard_opens_nothing() {
    let a = Node::new("a").await;
    let mut stream = TcpStream::connect(&a.peer.address).await.unwrap();
    let ours = greeting("b", 1);
    stream.write_all(&ours).await.unwrap();
    let theirs = read_greeting(&mut stream).await;
    let shown = proof(&KEY, 0, &ours, &theirs);
    stream.write_all(&shown).await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), 1);

    let mut again = TcpStream::connect(&a.peer.address).await.unwrap();
    again
        .write_all(&[&ours[..], &shown].concat())
        .await
        .unwrap();
    read_greeting(&mut again).await;
    assert_eq!(within(again.read_u8()).await.unwrap(), 2);
    Wire(again).is_cut().await;
}
