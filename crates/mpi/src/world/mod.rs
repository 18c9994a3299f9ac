//! A world: the ranks that can send to each other, and what they share.

mod deadlock;
mod seat;
pub(crate) mod wait;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicIsize, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use faasm_budget::MemoryBudget;
use futures::FutureExt;
use futures::channel::oneshot;
use futures::future;

use crate::collective::{Key, Stage};
use crate::comm::Group;
use crate::error::{Aborted, Stop};
use crate::held::Account;
use crate::memory::{BadAddress, Memory};
use crate::part::{Part, Placement};
use crate::remote::Remote;
use crate::sync::lock;

pub(crate) use deadlock::{communicator, deadlock};
pub(crate) use seat::{Doing, Seat, Target};

/// What a world is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Threads that run ranks. As long as no more ranks than this have something to do, one that
    /// waits keeps looking for a while, which is faster than being woken.
    pub threads: usize,
    /// How long a rank keeps looking before it sleeps.
    pub spin: Duration,
    /// Largest message in bytes that is put down with its receiver at once. Larger ones are
    /// copied from memory to memory.
    pub eager_bytes: usize,
    /// How much may be put down with a receiver that has not asked for it yet, in bytes. Beyond
    /// that senders wait for their receives.
    pub buffered_bytes: usize,
    /// How many communicators, groups, types, requests and so on a rank may have of each kind;
    /// 65,536 at most.
    pub handles: usize,
    /// Most bytes that are kept for a rank: what its handles stand for, and messages.
    pub held_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            spin: Duration::from_micros(300),
            eager_bytes: 4096,
            buffered_bytes: 4 << 20,
            handles: 1 << 14,
            held_bytes: 64 << 20,
        }
    }
}

/// The ranks of `MPI_COMM_WORLD` and what they share. Cheap to clone.
pub struct World<M>(pub(crate) Arc<Shared<M>>);

impl<M> Clone for World<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

pub(crate) struct Shared<M> {
    /// Those of the ranks that are here.
    pub(crate) seats: Box<[Seat<M>]>,
    /// Where the others are, if not all are here.
    pub(crate) remote: Option<Remote>,
    placement: Placement,
    /// The ranks that are here.
    here: Range<u32>,
    pub(crate) options: Options,
    pub(crate) started: Instant,
    counts: Counts,
    /// The next number for a communicator.
    contexts: AtomicU64,
    /// Where the ranks of `MPI_COMM_WORLD` meet.
    pub(crate) stage: Arc<Stage>,
    /// Where groups meet that create a communicator without the rest of theirs.
    pub(crate) meetings: Mutex<Meetings>,
    aborted: OnceLock<Arc<Aborted>>,
    /// Dropped when the world is aborted.
    end: Mutex<Option<oneshot::Sender<()>>>,
    ended: future::Shared<oneshot::Receiver<()>>,
}

/// How many ranks do what. On cache lines of their own: they change all the time, and what is beside
/// them is read as often.
#[repr(align(128))]
struct Counts {
    /// Ranks that have neither finalized nor left.
    live: AtomicIsize,
    /// Live ranks that wait for others.
    waiting: AtomicIsize,
    /// Ranks among those that keep looking.
    looking: AtomicUsize,
}

/// Stages of groups that make a communicator.
pub(crate) type Meetings = HashMap<Key, Arc<Stage>>;

/// The number of `MPI_COMM_WORLD`; `MPI_COMM_SELF` of rank r is `1 + r`.
pub(crate) const WORLD_CONTEXT: u64 = 0;

/// Every part has numbers of its own for communicators. They take longer to use up than any call may
/// last.
const CONTEXTS: u64 = 1 << 40;

fn first_context(part: usize, size: u32) -> u64 {
    part as u64 * CONTEXTS + 1 + u64::from(size)
}

impl<M: Memory> World<M> {
    pub(crate) fn with_size(size: u32, options: Options, budget: &MemoryBudget) -> Self {
        Self::new(Placement::whole(size), None, options, budget)
    }

    /// One part of a world.
    pub(crate) fn with_part(part: Part, options: Options, budget: &MemoryBudget) -> Self {
        let placement = part.placement.clone();
        let remote = (placement.parts() > 1).then(|| Remote::new(part, &options, budget));
        Self::new(placement, remote, options, budget)
    }

    fn new(
        placement: Placement,
        remote: Option<Remote>,
        options: Options,
        budget: &MemoryBudget,
    ) -> Self {
        let own = remote.as_ref().map_or(0, Remote::own);
        let (size, here) = (placement.size(), placement.ranks(own));
        let account = || Account::new(options.held_bytes, budget);
        let (end, ended) = oneshot::channel();
        let all: Group = (0..size).collect();
        Self(Arc::new(Shared {
            seats: here.clone().map(|_| Seat::new(account())).collect(),
            stage: Arc::new(Stage::new(Key::Comm(WORLD_CONTEXT), &all, &placement, own)),
            remote,
            placement,
            options,
            started: Instant::now(),
            counts: Counts {
                live: AtomicIsize::new(here.len() as isize),
                waiting: AtomicIsize::new(0),
                looking: AtomicUsize::new(0),
            },
            here,
            contexts: AtomicU64::new(first_context(own, size)),
            meetings: Mutex::default(),
            aborted: OnceLock::new(),
            end: Mutex::new(Some(end)),
            ended: ended.shared(),
        }))
    }

    /// How many ranks the world has.
    #[must_use]
    pub fn size(&self) -> u32 {
        self.0.size()
    }

    /// Ends the world: all that its ranks wait for and all that they call from now on says so.
    /// Only the first reason counts.
    pub fn abort(&self, reason: Aborted) {
        self.0.abort(reason);
    }

    /// Waits for the world to be ended: for those who wait for something else than other ranks.
    pub fn ended(&self) -> impl Future<Output = ()> + Send + use<M> {
        self.0.ended.clone().map(drop)
    }

    /// Why the world has ended, if it has.
    #[must_use]
    pub fn aborted(&self) -> Option<Arc<Aborted>> {
        self.0.aborted.get().cloned()
    }
}

impl<M: Memory> Shared<M> {
    pub(crate) fn size(&self) -> u32 {
        self.placement.size()
    }

    /// The ranks that are here.
    pub(crate) fn here(&self) -> Range<u32> {
        self.here.clone()
    }

    /// Which part of the world this is.
    pub(crate) fn own_part(&self) -> usize {
        self.remote.as_ref().map_or(0, Remote::own)
    }

    /// The part that a rank is in, if it is not this.
    pub(crate) fn remote_of(&self, rank: u32) -> Option<(&Remote, usize)> {
        let remote = self.remote.as_ref()?;
        (!self.here.contains(&rank)).then(|| (remote, self.placement.part_of(rank)))
    }

    /// What the others see of a rank that is here.
    pub(crate) fn seat(&self, rank: u32) -> &Seat<M> {
        &self.seats[(rank - self.here.start) as usize]
    }

    /// Where ranks of a new communicator meet.
    pub(crate) fn new_stage(&self, key: Key, group: &Group) -> Arc<Stage> {
        Arc::new(Stage::new(key, group, &self.placement, self.own_part()))
    }

    /// So many numbers for communicators, that nobody else has in any part: the first of them.
    pub(crate) fn new_contexts(&self, count: usize) -> u64 {
        self.contexts.fetch_add(count as u64, Ordering::Relaxed)
    }

    pub(crate) fn abort(&self, reason: Aborted) {
        let reason = Arc::new(reason);
        if self.end_here(Arc::clone(&reason))
            && let Some(remote) = &self.remote
        {
            remote.tell_of_end(&reason);
        }
    }

    /// Ends the world for the buffer that a rank has for something.
    pub(crate) fn blame(&self, rank: u32, what: &str, error: &BadAddress) {
        self.abort(Aborted {
            by: Some(rank),
            code: None,
            reason: format!("rank {rank}: the buffer of a {what}: {error}"),
        });
    }

    /// Ends the world by nobody in particular.
    pub(crate) fn break_off(&self, reason: String) {
        self.abort(Aborted {
            by: None,
            code: None,
            reason,
        });
    }

    /// Ends the world in this part. `false` if it has ended before.
    pub(crate) fn end_here(&self, reason: Arc<Aborted>) -> bool {
        let is_first = self.aborted.set(reason).is_ok();
        if is_first {
            drop(lock(&self.end).take());
            for rank in self.here() {
                self.notify(rank);
            }
        }
        is_first
    }

    /// Whether the world goes on.
    pub(crate) fn check(&self) -> Result<(), Stop> {
        match self.aborted.get() {
            None => Ok(()),
            Some(aborted) => Err(Stop::Aborted(Arc::clone(aborted))),
        }
    }

    /// A rank has nothing more to do with the others. `how` it went, for those who wait for it.
    pub(crate) fn leave(&self, rank: u32, how: &'static str) {
        *lock(&self.seat(rank).doing) = Doing::Left(how);
        self.counts.live.fetch_sub(1, Ordering::SeqCst);
        self.look_for_deadlock();
    }

    /// Something has happened that a rank may wait for.
    pub(crate) fn notify(&self, rank: u32) {
        let seat = self.seat(rank);
        let Some(slept) = seat.word.notify() else {
            return;
        };
        self.counts.waiting.fetch_sub(1, Ordering::SeqCst);
        if slept {
            seat.waker.wake();
        }
    }
}
