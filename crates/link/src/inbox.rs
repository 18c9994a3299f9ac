//! The messages that came and are to be taken, stream by stream.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use crate::error::Fault;
use crate::frame::Kind;
use crate::options::Limits;
use crate::outbox::Outbox;
use crate::sync::lock;
use crate::window::Ledger;

/// How many streams there may be before the idle ones are forgotten without waiting for the
/// next [tidying](Inbox::tidy).
const TIDY_AT: usize = 4096;

struct Stream {
    ledger: Ledger,
    /// The size of the message that is being taken.
    taking: Option<usize>,
    waiting: VecDeque<Bytes>,
}

struct Streams {
    /// What all streams have on the way.
    all: Ledger,
    table: HashMap<u64, Stream>,
    tidy_at: usize,
}

/// The messages of a connection.
pub(crate) struct Inbox {
    limits: Limits,
    outbox: Arc<Outbox>,
    streams: Mutex<Streams>,
}

impl Inbox {
    pub(crate) fn new(limits: Limits, outbox: Arc<Outbox>) -> Self {
        let all = Ledger::new(limits.messages());
        let streams = Streams {
            all,
            table: HashMap::new(),
            tidy_at: TIDY_AT,
        };
        Self {
            limits,
            outbox,
            streams: Mutex::new(streams),
        }
    }

    /// A message begins to come.
    pub(crate) fn open(&self, stream: u64, size: usize) -> Result<(), Fault> {
        if size > self.limits.message as usize {
            return Err(Fault::Violation("a message that is too large"));
        }
        let mut streams = lock(&self.streams);
        streams.all.open(size)?;
        if streams.table.len() >= streams.tidy_at {
            self.forget_idle(&mut streams);
        }
        let stream = streams.table.entry(stream).or_insert_with(|| Stream {
            ledger: Ledger::new(self.limits.stream),
            taking: None,
            waiting: VecDeque::new(),
        });
        stream.ledger.open(size)
    }

    /// A message has come. Returns it if it is its turn to be taken.
    pub(crate) fn queue(&self, stream: u64, body: Bytes) -> Option<Bytes> {
        let mut streams = lock(&self.streams);
        // It is there: the message is open.
        let stream = streams.table.get_mut(&stream)?;
        if stream.taking.is_some() {
            stream.waiting.push_back(body);
            return None;
        }
        stream.taking = Some(body.len());
        Some(body)
    }

    /// The message whose turn it was is taken. Returns the next one.
    pub(crate) fn next(&self, id: u64) -> Option<Bytes> {
        let mut streams = lock(&self.streams);
        let Streams { all, table, .. } = &mut *streams;
        let stream = table.get_mut(&id)?;
        if let Some(size) = stream.taking.take() {
            if let Some(credit) = stream.ledger.release(size) {
                self.outbox.control(Kind::StreamCredit, id, credit);
            }
            if let Some(credit) = all.release(size) {
                self.outbox.control(Kind::MessageCredit, 0, credit);
            }
        }
        let body = stream.waiting.pop_front()?;
        stream.taking = Some(body.len());
        Some(body)
    }

    /// Gives the rest of their credit for streams that are idle, and forgets them.
    pub(crate) fn tidy(&self) {
        self.forget_idle(&mut lock(&self.streams));
    }

    fn forget_idle(&self, streams: &mut Streams) {
        streams.table.retain(|id, stream| {
            let idle = stream.ledger.is_idle();
            if idle && let Some(credit) = stream.ledger.flush() {
                self.outbox.control(Kind::StreamCredit, *id, credit);
            }
            !idle
        });
        streams.tidy_at = (2 * streams.table.len()).max(TIDY_AT);
    }
}
