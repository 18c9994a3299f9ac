//! Streams of messages.

use std::collections::HashMap;

use bytes::Bytes;
use faasm_link::{Error, Options};
use futures::FutureExt;
use futures::future::join_all;

use crate::kit::{Event, GATED, KEY, Node, bytes, secure, stranger, within};
use crate::wire::{CHUNK, Wire};

const WINDOW: usize = 1 << 20;

fn small_window() -> Options {
    Options {
        stream_window: WINDOW,
        ..Options::default()
    }
}

fn numbered(n: u32, len: usize) -> Bytes {
    let mut body = n.to_le_bytes().to_vec();
    body.resize(len.max(4), n as u8);
    body.into()
}

fn number(body: &[u8]) -> u32 {
    u32::from_le_bytes(body[..4].try_into().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_stream_comes_in_order() {
    let b = |options| Node::with("b", "127.0.0.1:0", KEY, options);
    send_in_order(Node::new("a").await, b(small_window()).await).await;
    let options = Options {
        stream_window: WINDOW,
        ..secure()
    };
    send_in_order(Node::secure("a").await, b(options).await).await;
}

async fn send_in_order(a: Node, b: Node) {
    let sizes = [4, 8, 70_000, CHUNK, 3 * CHUNK, 2 * WINDOW];
    b.gate.add_permits(10_000);
    let (streams, messages) = (20_u64, 100_u32);
    let send = (0..streams).map(|stream| {
        let (links, peer) = (a.links.clone(), b.peer.clone());
        tokio::spawn(async move {
            // Half of the streams are taken at once, and half by a task.
            let id = if stream % 2 == 0 {
                stream
            } else {
                GATED + stream
            };
            for n in 0..messages {
                let len = sizes[(stream as usize + n as usize) % sizes.len()];
                links.send(&peer, id, numbered(n, len)).await.unwrap();
            }
        })
    });
    let send: Vec<_> = send.collect();
    let mut next = HashMap::<u64, u32>::new();
    for _ in 0..streams * u64::from(messages) {
        let Event::Message(stream, body) = b.sees().await else {
            panic!("no message")
        };
        let due = next.entry(stream).or_default();
        assert_eq!(number(&body), *due, "in stream {stream}");
        assert!(body[4..].iter().all(|byte| *byte == *due as u8));
        *due += 1;
    }
    assert!(
        within(join_all(send))
            .await
            .into_iter()
            .all(|sent| sent.is_ok())
    );
}

#[tokio::test]
async fn a_sender_waits_for_a_receiver_that_is_slow() {
    let (a, b) = (
        Node::new("a").await,
        Node::with("b", "127.0.0.1:0", KEY, small_window()).await,
    );
    let len = 10_000;
    let mut sent = 0;
    // It has sent all that it may when a send does not end although others do.
    loop {
        let send = a.links.send(&b.peer, GATED, numbered(sent, len)).boxed();
        let others = async {
            for _ in 0..20 {
                a.links.request(&b.peer, Bytes::new()).await.unwrap();
                a.links.send(&b.peer, 1, Bytes::new()).await.unwrap();
                assert_eq!(b.sees().await, Event::Message(1, Bytes::new()));
            }
        };
        tokio::select! {
            biased;
            done = send => done.unwrap(),
            () = within(others) => break,
        }
        sent += 1;
    }
    assert!(sent as usize * len <= WINDOW, "{sent} messages");
    assert!(sent as usize * (len + 1100) > WINDOW / 2, "{sent} messages");
    b.sees_nothing_yet().await;
    // What was sent and what is sent from here on comes.
    b.gate.add_permits(2 * sent as usize);
    let rest = async {
        for n in sent..2 * sent {
            a.links
                .send(&b.peer, GATED, numbered(n, len))
                .await
                .unwrap();
        }
    };
    let takes = async {
        for n in 0..2 * sent {
            assert_eq!(b.sees().await, Event::Message(GATED, numbered(n, len)));
        }
    };
    within(futures::future::join(rest, takes)).await;
}

#[tokio::test]
async fn what_is_queued_for_a_peer_that_does_not_read_is_bounded() {
    let a = Node::new("a").await;
    let (listener, peer) = stranger().await;
    let sends = async {
        let mut sent = 0;
        loop {
            let body = Bytes::from(vec![0; 1 << 20]);
            match a.links.send(&peer, sent, body).await {
                Ok(()) => sent += 1,
                // It is cut when it has read nothing for five seconds.
                Err(error) => break (sent, error),
            }
        }
    };
    let keeps = async {
        let _wire = Wire::accept(&listener, "b").await;
        std::future::pending::<()>().await;
    };
    let (sent, error) = tokio::select! {
        sent = within(sends) => sent,
        () = keeps => unreachable!(),
    };
    assert!((100..=128).contains(&sent), "{sent} MiB");
    assert!(matches!(error, Error::Lost { .. }), "{error}");
}

#[tokio::test]
async fn streams_come_and_go() {
    let (a, b) = (Node::new("a").await, Node::new("b").await);
    let send = async {
        for stream in 0..20_000 {
            a.links
                .send(&b.peer, stream, Bytes::from(bytes(stream, 8)))
                .await
                .unwrap();
        }
    };
    let take = async {
        let mut taken = 0;
        while taken < 20_000 {
            if let Event::Message(stream, body) = b.sees().await {
                if stream < GATED {
                    assert_eq!(body, bytes(stream, 8));
                }
                taken += 1;
            }
        }
    };
    b.gate.add_permits(20_000);
    within(futures::future::join(send, take)).await;
}
