//! What waits to be written to a connection.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use bytes::{Buf, Bytes};
use tokio::sync::Notify;

use crate::batch::Batch;
use crate::error::Fault;
use crate::frame::{CHUNK, HEADER, Header, Kind};
use crate::sync::lock;
use crate::window::Ended;

/// How many bytes are gathered for one write, if there are as many.
const BATCH: usize = CHUNK;

/// How many frames without bodies may wait. They are few unless the other side makes this one
/// send them and does not read.
const MAX_CONTROL: usize = 1 << 16;

/// What is sent in order. Different lanes take turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Lane {
    Request(u64),
    Answer(u64),
    Stream(u64),
}

/// A body of which some is still to be sent.
struct Body {
    header: Header,
    rest: Bytes,
}

#[derive(Default)]
struct Queue {
    control: VecDeque<Header>,
    lanes: HashMap<Lane, VecDeque<Body>>,
    /// The lanes in their order; some may have been cancelled.
    turns: VecDeque<Lane>,
    /// Why nothing is sent any more.
    ended: Option<Fault>,
}

/// What waits to be written: frames without bodies first, then bodies, piece by piece in turn.
#[derive(Default)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    filled: Notify,
}

impl Outbox {
    /// Queues a frame without a body.
    pub(crate) fn control(&self, kind: Kind, id: u64, total: u32) {
        let mut queue = lock(&self.queue);
        if queue.ended.is_some() {
            return;
        }
        if queue.control.len() == MAX_CONTROL {
            queue.ended = Some(Fault::Violation("it does not read what it asks for"));
        } else {
            queue.control.push_back(Header::control(kind, id, total));
        }
        drop(queue);
        self.filled.notify_one();
    }

    /// Queues a body, behind those of the same request or stream.
    pub(crate) fn body(&self, kind: Kind, id: u64, body: Bytes) -> Result<(), Ended> {
        let lane = match kind {
            Kind::Message => Lane::Stream(id),
            Kind::Answer | Kind::Failure => Lane::Answer(id),
            _ => Lane::Request(id),
        };
        let total = u32::try_from(body.len()).map_err(|_| Ended)?;
        let header = Header {
            kind,
            id,
            total,
            len: 0,
        };
        let mut queue = lock(&self.queue);
        if queue.ended.is_some() {
            return Err(Ended);
        }
        let waiting = queue.lanes.entry(lane).or_default();
        waiting.push_back(Body { header, rest: body });
        if waiting.len() == 1 {
            queue.turns.push_back(lane);
        }
        drop(queue);
        self.filled.notify_one();
        Ok(())
    }

    /// Forgets what is left of a request, and tells the other side to do so.
    pub(crate) fn cancel(&self, id: u64) {
        lock(&self.queue).lanes.remove(&Lane::Request(id));
        self.control(Kind::Cancel, id, 0);
    }

    /// Takes nothing any more, and lets the writer end.
    pub(crate) fn end(&self, fault: Fault) {
        *lock(&self.queue) = Queue {
            ended: Some(fault),
            ..Queue::default()
        };
        self.filled.notify_one();
    }

    /// Waits for something to write, and moves as much as is written at once to `batch`.
    pub(crate) async fn next(&self, batch: &mut Batch) -> Result<(), Fault> {
        loop {
            {
                let mut queue = lock(&self.queue);
                if let Some(fault) = &queue.ended {
                    return Err(fault.clone());
                }
                queue.fill(batch);
            }
            if batch.len() > 0 {
                batch.seal();
                return Ok(());
            }
            self.filled.notified().await;
        }
    }
}

impl Queue {
    fn fill(&mut self, batch: &mut Batch) {
        for header in self.control.drain(..) {
            batch.push(header, Bytes::new());
        }
        while batch.len() < BATCH
            && let Some(lane) = self.turns.pop_front()
        {
            let Some(bodies) = self.lanes.get_mut(&lane) else {
                continue;
            };
            take_turn(bodies, batch);
            if bodies.is_empty() {
                self.lanes.remove(&lane);
            } else {
                self.turns.push_back(lane);
            }
        }
    }
}

/// Moves the next bodies of a lane to the batch, about as much as the piece of a large one.
fn take_turn(bodies: &mut VecDeque<Body>, batch: &mut Batch) {
    let mut left = CHUNK;
    while let Some(body) = bodies.front_mut() {
        let piece = body.rest.split_to(body.rest.len().min(left));
        left -= piece.len();
        let len = piece.len() as u32;
        batch.push(Header { len, ..body.header }, piece);
        if body.rest.has_remaining() {
            return;
        }
        bodies.pop_front();
        // An empty body takes room, too.
        left = left.saturating_sub(HEADER);
        if left == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(outbox: &Outbox) -> Vec<u8> {
        let mut batch = Batch::default();
        lock(&outbox.queue).fill(&mut batch);
        batch.seal();
        batch.copy_to_bytes(batch.len()).to_vec()
    }

    fn first(bytes: &[u8]) -> Header {
        Header::read(bytes[..HEADER].try_into().unwrap()).unwrap()
    }

    #[test]
    fn large_bodies_let_others_in_between() {
        let outbox = Outbox::default();
        let large = Bytes::from(vec![0; 3 * CHUNK]);
        assert!(outbox.body(Kind::Request, 1, large).is_ok());
        assert!(
            outbox
                .body(Kind::Request, 2, Bytes::from_static(b"x"))
                .is_ok()
        );
        assert_eq!(first(&drain(&outbox)).id, 1);
        assert_eq!(first(&drain(&outbox)).id, 2);
        outbox.cancel(1);
        assert_eq!(first(&drain(&outbox)).kind, Kind::Cancel);
        assert!(drain(&outbox).is_empty());
    }

    #[test]
    fn a_stream_stays_in_order() {
        let outbox = Outbox::default();
        for len in [CHUNK + 1, 1, 0] {
            assert!(
                outbox
                    .body(Kind::Message, 5, Bytes::from(vec![0; len]))
                    .is_ok()
            );
        }
        assert_eq!(drain(&outbox).len(), HEADER + CHUNK);
        assert_eq!(drain(&outbox).len(), 3 * HEADER + 2);
    }
}
