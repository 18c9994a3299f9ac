//! The connection to a peer, over which this process sends requests and messages.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use tokio::io::AsyncRead;
use tokio::sync::oneshot;

use crate::error::{Error, Fault};
use crate::frame::Kind;
use crate::options::Limits;
use crate::outbox::Outbox;
use crate::peer::PeerId;
use crate::reader::{FrameReader, Parts};
use crate::sync::lock;
use crate::window::{Ended, Ledger, Window};

type Answer = Result<Bytes, String>;

/// The requests that are under way.
#[derive(Default)]
struct Pending {
    waiting: HashMap<u64, oneshot::Sender<Answer>>,
    next: u64,
}

/// The streams of which something is on the way, and some of which nothing is any more.
struct Streams {
    windows: HashMap<u64, Arc<Window>>,
    /// How many there may be before one looks which are idle.
    tidy_at: usize,
    ended: bool,
}

/// A connection that this process dialed.
pub(crate) struct Outgoing {
    peer: PeerId,
    theirs: Limits,
    outbox: Arc<Outbox>,
    requests: Window,
    messages: Window,
    pending: Mutex<Pending>,
    streams: Mutex<Streams>,
    fault: OnceLock<Fault>,
}

impl Outgoing {
    pub(crate) fn new(peer: PeerId, theirs: Limits, outbox: Arc<Outbox>) -> Self {
        Self {
            peer,
            theirs,
            outbox,
            requests: Window::new(theirs.requests()),
            messages: Window::new(theirs.messages()),
            pending: Mutex::default(),
            streams: Mutex::new(Streams {
                windows: HashMap::new(),
                tidy_at: 64,
                ended: false,
            }),
            fault: OnceLock::new(),
        }
    }

    /// Sends a request and waits for its answer.
    pub(crate) async fn request(&self, body: Bytes) -> Result<Bytes, Error> {
        self.check_size(&body, self.theirs.request)?;
        let room = self
            .requests
            .take(body.len())
            .await
            .map_err(|_| self.not_sent())?;
        let (sender, answer) = oneshot::channel();
        let request = self.begin(sender, body).map_err(|_| self.not_sent())?;
        room.used();
        let answer = answer.await;
        drop(request);
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(message)) => Err(Error::Failed {
                peer: self.peer.clone(),
                message,
            }),
            Err(_) => Err(self.lost()),
        }
    }

    /// Queues a request; what it returns cancels it when it is dropped before the answer.
    fn begin(&self, sender: oneshot::Sender<Answer>, body: Bytes) -> Result<Request<'_>, Ended> {
        let mut pending = lock(&self.pending);
        let id = pending.next;
        pending.next += 1;
        // Under the lock, so that the ids come in order.
        self.outbox.body(Kind::Request, id, body)?;
        pending.waiting.insert(id, sender);
        Ok(Request { of: self, id })
    }

    /// Queues a message once there is room for it.
    pub(crate) async fn send(&self, stream: u64, body: Bytes) -> Result<(), Error> {
        self.check_size(&body, self.theirs.message)?;
        let window = self.stream(stream)?;
        let of_stream = window.take(body.len()).await.map_err(|_| self.lost())?;
        let of_all = self
            .messages
            .take(body.len())
            .await
            .map_err(|_| self.lost())?;
        self.outbox
            .body(Kind::Message, stream, body)
            .map_err(|_| self.lost())?;
        of_stream.used();
        of_all.used();
        Ok(())
    }

    fn stream(&self, stream: u64) -> Result<Arc<Window>, Error> {
        let mut streams = lock(&self.streams);
        if streams.ended {
            return Err(self.lost());
        }
        if let Some(window) = streams.windows.get(&stream) {
            return Ok(Arc::clone(window));
        }
        if streams.windows.len() >= streams.tidy_at {
            // Who is about to send has a clone.
            streams
                .windows
                .retain(|_, w| Arc::strong_count(w) > 1 || !w.is_idle());
            streams.tidy_at = (2 * streams.windows.len()).max(64);
        }
        let window = Arc::new(Window::new(self.theirs.stream));
        streams.windows.insert(stream, Arc::clone(&window));
        Ok(window)
    }

    fn check_size(&self, body: &Bytes, limit: u32) -> Result<(), Error> {
        let (size, limit) = (body.len(), limit as usize);
        if size > limit {
            return Err(Error::TooLarge {
                peer: self.peer.clone(),
                size,
                limit,
            });
        }
        Ok(())
    }

    /// Notes why the connection ended, and returns the streams of which messages may be lost.
    /// Nothing is sent from here on.
    pub(crate) fn mark(&self, fault: Fault) -> Vec<u64> {
        let _ = self.fault.set(fault.clone());
        self.outbox.end(fault);
        let mut streams = lock(&self.streams);
        streams.ended = true;
        let unsure = streams
            .windows
            .iter()
            .filter(|(_, window)| !window.is_idle());
        unsure.map(|(stream, _)| *stream).collect()
    }

    /// Fails all that is under way, once it is [marked](Self::mark).
    pub(crate) fn fail(&self) {
        self.requests.close();
        self.messages.close();
        for window in lock(&self.streams).windows.values() {
            window.close();
        }
        lock(&self.pending).waiting.clear();
    }

    fn lost(&self) -> Error {
        self.ended(|peer, reason| Error::Lost { peer, reason })
    }

    fn not_sent(&self) -> Error {
        self.ended(|peer, reason| Error::NotSent { peer, reason })
    }

    fn ended(&self, error: impl FnOnce(PeerId, String) -> Error) -> Error {
        match self.fault.get() {
            Some(Fault::Closed) => Error::Closed,
            fault => error(
                self.peer.clone(),
                fault.unwrap_or(&Fault::Ended).to_string(),
            ),
        }
    }

    /// Reads answers and credit until the connection ends.
    pub(crate) async fn read<R>(self: Arc<Self>, mut from: FrameReader<R>, ours: Limits) -> Fault
    where
        R: AsyncRead + Unpin,
    {
        let mut ledger = Ledger::new(ours.requests());
        let mut answers = Parts::default();
        loop {
            if let Err(fault) = self
                .read_one(&mut from, ours, &mut ledger, &mut answers)
                .await
            {
                return fault;
            }
        }
    }

    async fn read_one<R: AsyncRead + Unpin>(
        &self,
        from: &mut FrameReader<R>,
        ours: Limits,
        ledger: &mut Ledger,
        answers: &mut Parts,
    ) -> Result<(), Fault> {
        let header = from.header().await?;
        match header.kind {
            Kind::Alive => Ok(()),
            Kind::Answer | Kind::Failure => {
                let open = |size| {
                    if size > ours.request as usize || header.id >= lock(&self.pending).next {
                        return Err(Fault::Violation("an answer to nothing, or too large"));
                    }
                    ledger.open(size)
                };
                if let Some(body) = answers.read(header, from, open).await? {
                    let size = body.len();
                    self.answered(header.id, header.kind, body);
                    if let Some(credit) = ledger.release(size) {
                        self.outbox.control(Kind::AnswerCredit, 0, credit);
                    }
                }
                Ok(())
            }
            Kind::RequestCredit => self.requests.give_back(header.total),
            Kind::MessageCredit => self.messages.give_back(header.total),
            Kind::StreamCredit => match lock(&self.streams).windows.get(&header.id) {
                Some(window) => window.give_back(header.total),
                None => Err(Fault::Violation(
                    "credit for a stream that nothing was sent of",
                )),
            },
            _ => Err(Fault::Violation("a frame that only who dialed may send")),
        }
    }

    /// Hands out an answer, if it still is waited for.
    fn answered(&self, id: u64, kind: Kind, body: Bytes) {
        let Some(waiting) = lock(&self.pending).waiting.remove(&id) else {
            return;
        };
        let answer = match kind {
            Kind::Failure => Err(String::from_utf8_lossy(&body).into_owned()),
            _ => Ok(body),
        };
        // Fails when the caller gave up just now.
        let _ = waiting.send(answer);
    }
}

/// A request that is under way.
struct Request<'a> {
    of: &'a Outgoing,
    id: u64,
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        if lock(&self.of.pending).waiting.remove(&self.id).is_some() {
            self.of.outbox.cancel(self.id);
        }
    }
}
