//! Waiting for other ranks, but no longer than the call may live.

use std::pin::Pin;
use std::task::Poll;

use tokio::time::{Sleep, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::faaslet::{Faaslet, TurnSlot, release};

/// Tells when a call must end. One for all that it waits for, since it waits often.
pub(super) struct Watch {
    cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
    deadline: Pin<Box<Sleep>>,
}

/// A [`Watch`] of something, with the call's turn at the processor.
pub(super) struct Watching {
    watch: Watch,
    turn: TurnSlot,
}

/// Why waiting has ended without what was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interrupted {
    Cancelled,
    OutOfTime,
}

impl Watch {
    fn new(cancel: &CancellationToken, faaslet: &Faaslet) -> Self {
        Self {
            cancelled: Box::pin(cancel.clone().cancelled_owned()),
            deadline: Box::pin(sleep_until(faaslet.clock.deadline.into())),
        }
    }

    /// The one of this call.
    pub(super) fn of(faaslet: &mut Faaslet) -> Watching {
        let kept = faaslet.mpi().watch.take();
        Watching {
            watch: kept.unwrap_or_else(|| Self::new(&faaslet.call.cancel, faaslet)),
            turn: faaslet.clock.turn(),
        }
    }
}

impl Watching {
    /// Waits for `event`, without holding a turn. Pinned by the caller: what an async function is
    /// given it keeps twice, and every call of MPI would be as much slower.
    pub(super) async fn over<T>(
        mut self,
        mut event: Pin<&mut impl Future<Output = T>>,
    ) -> (Watch, Result<T, Interrupted>) {
        let ended = std::future::poll_fn(|context| {
            if let Poll::Ready(result) = event.as_mut().poll(context) {
                return Poll::Ready(Ok(result));
            }
            // Also one that a function has got which MPI has called.
            release(&self.turn);
            if self.watch.cancelled.as_mut().poll(context).is_ready() {
                return Poll::Ready(Err(Interrupted::Cancelled));
            }
            let deadline = self.watch.deadline.as_mut().poll(context);
            deadline.map(|()| Err(Interrupted::OutOfTime))
        })
        .await;
        (self.watch, ended)
    }
}
