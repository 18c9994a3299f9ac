//! One wait for one lock.

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::mutex::{Kit, Mutex};
use super::table::Slot;
use super::{Deadlock, Mode, Party};

/// A place in the queue of a key. Its state changes only under the mutex of the key's
/// shard; its own mutex lets the waiting call look without that one.
pub(super) struct Waiter<K: Kit> {
    pub slot: Slot,
    pub party: Arc<Party>,
    pub mode: Mode,
    state: K::Mutex<State>,
}

enum State {
    Queued(Option<Waker>),
    Settled(Result<(), Deadlock>),
}

impl<K: Kit> Waiter<K> {
    pub fn new(slot: Slot, party: Arc<Party>, mode: Mode) -> Arc<Self> {
        let state = K::Mutex::new(State::Queued(None));
        Arc::new(Self {
            slot,
            party,
            mode,
            state,
        })
    }

    /// What became of the wait. While it lasts, the context's waker is kept.
    pub fn poll(&self, context: &mut Context<'_>) -> Poll<Result<(), Deadlock>> {
        match &mut *self.state.lock() {
            State::Settled(verdict) => Poll::Ready(verdict.clone()),
            State::Queued(waker) => {
                match waker {
                    Some(waker) => waker.clone_from(context.waker()),
                    None => *waker = Some(context.waker().clone()),
                }
                Poll::Pending
            }
        }
    }

    /// Whether the wait ended with the lock.
    pub fn was_granted(&self) -> bool {
        matches!(*self.state.lock(), State::Settled(Ok(())))
    }

    /// Ends the wait. The waker, if any, is the caller's to wake once it holds no mutex.
    pub fn settle(&self, verdict: Result<(), Deadlock>) -> Option<Waker> {
        match mem::replace(&mut *self.state.lock(), State::Settled(verdict)) {
            State::Queued(waker) => waker,
            State::Settled(_) => None,
        }
    }
}
