//! Requests and answers.

use bytes::Bytes;
use faasm_link::{Error, Options};
use futures::future::join_all;

use crate::kit::{Event, Node, bytes, stranger, within};
use crate::wire::{ANSWER, CANCEL, CHUNK, Frame, REQUEST, Wire};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_of_all_sizes_get_their_own_answers() {
    ask_much(Node::new("a").await, Node::new("b").await).await;
    ask_much(Node::secure("a").await, Node::secure("b").await).await;
}

async fn ask_much(a: Node, b: Node) {
    let sizes = [
        0,
        1,
        17,
        4095,
        65_536,
        CHUNK - 1,
        CHUNK,
        CHUNK + 1,
        3_000_000,
    ];
    let requests = (0..300_u64).map(|n| {
        let (a, b) = if n % 2 == 0 { (&a, &b) } else { (&b, &a) };
        async move {
            let body = Bytes::from(bytes(n, sizes[n as usize % sizes.len()]));
            let answer = a.links.request(&b.peer, body.clone()).await.unwrap();
            assert!(answer == body, "request {n} got another answer");
        }
    });
    within(join_all(requests)).await;
    a.sees_nothing_yet().await;
}

#[tokio::test]
async fn a_process_can_ask_itself() {
    let a = Node::new("a").await;
    let body = Bytes::from_static(b"me");
    assert_eq!(
        within(a.links.request(&a.peer, body.clone())).await,
        Ok(body)
    );
}

#[tokio::test]
async fn what_the_service_says_comes_back() {
    let (a, b) = (Node::new("a").await, Node::new("b").await);
    let failed = |message: &str| {
        Err(Error::Failed {
            peer: b.peer.id.clone(),
            message: message.to_owned(),
        })
    };
    let asked = a
        .links
        .request(&b.peer, Bytes::from_static(b"fail no such function"));
    assert_eq!(within(asked).await, failed("no such function"));
    let asked = a.links.request(&b.peer, Bytes::from_static(b"panic"));
    assert_eq!(within(asked).await, failed("a fault of the server"));
    let asked = a.links.request(&b.peer, Bytes::from_static(b"still there"));
    assert!(within(asked).await.is_ok());
}

#[tokio::test]
async fn bodies_that_are_too_large_are_refused_before_they_are_sent() {
    let small = Options {
        max_request: 100_000,
        max_message: 100_000,
        ..Options::default()
    };
    let a = Node::new("a").await;
    let b = Node::with("b", "127.0.0.1:0", crate::kit::KEY, small).await;
    let body = Bytes::from(vec![0; 100_001]);
    let refused = |peer| Error::TooLarge {
        peer,
        size: 100_001,
        limit: 100_000,
    };
    let id = || b.peer.id.clone();
    assert_eq!(
        a.links.request(&b.peer, body.clone()).await,
        Err(refused(id()))
    );
    assert_eq!(
        a.links.send(&b.peer, 1, body.clone()).await,
        Err(refused(id()))
    );
    // The answer would be too large for b, which is told so.
    let asked = within(a.links.request(&b.peer, body.slice(1..))).await;
    assert_eq!(asked.map(|answer| answer.len()), Ok(100_000));
}

#[tokio::test]
async fn dropping_a_request_drops_what_answers_it() {
    let (a, b) = (Node::new("a").await, Node::new("b").await);
    let held = Bytes::from_static(b"hold");
    {
        let asked = a.links.request(&b.peer, held.clone());
        tokio::pin!(asked);
        tokio::select! {
            answer = &mut asked => panic!("{answer:?}"),
            event = b.sees() => assert_eq!(event, Event::Asked(held)),
        }
    }
    assert_eq!(b.sees().await, Event::Dropped);
    assert!(within(a.links.request(&b.peer, Bytes::new())).await.is_ok());
}

#[tokio::test]
async fn a_small_request_overtakes_a_large_one() {
    let a = Node::new("a").await;
    let (listener, peer) = stranger().await;
    let large = Bytes::from(vec![1; 100 << 20]);
    let asks = async {
        let small = a.links.request(&peer, Bytes::from_static(b"small"));
        tokio::select! {
            biased;
            _ = a.links.request(&peer, large) => panic!("the large one is not answered"),
            answer = async { tokio::task::yield_now().await; small.await } => answer.unwrap(),
        }
    };
    let answers = async {
        let mut wire = Wire::accept(&listener, "b").await;
        let mut large = 0;
        let small = loop {
            match wire.read().await {
                frame if frame.body == b"small" => break frame,
                frame => large += frame.body.len(),
            }
        };
        assert!(
            (CHUNK..50 << 20).contains(&large),
            "after {large} bytes of the large one"
        );
        wire.write(&Frame {
            kind: ANSWER,
            ..small
        })
        .await;
        // The large one was given up when the small one was answered: no more of it comes.
        loop {
            match wire.read().await {
                Frame {
                    kind: REQUEST,
                    body,
                    ..
                } => large += body.len(),
                frame => {
                    assert_eq!((frame.kind, frame.id), (CANCEL, 0));
                    break;
                }
            }
        }
        assert!(
            large < 100 << 20,
            "a request that was given up was sent to its end"
        );
    };
    let (answer, ()) = within(futures::future::join(asks, answers)).await;
    assert_eq!(answer, "small");
}

#[tokio::test]
async fn requests_go_on_while_a_large_answer_comes() {
    ask_meanwhile(Node::new("a").await, Node::new("b").await).await;
    ask_meanwhile(Node::secure("a").await, Node::secure("b").await).await;
}

async fn ask_meanwhile(a: Node, b: Node) {
    let large = a.links.request(&b.peer, Bytes::from(bytes(1, 90 << 20)));
    let small = async {
        for n in 0..50 {
            let body = Bytes::from(bytes(n, 100));
            assert_eq!(a.links.request(&b.peer, body.clone()).await, Ok(body));
        }
    };
    let (large, ()) = within(futures::future::join(large, small)).await;
    assert!(large.unwrap() == bytes(1, 90 << 20));
}
