//! Peers that have the key and do not keep to the protocol.

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::kit::{Event, GATED, Node, bytes, id_of, stranger, within};
use crate::wire::{
    ANSWER, CANCEL, CHUNK, Frame, MESSAGE, REQUEST, REQUEST_CREDIT, STREAM_CREDIT, Wire,
};

/// The node still answers others.
async fn lives(node: &Node) {
    let other = Node::new("other").await;
    assert!(
        within(other.links.request(&node.peer, Bytes::new()))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn frames_that_make_no_sense_end_the_connection() {
    let a = Node::new("a").await;
    let piece = |kind, id, total, len| Frame {
        kind,
        id,
        total,
        body: vec![0; len],
    };
    let frames = [
        ("an unknown kind", vec![piece(99, 0, 0, 0)]),
        ("no kind", vec![piece(0, 0, 0, 0)]),
        ("a sign of life with a body", vec![piece(1, 0, 1, 1)]),
        (
            "a request that is too large",
            vec![piece(REQUEST, 0, (128 << 20) + 1, CHUNK)],
        ),
        (
            "a message that is too large",
            vec![piece(MESSAGE, 0, (64 << 20) + 1, CHUNK)],
        ),
        ("a giant", vec![piece(MESSAGE, 0, u32::MAX, CHUNK)]),
        ("a long piece", vec![piece(REQUEST, 0, 1 << 20, CHUNK + 1)]),
        ("more than its total", vec![piece(REQUEST, 0, 9, 10)]),
        ("an empty piece", vec![piece(REQUEST, 0, 9, 0)]),
        (
            "another total",
            vec![piece(REQUEST, 0, 9, 5), piece(REQUEST, 0, 10, 4)],
        ),
        (
            "too much in the end",
            vec![piece(MESSAGE, 7, 9, 5), piece(MESSAGE, 7, 9, 5)],
        ),
        ("an answer", vec![piece(ANSWER, 0, 0, 0)]),
        (
            "credit that is the other side's to give",
            vec![piece(REQUEST_CREDIT, 0, 1, 0)],
        ),
        ("credit of a stream", vec![piece(STREAM_CREDIT, 0, 1, 0)]),
        (
            "credit for answers that were not given",
            vec![piece(8, 0, 1, 0)],
        ),
    ];
    for (epoch, (what, frames)) in frames.into_iter().enumerate() {
        println!("{what}");
        let mut wire = Wire::dial(&a, "b", 1 + epoch as u64).await;
        let bytes: Vec<u8> = frames.iter().flat_map(Frame::bytes).collect();
        // It may be cut before all is written.
        let _ = wire.0.write_all(&bytes).await;
        wire.is_cut().await;
        assert_eq!(a.sees().await, Event::Lost(id_of("b")), "{what}");
    }
    lives(&a).await;
}

#[tokio::test]
async fn a_request_id_is_used_once_at_a_time() {
    let a = Node::new("a").await;
    let mut wire = Wire::dial(&a, "b", 1).await;
    // Unknown ones may have been answered just now.
    wire.write(&Frame::new(CANCEL, 99, b"")).await;
    wire.write(&Frame::new(REQUEST, 5, b"hold")).await;
    assert_eq!(a.sees().await, Event::Asked(Bytes::from_static(b"hold")));
    wire.write(&Frame::new(REQUEST, 5, b"again")).await;
    wire.is_cut().await;
    a.sees_at_last(&Event::Dropped).await;
    a.sees_at_last(&Event::Lost(id_of("b"))).await;
}

#[tokio::test]
async fn a_request_may_be_given_up_half_way() {
    let a = Node::new("a").await;
    let mut wire = Wire::dial(&a, "b", 1).await;
    wire.write(&Frame {
        kind: REQUEST,
        id: 1,
        total: 9,
        body: vec![0; 5],
    })
    .await;
    wire.write(&Frame::new(CANCEL, 1, b"")).await;
    wire.write(&Frame::new(REQUEST, 2, b"another")).await;
    assert_eq!(wire.read().await, Frame::new(ANSWER, 2, b"another"));
}

#[tokio::test]
async fn messages_beyond_the_window_end_the_connection() {
    let a = Node::new("a").await;
    let mut wire = Wire::dial(&a, "b", 1).await;
    let message = Frame::new(MESSAGE, GATED, &vec![0; CHUNK]).bytes();
    let sent = async {
        let mut sent = 0;
        while wire.0.write_all(&message).await.is_ok() {
            sent += 1;
        }
        sent
    };
    // The window, and what the system holds.
    let sent = within(sent).await;
    assert!((63..1000).contains(&sent), "{sent}");
    a.sees_at_last(&Event::Lost(id_of("b"))).await;
    lives(&a).await;
}

#[tokio::test]
async fn requests_without_end_end_the_connection() {
    let a = Node::new("a").await;
    let mut wire = Wire::dial(&a, "b", 1).await;
    let sent = async {
        let mut id = 0;
        // The first pieces of requests that never end: nothing can be given back.
        while wire
            .0
            .write_all(
                &Frame {
                    kind: REQUEST,
                    id,
                    total: 1 << 20,
                    body: vec![0; 10],
                }
                .bytes(),
            )
            .await
            .is_ok()
        {
            id += 1;
        }
        id
    };
    let sent = within(sent).await;
    assert!(sent >= 255, "{sent}");
    assert_eq!(a.sees().await, Event::Lost(id_of("b")));
    lives(&a).await;
}

#[tokio::test]
async fn answers_that_were_not_asked_for_end_the_connection() {
    let a = Node::new("a").await;
    let (listener, peer) = stranger().await;
    for wrong in [
        Frame::new(ANSWER, 1, b"of nothing"),
        Frame {
            kind: ANSWER,
            id: 0,
            total: (128 << 20) + 1,
            body: vec![1],
        },
        Frame::new(REQUEST, 0, b""),
        Frame {
            kind: REQUEST_CREDIT,
            id: 0,
            total: 1 << 20,
            body: vec![],
        },
        Frame {
            kind: STREAM_CREDIT,
            id: 0,
            total: 1,
            body: vec![],
        },
    ] {
        let serve = async {
            let mut wire = Wire::accept(&listener, "b").await;
            assert_eq!(wire.read().await, Frame::new(REQUEST, 0, b"question"));
            wire.write(&wrong).await;
            wire.is_cut().await;
        };
        let asked = a.links.request(&peer, Bytes::from_static(b"question"));
        let (answer, ()) = within(futures::future::join(asked, serve)).await;
        assert!(
            matches!(answer, Err(faasm_link::Error::Lost { .. })),
            "{answer:?}"
        );
        assert_eq!(a.sees().await, Event::Lost(peer.id.clone()));
    }
    lives(&a).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_harms_nobody() {
    let a = Node::new("a").await;
    a.gate.add_permits(100_000);
    for seed in 0..200_u64 {
        let noise = bytes(seed, 1 + (seed as usize * 37) % 3000);
        let mut raw = TcpStream::connect(&a.peer.address).await.unwrap();
        let _ = raw.write_all(&noise).await;
        drop(raw);
        let mut wire = Wire::dial(&a, "b", 1 + seed).await;
        let _ = wire.0.write_all(&almost_frames(seed, &noise)).await;
    }
    lives(&a).await;
}

/// Frames whose numbers mostly are plausible, cut off somewhere.
fn almost_frames(seed: u64, noise: &[u8]) -> Vec<u8> {
    let mut frames = Vec::new();
    for chunk in noise.chunks_exact(4) {
        let [kind, id, total, len] = [chunk[0], chunk[1], chunk[2], chunk[3]];
        let len = usize::from(len % 16).min(usize::from(total));
        let (kind, id) = (1 + kind % 8, u64::from(id % 4));
        let total = if total < 200 {
            len as u32
        } else {
            u32::from(total)
        };
        let body = if matches!(kind, 1 | 3 | 7 | 8) {
            vec![]
        } else {
            vec![0; len]
        };
        frames.extend(
            Frame {
                kind,
                id,
                total,
                body,
            }
            .bytes(),
        );
    }
    let cut = frames.len() * (seed as usize % 10 + 1) / 10;
    frames.truncate(cut);
    frames
}
