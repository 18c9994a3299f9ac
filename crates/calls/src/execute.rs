//! Running a call that has its permit.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use faasm_faaslet::{Call, Entry, Executed, NoMemory, WorldRank};
use faasm_model::{FailureKind, Target};
use futures::FutureExt;
use tracing::Instrument;

use crate::admission::Permit;
use crate::calls::Inner;
use crate::chain::Scope;
use crate::gang::Seats;
use crate::live::LiveCall;
use crate::refused::Refused;

impl Inner {
    /// Runs the call with what it has for that, until the Faaslet is torn down.
    pub(crate) async fn execute(
        self: &Arc<Self>,
        live: &Arc<LiveCall>,
        entry: Entry,
        seats: Seats,
        queued: Duration,
        no_memory: NoMemory,
    ) -> Executed {
        match live.invocation.target {
            Target::Mpi { size } => {
                // Boxed, since every call's future would have room for it.
                let world = self.execute_world(live, size, seats, queued, no_memory);
                Box::pin(world).await
            }
            _ => {
                self.execute_as(live, entry, None, &seats.permit, queued, no_memory)
                    .await
            }
        }
    }

    /// Runs one Faaslet, which may be a rank of a world.
    pub(crate) async fn execute_as(
        self: &Arc<Self>,
        live: &Arc<LiveCall>,
        entry: Entry,
        rank: Option<WorldRank>,
        permit: &Arc<Permit>,
        queued: Duration,
        no_memory: NoMemory,
    ) -> Executed {
        if live.cancel.is_cancelled() {
            return self.cancelled();
        }
        if !self.company.is_current() {
            return self.failed(FailureKind::Overloaded, &Refused::CutOff.to_string());
        }
        let call = Call {
            id: live.id(),
            invocation: Arc::clone(&live.invocation),
            entry,
            cancel: live.cancel.clone(),
            no_memory,
            rank,
            chain: Arc::new(Scope::new(self, live, Arc::clone(permit))),
        };
        // At the level of debugging: an enabled span costs as much as a tenth of a call.
        let span =
            tracing::debug_span!("call", id = %call.id, function = %call.invocation.function);
        // Pinned here: the wrappers move a pointer, not the whole state of the call.
        let running = pin!(self.faaslets.execute(call));
        let running = AssertUnwindSafe(running).catch_unwind();
        let mut executed = match running.instrument(span.clone()).await {
            Ok(executed) => executed,
            Err(_) => {
                tracing::error!(id = %live.id(), "a host function panicked; please report this");
                self.failed(
                    FailureKind::Internal,
                    "the server failed while it ran the call",
                )
            }
        };
        executed.outcome.timings.queued_us = u64::try_from(queued.as_micros()).unwrap_or(u64::MAX);
        let failure = executed.outcome.failure.as_ref().map(|f| f.kind);
        let outcome = failure.map_or("success", FailureKind::code);
        tracing::debug!(parent: &span, outcome, "call ended");
        // A deadline or a cancel reaches the callees; other ends let them finish.
        if let Some(FailureKind::TimeLimit | FailureKind::Cancelled) = failure {
            live.cancel.cancel();
        }
        executed
    }
}
