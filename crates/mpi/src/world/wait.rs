//! Waiting for other ranks.

use std::cell::Cell;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Instant;

use super::{Seat, Shared};
use crate::error::Stop;
use crate::memory::Memory;

/// How often a rank looks before other tasks are given the thread, if it was the last to wait there.
const LOOKS: u32 = 64;

thread_local! {
    /// The rank that has looked or fallen asleep last on this thread, by the address of its seat.
    static LOOKED: Cell<usize> = const { Cell::new(0) };
}

/// Whether the rank of this seat was the last to wait on this thread: others that are to run
/// here are not held up.
fn is_still_here<M>(seat: &Seat<M>) -> bool {
    LOOKED.get() == std::ptr::from_ref(seat).addr()
}

/// Now it is the last.
fn is_here<M>(seat: &Seat<M>) {
    LOOKED.set(std::ptr::from_ref(seat).addr());
}

/// Ends when something has happened after `seen`, or when the world ends.
pub(crate) struct Wait<'a, M: Memory> {
    world: &'a Shared<M>,
    rank: u32,
    seen: u64,
    phase: Phase,
}

enum Phase {
    New,
    /// Since when, if it has not only begun.
    Looking(Option<Instant>),
    Asleep,
    Over,
}

impl<M: Memory> Shared<M> {
    /// Waits until something has happened to `rank` after it has `seen` all before.
    pub(crate) fn wait(&self, rank: u32, seen: u64) -> Wait<'_, M> {
        Wait {
            world: self,
            rank,
            seen,
            phase: Phase::New,
        }
    }

    /// Looks for a moment before it is made known that `rank` waits: what another thread is about
    /// to send is mostly there by then, and nobody has to be told. Whether something has happened
    /// after it has `seen` all before.
    pub(crate) fn glance(&self, rank: u32, seen: u64) -> bool {
        let seat = self.seat(rank);
        is_still_here(seat)
            && self.may_look()
            && (0..LOOKS).any(|_| {
                std::hint::spin_loop();
                seat.word.seen() != seen
            })
    }

    /// Whether there is a thread for one more rank that only looks.
    fn may_look(&self) -> bool {
        let running =
            self.counts.live.load(Ordering::Relaxed) - self.counts.waiting.load(Ordering::Relaxed);
        let looking = self.counts.looking.load(Ordering::Relaxed);
        usize::try_from(running).unwrap_or(0) + looking <= self.options.threads
    }
}

impl<M: Memory> Wait<'_, M> {
    fn is_over(&self) -> bool {
        self.world.seat(self.rank).word.is_awake()
    }

    fn begin(&mut self) -> bool {
        if !self.world.seat(self.rank).word.begin(self.seen) {
            return false;
        }
        self.phase = Phase::Looking(None);
        self.world.counts.looking.fetch_add(1, Ordering::Relaxed);
        let waiting = self.world.counts.waiting.fetch_add(1, Ordering::SeqCst) + 1;
        if waiting >= self.world.counts.live.load(Ordering::SeqCst) {
            self.world.look_for_deadlock();
        }
        true
    }

    /// Looks, for longer if nobody else did so on this thread in between; whether it is over.
    fn look(&self) -> bool {
        let seat = self.world.seat(self.rank);
        let looks = if is_still_here(seat) { LOOKS } else { 1 };
        is_here(seat);
        (0..looks).any(|_| {
            std::hint::spin_loop();
            self.is_over()
        })
    }

    /// `false` if something has happened just now.
    fn fall_asleep(&mut self, context: &Context<'_>) -> bool {
        let seat = self.world.seat(self.rank);
        is_here(seat);
        seat.waker.register(context.waker());
        if !seat.word.sleep(self.seen) {
            return false;
        }
        self.world.counts.looking.fetch_sub(1, Ordering::Relaxed);
        self.phase = Phase::Asleep;
        true
    }

    fn end(&mut self) -> Poll<Result<(), Stop>> {
        if let Phase::Looking(_) = std::mem::replace(&mut self.phase, Phase::Over) {
            self.world.counts.looking.fetch_sub(1, Ordering::Relaxed);
        }
        Poll::Ready(self.world.check())
    }
}

impl<M: Memory> Future for Wait<'_, M> {
    type Output = Result<(), Stop>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let wait = &mut *self;
        if matches!(wait.phase, Phase::New) && !wait.begin() {
            return wait.end();
        }
        let since = match wait.phase {
            Phase::Looking(since) => since,
            _ if wait.is_over() => return wait.end(),
            _ => {
                let seat = wait.world.seat(wait.rank);
                seat.waker.register(context.waker());
                // Or whoever came just before would have woken the former one.
                return match wait.is_over() {
                    true => wait.end(),
                    false => Poll::Pending,
                };
            }
        };
        let is_early = since.is_none_or(|since| since.elapsed() < wait.world.options.spin);
        if is_early && wait.world.may_look() {
            wait.phase = Phase::Looking(since.or_else(|| Some(Instant::now())));
            if wait.look() {
                return wait.end();
            }
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        match wait.fall_asleep(context) {
            true => Poll::Pending,
            false => wait.end(),
        }
    }
}

impl<M: Memory> Drop for Wait<'_, M> {
    fn drop(&mut self) {
        match self.phase {
            Phase::New | Phase::Over => return,
            Phase::Looking(_) => {
                self.world.counts.looking.fetch_sub(1, Ordering::Relaxed);
            }
            Phase::Asleep => {}
        }
        if self.world.seat(self.rank).word.give_up() {
            self.world.counts.waiting.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// Lets the other tasks of this thread run.
pub(crate) async fn step_aside() {
    let mut stepped = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut stepped, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
