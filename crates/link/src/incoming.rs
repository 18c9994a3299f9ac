//! The connection from a peer, over which its requests and messages come.

use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::FutureExt;
use tokio::io::AsyncRead;
use tokio::task::{AbortHandle, JoinSet};

use crate::Service;
use crate::error::Fault;
use crate::frame::Kind;
use crate::inbox::Inbox;
use crate::options::Limits;
use crate::outbox::Outbox;
use crate::peer::PeerId;
use crate::reader::{FrameReader, Parts};
use crate::sync::lock;
use crate::window::{Ledger, Window};

/// The requests that are being answered, with their sizes.
struct Requests {
    ledger: Ledger,
    running: HashMap<u64, (AbortHandle, usize)>,
}

/// A connection that a peer dialed.
pub(crate) struct Incoming {
    from: PeerId,
    service: Arc<dyn Service>,
    ours: Limits,
    theirs: Limits,
    outbox: Arc<Outbox>,
    answers: Window,
    requests: Mutex<Requests>,
    inbox: Inbox,
    /// What the service does for this connection.
    tasks: Mutex<JoinSet<()>>,
}

impl Incoming {
    pub(crate) fn new(
        from: PeerId,
        service: Arc<dyn Service>,
        ours: Limits,
        theirs: Limits,
        outbox: Arc<Outbox>,
    ) -> Self {
        let requests = Requests {
            ledger: Ledger::new(ours.requests()),
            running: HashMap::new(),
        };
        Self {
            from,
            service,
            ours,
            theirs,
            answers: Window::new(theirs.requests()),
            requests: Mutex::new(requests),
            inbox: Inbox::new(ours, Arc::clone(&outbox)),
            outbox,
            tasks: Mutex::default(),
        }
    }

    /// Reads requests and messages until the connection ends.
    pub(crate) async fn read<R>(self: Arc<Self>, mut from: FrameReader<R>) -> Fault
    where
        R: AsyncRead + Unpin,
    {
        let (mut requests, mut messages) = (Parts::default(), Parts::default());
        loop {
            let read = self.read_one(&mut from, &mut requests, &mut messages).await;
            if let Err(fault) = read {
                return fault;
            }
        }
    }

    async fn read_one<R: AsyncRead + Unpin>(
        self: &Arc<Self>,
        from: &mut FrameReader<R>,
        requests: &mut Parts,
        messages: &mut Parts,
    ) -> Result<(), Fault> {
        let header = from.header().await?;
        match header.kind {
            Kind::Alive => Ok(()),
            Kind::Request => {
                let open = |size| self.open_request(header.id, size);
                if let Some(body) = requests.read(header, from, open).await? {
                    self.start(header.id, body);
                }
                Ok(())
            }
            Kind::Cancel => {
                match requests.forget(header.id) {
                    Some(size) => self.release(&mut lock(&self.requests), size),
                    None => self.stop(header.id),
                }
                Ok(())
            }
            Kind::Message => {
                let open = |size| self.inbox.open(header.id, size);
                if let Some(body) = messages.read(header, from, open).await? {
                    self.take(header.id, body);
                }
                Ok(())
            }
            Kind::AnswerCredit => self.answers.give_back(header.total),
            _ => Err(Fault::Violation(
                "a frame that only who was dialed may send",
            )),
        }
    }

    fn open_request(&self, id: u64, size: usize) -> Result<(), Fault> {
        let mut requests = lock(&self.requests);
        if size > self.ours.request as usize || requests.running.contains_key(&id) {
            return Err(Fault::Violation(
                "a request that came before, or is too large",
            ));
        }
        requests.ledger.open(size)
    }

    fn start(self: &Arc<Self>, id: u64, body: Bytes) {
        let size = body.len();
        let this = Arc::clone(self);
        // Under the lock, so that the task does not end before it is known.
        let mut requests = lock(&self.requests);
        let task = self.spawn(async move { this.answer(id, body).await });
        requests.running.insert(id, (task, size));
    }

    async fn answer(&self, id: u64, body: Bytes) {
        let limit = self.theirs.request as usize;
        let answer = guarded(async { self.service.request(&self.from, body).await }).await;
        let (kind, body) = match answer {
            Some(Ok(body)) if body.len() <= limit => (Kind::Answer, body),
            Some(Ok(body)) => {
                let size = body.len();
                let why = format!("the answer of {size} bytes is larger than the {limit} allowed");
                (Kind::Failure, why.into())
            }
            Some(Err(mut why)) => {
                why.truncate(why.floor_char_boundary(limit));
                (Kind::Failure, why.into())
            }
            None => (Kind::Failure, Bytes::from_static(b"a fault of the server")),
        };
        if let Ok(room) = self.answers.take(body.len()).await
            && self.outbox.body(kind, id, body).is_ok()
        {
            room.used();
        }
        let mut requests = lock(&self.requests);
        if let Some((_, size)) = requests.running.remove(&id) {
            self.release(&mut requests, size);
        }
    }

    /// Stops a request that is being answered, if it still is.
    fn stop(&self, id: u64) {
        let mut requests = lock(&self.requests);
        if let Some((task, size)) = requests.running.remove(&id) {
            task.abort();
            self.release(&mut requests, size);
        }
    }

    fn release(&self, requests: &mut Requests, size: usize) {
        if let Some(credit) = requests.ledger.release(size) {
            self.outbox.control(Kind::RequestCredit, 0, credit);
        }
    }

    /// Takes a message: at once if it is its turn and the service is quick.
    fn take(self: &Arc<Self>, stream: u64, body: Bytes) {
        let Some(body) = self.inbox.queue(stream, body) else {
            return;
        };
        let mut taking = self.service.message(&self.from, stream, body);
        if (&mut taking).now_or_never().is_some() {
            // Nothing else of the stream waits: this task alone queues.
            self.inbox.next(stream);
            return;
        }
        let this = Arc::clone(self);
        self.spawn(async move {
            let rest = async {
                taking.await;
                while let Some(body) = this.inbox.next(stream) {
                    this.service.message(&this.from, stream, body).await;
                }
            };
            if guarded(rest).await.is_none() {
                this.outbox.end(Fault::Panicked);
            }
        });
    }

    /// Gives credit for streams that are done with what came.
    pub(crate) fn tidy(&self) {
        self.inbox.tidy();
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task)
    }

    /// Stops what the service does for this connection, and waits until it has stopped. The
    /// reader must have ended.
    pub(crate) async fn end(&self) {
        let mut tasks = std::mem::take(&mut *lock(&self.tasks));
        tasks.shutdown().await;
    }
}

/// What a future returns, unless it panics.
async fn guarded<T>(future: impl Future<Output = T>) -> Option<T> {
    AssertUnwindSafe(future).catch_unwind().await.ok()
}
