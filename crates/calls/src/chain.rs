//! Calls made by calls.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use faasm_faaslet::{Callee, Chain, ChainRefused, Charge, Entry, NoMemory};
use faasm_model::{CallId, FailureKind, FunctionName, Invocation, Outcome, Part, Target};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::admission::{Lent, Permit};
use crate::calls::{Inner, Tracked};
use crate::gang::Seats;
use crate::handover::Entered;
use crate::live::LiveCall;
use crate::waiters::Rank;

/// What a running call has of the others: its permit, and the calls it has made.
pub(crate) struct Scope {
    inner: Arc<Inner>,
    live: Arc<LiveCall>,
    permit: Arc<Permit>,
    children: Mutex<HashMap<CallId, Arc<LiveCall>>>,
}

impl Scope {
    pub(crate) fn new(inner: &Arc<Inner>, live: &Arc<LiveCall>, permit: Arc<Permit>) -> Self {
        Self {
            inner: Arc::clone(inner),
            live: Arc::clone(live),
            permit,
            children: Mutex::default(),
        }
    }

    fn children(&self) -> std::sync::MutexGuard<'_, HashMap<CallId, Arc<LiveCall>>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a lent permit back when dropped: also when the wait is given up, as it is at the
/// caller's deadline.
struct TakenBack(Option<Arc<Lent>>);

impl Drop for TakenBack {
    fn drop(&mut self) {
        if let Some(lent) = &self.0 {
            lent.take_back();
        }
    }
}

impl Chain for Scope {
    fn start(&self, callee: Callee) -> Result<CallId, ChainRefused> {
        let caller = &self.live.invocation;
        let function = match callee.function {
            None => caller.function.clone(),
            Some(function) => FunctionName {
                user: caller.function.user.clone(),
                function,
            },
        };
        let mut charge = self.inner.faaslets.budget().charge();
        if !charge.grow(callee.input.len() as u64) {
            return Err(ChainRefused::NoMemory);
        }
        let part = match (&callee.entry, &callee.target) {
            (Entry::Pointer { pointer, .. }, _) => Some(Part::Pointer(*pointer)),
            (_, Target::Python { entry: Some(entry) }) => Some(Part::PythonEntry(entry.clone())),
            _ => None,
        };
        let invocation = Arc::new(Invocation {
            target: callee.target,
            files: caller.files,
            ..Invocation::new(function, callee.input)
        });
        let id = || self.inner.ids.next().map_err(|_| ChainRefused::NoIds);
        let child = self
            .live
            .chained(id, invocation, part, &self.inner.options)?;
        let id = child.id();
        self.children().insert(id, Arc::clone(&child));
        self.inner.spawn_chained(child, callee.entry, charge);
        Ok(id)
    }

    fn join(&self, id: CallId) -> BoxFuture<'_, Arc<Outcome>> {
        let child = self.children().get(&id).cloned();
        async move {
            let Some(child) = child else {
                let message = format!("call {id} was not made by this one");
                return Arc::new(Outcome::failed(FailureKind::Internal, message));
            };
            if let Some(outcome) = child.outcome() {
                return outcome;
            }
            let _lent = TakenBack(child.borrow(&self.permit));
            let outcome = child.wait().await;
            outcome.unwrap_or_else(|| {
                let message = format!("call {id} was lost");
                Arc::new(Outcome::failed(FailureKind::Internal, message))
            })
        }
        .boxed()
    }
}

impl Inner {
    /// Runs a chained call on its own: it goes on when its caller has ended.
    fn spawn_chained(self: &Arc<Self>, child: Arc<LiveCall>, entry: Entry, charge: Charge) {
        let running = self.running.token();
        let inner = Arc::clone(self);
        let begun = Instant::now();
        let rank = Rank::Chained(Reverse(child.depth));
        let user = child.invocation.function.user.clone();
        // In the queue when this returns.
        let entering = self.admission.enter(&user, rank, 1);
        let tracked = Tracked::new(self, child);
        tokio::spawn(async move {
            let live = &tracked.live;
            let enter = || inner.admission.enter(&user, rank, 1);
            let entered = inner.enter_somewhere(live, &entry, entering, enter);
            let permit = match entered.await {
                Ok(Entered::Here(seats)) => Ok(seats.permit),
                Ok(Entered::Over(executed)) => {
                    tracked.end(*executed);
                    return;
                }
                Err(exhausted) => Err(exhausted),
            };
            let executed = match &permit {
                Ok(permit) => {
                    let (queued, no_memory) = (begun.elapsed(), NoMemory::Wait);
                    let seats = Seats::from(Arc::clone(permit));
                    // Boxed here, on a thread's stack: spawning it would move all of it through
                    // the caller's fiber, whose pages stay.
                    Box::pin(inner.execute(live, entry, seats, queued, no_memory)).await
                }
                Err(_) => inner.failed(
                    FailureKind::Overloaded,
                    "every Faaslet is taken by calls that wait for others (--max-faaslets)",
                ),
            };
            tracked.end(executed);
            // Not before the end is published: the caller has its own back by then.
            drop((permit, running, charge));
        });
    }
}
