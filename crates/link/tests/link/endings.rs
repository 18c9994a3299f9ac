//! Connections that end, and what comes after.

use bytes::Bytes;
use faasm_link::{Error, Options};

use crate::kit::{Event, GATED, KEY, Node, id_of, impatient, secure, stranger, within};
use crate::wire::{Frame, MESSAGE, REQUEST, Wire};

fn is_lost<T: std::fmt::Debug>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Lost { .. }))
}

#[tokio::test]
async fn a_peer_that_stops_is_lost_and_its_successor_is_somebody_else() {
    stop_and_succeed(Options::default()).await;
    stop_and_succeed(secure()).await;
}

async fn stop_and_succeed(options: Options) {
    let node = |id, address| Node::with(id, address, KEY, options.clone());
    let (a, b) = (
        node("a", "127.0.0.1:0").await,
        node("b", "127.0.0.1:0").await,
    );
    let held = Bytes::from_static(b"hold");
    let asked = a.links.request(&b.peer, held.clone());
    let stops = async {
        assert_eq!(b.sees().await, Event::Asked(held.clone()));
        b.links.close().await;
    };
    let (answer, ()) = within(futures::future::join(asked, stops)).await;
    assert!(is_lost(&answer), "{answer:?}");
    assert_eq!(a.sees().await, Event::Lost(b.peer.id.clone()));
    assert_eq!(b.sees().await, Event::Dropped);

    let c = node("c", &b.peer.address).await;
    let asked = within(a.links.request(&b.peer, Bytes::new())).await;
    assert!(matches!(asked, Err(Error::OtherPeer { .. })), "{asked:?}");
    assert!(within(a.links.request(&c.peer, Bytes::new())).await.is_ok());
}

#[tokio::test]
async fn a_request_that_waits_for_its_turn_is_not_sent_when_the_connection_breaks() {
    let a = Node::new("a").await;
    let small = Options {
        max_request: 64 << 10,
        ..Options::default()
    };
    let b = Node::with("b", "127.0.0.1:0", KEY, small).await;
    // Two of them are all that may be on the way.
    let mut held = b"hold".to_vec();
    held.resize(64 << 10, 0);
    let held = Bytes::from(held);
    let ask = || a.links.request(&b.peer, held.clone());
    let stops = async {
        for _ in 0..2 {
            assert_eq!(b.sees().await, Event::Asked(held.clone()));
        }
        b.links.close().await;
    };
    let all = futures::future::join4(ask(), ask(), ask(), stops);
    let (first, second, third, ()) = within(all).await;
    assert!(is_lost(&first), "{first:?}");
    assert!(is_lost(&second), "{second:?}");
    assert!(matches!(third, Err(Error::NotSent { .. })), "{third:?}");
}

#[tokio::test]
async fn what_is_closed_does_nothing_more() {
    let (a, b) = (Node::new("a").await, Node::new("b").await);
    let asked = a.links.request(&b.peer, Bytes::from_static(b"hold"));
    let closes = async {
        assert!(matches!(b.sees().await, Event::Asked(_)));
        a.links.close().await;
    };
    let (answer, ()) = within(futures::future::join(asked, closes)).await;
    assert_eq!(answer, Err(Error::Closed));
    assert_eq!(
        within(a.links.request(&b.peer, Bytes::new())).await,
        Err(Error::Closed)
    );
    assert_eq!(
        within(a.links.send(&b.peer, 1, Bytes::new())).await,
        Err(Error::Closed)
    );
    a.sees_nothing_yet().await;
    assert!(
        tokio::net::TcpStream::connect(&a.peer.address)
            .await
            .is_err()
    );
    b.sees_at_last(&Event::Lost(a.peer.id.clone())).await;
}

#[tokio::test]
async fn dropping_the_links_closes_them() {
    let (a, b) = (Node::new("a").await, Node::new("b").await);
    assert!(within(a.links.request(&b.peer, Bytes::new())).await.is_ok());
    let Node { links, peer, .. } = a;
    drop(links);
    assert_eq!(b.sees().await, Event::Lost(peer.id));
}

#[tokio::test]
async fn a_peer_that_falls_silent_is_lost() {
    let a = Node::with("a", "127.0.0.1:0", KEY, impatient()).await;
    let (listener, peer) = stranger().await;
    // It takes the request, and says nothing from then on: as a process that is stopped.
    let silent = async {
        let mut wire = Wire::accept(&listener, "b").await;
        wire.read().await;
        wire.is_cut().await;
    };
    let asked = a
        .links
        .request(&peer, Bytes::from_static(b"anybody there?"));
    let (answer, ()) = within(futures::future::join(asked, silent)).await;
    assert!(is_lost(&answer), "{answer:?}");
    assert_eq!(a.sees().await, Event::Lost(peer.id));

    let mut wire = Wire::dial(&a, "c", 1).await;
    wire.is_cut().await;
    assert_eq!(a.sees().await, Event::Lost(id_of("c")));
}

#[tokio::test]
async fn an_idle_connection_stays() {
    let a = Node::with("a", "127.0.0.1:0", KEY, impatient()).await;
    let b = Node::with("b", "127.0.0.1:0", KEY, impatient()).await;
    assert!(within(a.links.request(&b.peer, Bytes::new())).await.is_ok());
    tokio::time::sleep(2 * impatient().dead_after).await;
    a.sees_nothing_yet().await;
    b.sees_nothing_yet().await;
}

#[tokio::test]
async fn a_stream_that_broke_fails_once_and_goes_on() {
    let a = Node::new("a").await;
    let (listener, peer) = stranger().await;
    let send = |stream, body: &'static [u8]| a.links.send(&peer, stream, Bytes::from_static(body));
    let first = async {
        let mut wire = Wire::accept(&listener, "b").await;
        assert_eq!(wire.read().await, Frame::new(MESSAGE, 1, b"one"));
    };
    let (sent, ()) = within(futures::future::join(send(1, b"one"), first)).await;
    assert_eq!(sent, Ok(()));
    assert_eq!(a.sees().await, Event::Lost(peer.id.clone()));
    let lost = within(send(1, b"two")).await;
    assert!(is_lost(&lost), "{lost:?}");

    let second = async {
        let mut wire = Wire::accept(&listener, "b").await;
        [wire.read().await, wire.read().await]
    };
    let sends = async {
        // This one had nothing on the way.
        send(2, b"other").await.unwrap();
        send(1, b"three").await.unwrap();
    };
    let ((), frames) = within(futures::future::join(sends, second)).await;
    let [other, three] = [
        Frame::new(MESSAGE, 2, b"other"),
        Frame::new(MESSAGE, 1, b"three"),
    ];
    assert_eq!(frames, [other, three]);
}

#[tokio::test]
async fn a_later_connection_ends_the_earlier_one_first() {
    let a = Node::new("a").await;
    let mut earlier = Wire::dial(&a, "b", 5).await;
    for body in [&b"one"[..], b"two", b"three"] {
        earlier.write(&Frame::new(MESSAGE, GATED, body)).await;
    }
    earlier.write(&Frame::new(REQUEST, 1, b"hold")).await;
    assert!(matches!(a.sees().await, Event::Asked(_)));
    let mut later = Wire::dial(&a, "b", 6).await;
    later.write(&Frame::new(MESSAGE, 1, b"later")).await;
    earlier.is_cut().await;
    assert_eq!(a.sees().await, Event::Dropped);
    assert_eq!(a.sees().await, Event::Lost(id_of("b")));
    assert_eq!(
        a.sees().await,
        Event::Message(1, Bytes::from_static(b"later"))
    );

    // One that was made before and comes only now is not taken.
    let mut late = Wire::dial(&a, "b", 4).await;
    late.is_cut().await;
    later.write(&Frame::new(MESSAGE, 1, b"latest")).await;
    assert_eq!(
        a.sees().await,
        Event::Message(1, Bytes::from_static(b"latest"))
    );
    a.gate.add_permits(10);
    a.sees_nothing_yet().await;
}

#[tokio::test]
async fn a_service_that_panics_on_a_message_loses_the_connection() {
    let (a, b) = (Node::new("a").await, Node::new("b").await);
    b.gate.add_permits(1);
    for stream in [1, GATED] {
        within(a.links.send(&b.peer, stream, Bytes::from_static(b"panic")))
            .await
            .unwrap();
        assert_eq!(b.sees().await, Event::Lost(a.peer.id.clone()));
        assert_eq!(a.sees().await, Event::Lost(b.peer.id.clone()));
    }
    assert!(within(a.links.request(&b.peer, Bytes::new())).await.is_ok());
}
