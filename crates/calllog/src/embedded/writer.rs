//! The one thread that writes, and the queue to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::database::Database;
use super::fault::{Fault, is_stale};
use super::tables::Tables;
use crate::{Error, Result};

/// Most writes in one commit, and in the queue.
const BATCH_WRITES: usize = 1_024;

/// A commit takes no further writes once it has this much.
const BATCH_BYTES: usize = 16 << 20;

/// Most bytes in the queue and the commit under way together; a single larger write
/// waits until nothing else is there.
const QUEUE_BYTES: u32 = 64 << 20;

/// What a write takes beside its own bytes.
const WRITE_OVERHEAD: usize = 512;

pub(super) struct Writer {
    // Fields are dropped in this order: the thread ends when the queue has no sender.
    queue: mpsc::Sender<Message>,
    room: Arc<Semaphore>,
    commits: Arc<AtomicU64>,
    _thread: Joined,
}

enum Message {
    Write(Queued),
    Close(oneshot::Sender<()>),
}

struct Queued {
    bytes: usize,
    job: Box<dyn Job>,
    _room: OwnedSemaphorePermit,
}

/// A write that somebody waits for.
trait Job: Send {
    /// Makes the change; an error means that the transaction is lost.
    fn apply(&mut self, tables: &mut Tables<'_>) -> std::result::Result<(), redb::Error>;
    /// Tells the one who waits how the transaction ended.
    fn settle(self: Box<Self>, committed: Result<()>);
}

struct Change<F, T> {
    change: F,
    answer: Option<Result<T>>,
    waiting: oneshot::Sender<Result<T>>,
}

impl<F, T> Job for Change<F, T>
where
    F: FnMut(&mut Tables<'_>) -> std::result::Result<T, Fault> + Send,
    T: Send,
{
    fn apply(&mut self, tables: &mut Tables<'_>) -> std::result::Result<(), redb::Error> {
        self.answer = Some(match (self.change)(tables) {
            Ok(answer) => Ok(answer),
            Err(Fault::Refused(error)) => Err(error),
            Err(Fault::Database(error)) => return Err(error),
        });
        Ok(())
    }

    fn settle(self: Box<Self>, committed: Result<()>) {
        let Change {
            answer, waiting, ..
        } = *self;
        let answer = committed.and_then(|()| answer.unwrap_or(Err(Error::Closed)));
        // Nobody waits any more when the future was dropped.
        let _ = waiting.send(answer);
    }
}

impl Writer {
    pub(super) fn start(database: Arc<Database>) -> Result<Self> {
        let (queue, receiver) = mpsc::channel(BATCH_WRITES);
        let commits = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&commits);
        let thread = std::thread::Builder::new()
            .name("faasm-calllog".into())
            .spawn(move || work(&database, receiver, &counter))?;
        Ok(Self {
            queue,
            room: Arc::new(Semaphore::new(QUEUE_BYTES as usize)),
            commits,
            _thread: Joined(Some(thread)),
        })
    }

    /// Has `change` made and committed. `bytes` is about what it writes.
    pub(super) async fn write<T, F>(&self, bytes: usize, change: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Tables<'_>) -> std::result::Result<T, Fault> + Send + 'static,
    {
        let bytes = bytes.saturating_add(WRITE_OVERHEAD);
        let share = u32::try_from(bytes).unwrap_or(u32::MAX).min(QUEUE_BYTES);
        let room = Arc::clone(&self.room).acquire_many_owned(share).await;
        let (waiting, answer) = oneshot::channel();
        let job = Box::new(Change {
            change,
            answer: None,
            waiting,
        });
        let queued = Queued {
            bytes,
            job,
            _room: room.map_err(|_| Error::Closed)?,
        };
        let sent = self.queue.send(Message::Write(queued)).await;
        sent.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }

    pub(super) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        // An error of either kind says that the thread has ended.
        if self.queue.send(Message::Close(done)).await.is_ok() {
            let _ = closed.await;
        }
    }

    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }
}

/// A thread that is waited for.
struct Joined(Option<JoinHandle<()>>);

impl Drop for Joined {
    fn drop(&mut self) {
        if let Some(Err(_)) = self.0.take().map(JoinHandle::join) {
            tracing::error!("the writer of the call log panicked");
        }
    }
}

fn work(database: &Database, mut queue: mpsc::Receiver<Message>, commits: &AtomicU64) {
    let mut closing = None;
    while closing.is_none()
        && let Some(first) = queue.blocking_recv()
    {
        let batch = collect(first, &mut queue, &mut closing);
        if !batch.is_empty() {
            commit(database, batch, commits);
        }
    }
    // Whoever still waits in the queue is told that the log is closed.
    drop(queue);
    database.close();
    if let Some(done) = closing {
        let _ = done.send(());
    }
}

/// Takes what is queued, up to the size of a commit or to a wish to close.
fn collect(
    first: Message,
    queue: &mut mpsc::Receiver<Message>,
    closing: &mut Option<oneshot::Sender<()>>,
) -> Vec<Queued> {
    let mut batch = Vec::new();
    let mut bytes = 0;
    let mut next = Some(first);
    while let Some(message) = next {
        match message {
            Message::Close(done) => {
                *closing = Some(done);
                break;
            }
            Message::Write(write) => {
                bytes += write.bytes;
                batch.push(write);
            }
        }
        if batch.len() >= BATCH_WRITES || bytes >= BATCH_BYTES {
            break;
        }
        next = queue.try_recv().ok();
    }
    batch
}

fn commit(database: &Database, mut batch: Vec<Queued>, commits: &AtomicU64) {
    let committed = match try_commit(database, &mut batch) {
        Ok(()) => {
            commits.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
        Err(Fault::Refused(error)) => Err(error),
        Err(Fault::Database(error)) => {
            let error = Error::from(error);
            tracing::error!(%error, writes = batch.len(), "a commit of the call log failed");
            // At once, since readers cannot read before that either.
            if let Err(error) = database.reopen() {
                tracing::error!(%error, "the call log cannot be opened again");
            }
            Err(error)
        }
    };
    for write in batch {
        write.job.settle(committed.clone());
    }
}

fn try_commit(database: &Database, batch: &mut [Queued]) -> std::result::Result<(), Fault> {
    let txn = match database.begin_write() {
        Err(Fault::Database(error)) if is_stale(&error) => {
            database.reopen()?;
            database.begin_write()?
        }
        begun => begun?,
    };
    let mut tables = Tables::open(&txn)?;
    for write in batch {
        write.job.apply(&mut tables).map_err(Fault::Database)?;
    }
    drop(tables);
    txn.commit().map_err(|error| Fault::Database(error.into()))
}
