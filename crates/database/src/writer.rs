//! The one thread that writes, and the queue to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::fault::guarded;
use crate::file::DatabaseFile;
use crate::job::{Change, Job};
use crate::{Error, Fault, Schema};

/// Most writes in one commit, and in the queue.
const BATCH_WRITES: usize = 1_024;

/// A commit takes no further writes once it has this much.
const BATCH_BYTES: usize = 16 << 20;

/// Most bytes in the queue and the commit under way together; a single larger write
/// waits until nothing else is there.
const QUEUE_BYTES: u32 = 64 << 20;

/// What a write takes beside its own bytes.
const WRITE_OVERHEAD: usize = 512;

pub(crate) struct Writer<S: Schema> {
    // Fields are dropped in this order: the thread ends when the queue has no sender.
    queue: mpsc::Sender<Message<S>>,
    room: Arc<Semaphore>,
    commits: Arc<AtomicU64>,
    _thread: Joined,
}

enum Message<S> {
    Write(Queued<S>),
    /// Somebody waits until all before it has ended.
    Settle(oneshot::Sender<()>),
    /// There may be chores.
    Wake,
    Close(oneshot::Sender<()>),
}

struct Queued<S> {
    bytes: usize,
    job: Box<dyn Job<S>>,
    _room: OwnedSemaphorePermit,
}

/// Makes the writing thread look for chores, as long as there is one.
pub struct Waker<S: Schema>(mpsc::WeakSender<Message<S>>);

impl<S: Schema> Waker<S> {
    /// Wakes the thread if it sleeps.
    pub fn wake(&self) {
        if let Some(queue) = self.0.upgrade() {
            // With a full queue it does not sleep, and looks by itself.
            let _ = queue.try_send(Message::Wake);
        }
    }
}

impl<S: Schema> Writer<S> {
    pub(crate) fn start(file: Arc<DatabaseFile<S>>, schema: S) -> Result<Self, Error> {
        let (queue, receiver) = mpsc::channel(BATCH_WRITES);
        let commits = Arc::new(AtomicU64::new(0));
        let worker = Worker {
            file,
            schema,
            commits: Arc::clone(&commits),
            chores_failed: false,
        };
        let thread = std::thread::Builder::new()
            .name(S::FILE_NAME.into())
            .spawn(move || worker.run(receiver))?;
        Ok(Self {
            queue,
            room: Arc::new(Semaphore::new(QUEUE_BYTES as usize)),
            commits,
            _thread: Joined(Some(thread)),
        })
    }

    pub(crate) async fn write<T, E, F>(&self, bytes: usize, change: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnMut(&mut S::Tables<'_>) -> Result<T, Fault<E>> + Send + 'static,
    {
        let bytes = bytes.saturating_add(WRITE_OVERHEAD);
        let share = u32::try_from(bytes).unwrap_or(u32::MAX).min(QUEUE_BYTES);
        let room = Arc::clone(&self.room).acquire_many_owned(share).await;
        let (change, answer) = Change::new(change);
        let queued = Queued {
            bytes,
            job: Box::new(change),
            _room: room.map_err(|_| Error::Closed)?,
        };
        let sent = self.queue.send(Message::Write(queued)).await;
        sent.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }

    pub(crate) async fn settled(&self) -> Result<(), Error> {
        self.ask(Message::Settle).await
    }

    pub(crate) async fn close(&self) {
        // An error says that the thread has ended.
        let _ = self.ask(Message::Close).await;
    }

    async fn ask(
        &self,
        message: impl FnOnce(oneshot::Sender<()>) -> Message<S>,
    ) -> Result<(), Error> {
        let (done, answer) = oneshot::channel();
        let sent = self.queue.send(message(done)).await;
        sent.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)
    }

    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    pub(crate) fn waker(&self) -> Waker<S> {
        Waker(self.queue.downgrade())
    }
}

/// A thread that is waited for.
struct Joined(Option<JoinHandle<()>>);

impl Drop for Joined {
    fn drop(&mut self) {
        if let Some(Err(_)) = self.0.take().map(JoinHandle::join) {
            tracing::error!("the writer of a database panicked");
        }
    }
}

/// What the thread has.
struct Worker<S: Schema> {
    file: Arc<DatabaseFile<S>>,
    schema: S,
    commits: Arc<AtomicU64>,
    /// Chores wait for a write that succeeds, lest they take others' writes with them.
    chores_failed: bool,
}

/// What goes into one commit, and who waits for its end.
struct Batch<S> {
    writes: Vec<Queued<S>>,
    waiting: Vec<oneshot::Sender<()>>,
    closing: Option<oneshot::Sender<()>>,
}

impl<S: Schema> Worker<S> {
    fn run(mut self, mut queue: mpsc::Receiver<Message<S>>) {
        let mut closing = None;
        while closing.is_none()
            && let Some(first) = self.next(&mut queue)
        {
            let mut batch = collect(first, &mut queue);
            closing = batch.closing.take();
            self.commit(batch);
        }
        // Whoever still waits in the queue is told that the database is closed.
        drop(queue);
        self.file.close();
        if let Some(done) = closing {
            let _ = done.send(());
        }
    }

    /// The next message; [`Message::Wake`] when there is none but chores.
    fn next(&self, queue: &mut mpsc::Receiver<Message<S>>) -> Option<Message<S>> {
        if !self.has_chores() {
            return queue.blocking_recv();
        }
        match queue.try_recv() {
            Err(TryRecvError::Empty) => Some(Message::Wake),
            received => received.ok(),
        }
    }

    fn has_chores(&self) -> bool {
        !self.chores_failed && self.schema.has_chores()
    }

    fn commit(&mut self, mut batch: Batch<S>) {
        let writes = batch.writes.len();
        let chores = self.has_chores();
        if writes > 0 || chores {
            let committed = guarded(|| self.try_commit(&mut batch.writes, chores));
            self.chores_failed = committed.is_err();
            let committed = committed.map_err(|fault| self.recover(fault, writes));
            for write in batch.writes {
                write.job.settle(committed.clone());
            }
        }
        for waiting in batch.waiting {
            let _ = waiting.send(());
        }
    }

    fn try_commit(&self, writes: &mut [Queued<S>], chores: bool) -> Result<(), Fault<Error>> {
        let txn = match self.file.begin_write() {
            Err(fault) if fault.is_stale() => {
                self.file.reopen()?;
                self.file.begin_write()?
            }
            begun => begun?,
        };
        let mut tables = S::open(&txn)?;
        let changed = chores && self.schema.chore(&mut tables)?;
        for write in &mut *writes {
            write.job.apply(&mut tables).map_err(Fault::Database)?;
        }
        drop(tables);
        if !changed && writes.is_empty() {
            return Ok(txn.abort()?);
        }
        txn.commit()?;
        self.commits.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Makes the database usable after a commit failed, and says why it did.
    fn recover(&self, fault: Fault<Error>, writes: usize) -> Error {
        let error = match fault {
            Fault::Refused(error) => return error,
            Fault::Database(error) => Error::from(error),
        };
        tracing::error!(%error, writes, "a commit of {} failed", S::NAME);
        // At once, since readers cannot read before that either.
        if let Err(error) = self.file.reopen() {
            tracing::error!(%error, "{} cannot be opened again", S::NAME);
        }
        error
    }
}

/// Takes what is queued, up to the size of a commit or to a wish to close.
fn collect<S: Schema>(first: Message<S>, queue: &mut mpsc::Receiver<Message<S>>) -> Batch<S> {
    let mut batch = Batch {
        writes: Vec::new(),
        waiting: Vec::new(),
        closing: None,
    };
    let mut bytes = 0;
    let mut next = Some(first);
    for _ in 0..BATCH_WRITES {
        match next {
            None => break,
            Some(Message::Close(done)) => {
                batch.closing = Some(done);
                break;
            }
            Some(Message::Settle(done)) => batch.waiting.push(done),
            Some(Message::Wake) => {}
            Some(Message::Write(write)) => {
                bytes += write.bytes;
                batch.writes.push(write);
            }
        }
        if bytes >= BATCH_BYTES {
            break;
        }
        next = queue.try_recv().ok();
    }
    batch
}
