//! Asynchronous calls: running them from the log, taking them up again after a crash, and
//! forgetting their results.

use std::sync::Arc;
use std::time::{Duration, Instant};

use faasm_calllog::PendingCall;
use faasm_faaslet::{Charge, Entry, Executed, NoMemory};
use faasm_model::{CallId, CallSummary, ExecGraph, FailureKind, FinishedCall, Invocation, Outcome};

use crate::admission::Place;
use crate::calls::{CANCELLED, Inner};
use crate::handover::Entered;
use crate::live::LiveCall;
use crate::refused::Refused;
use crate::sharing::{Claim, complain};

/// Calls taken up at a time after a crash.
const RECOVERY_PAGE: usize = 1_000;

/// Longest pause before a write to the log is tried again.
const MAX_BACKOFF: Duration = Duration::from_secs(2);

/// Pause between looks whether this server may begin calls again.
const CURRENT_LOOKS: Duration = Duration::from_millis(50);

/// Pause before a call is tried again whose code could not be fetched.
const FETCH_AGAIN: Duration = Duration::from_secs(2);

/// What became of an attempt to run a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Attempt {
    /// Nothing is left to be done for it here.
    Done,
    /// Its code cannot be fetched now. The attempt does not count.
    NoCode,
}

/// What became of a write to the log.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    /// It is durable.
    Durable,
    /// The call is not this server's any more, or it has ended.
    NotOurs,
    /// The server goes down.
    Closed,
}

impl Inner {
    /// Runs a call that is in the log, in a task of its own.
    pub(crate) fn spawn_logged(
        self: &Arc<Self>,
        live: Arc<LiveCall>,
        place: Place,
        charge: Charge,
        attempts: u32,
    ) {
        self.live.insert(live.id(), Arc::clone(&live));
        let claim = self.company.cluster().map(|_| Claim::new(self, &live));
        let inner = Arc::clone(self);
        self.logged.spawn(async move {
            let put_back = inner.run_logged(&live, place, attempts).await;
            let is_lost = live.is_lost();
            if is_lost {
                inner.live.remove(&live.id());
            }
            if put_back || (!is_lost && inner.closing.is_cancelled()) {
                inner.let_go(live.id()).await;
            }
            drop(charge);
            if let Some(claim) = claim {
                // This server may have claimed it again meanwhile.
                claim.end().await;
            }
        });
    }

    /// Runs the call once its code can be had. `true` if another server may have it: this one could
    /// not fetch the code.
    async fn run_logged(
        self: &Arc<Self>,
        live: &Arc<LiveCall>,
        mut place: Place,
        attempts: u32,
    ) -> bool {
        while self.attempt(live, place, attempts).await == Attempt::NoCode {
            self.give_back(live.id()).await;
            // While it waits it fills its user's queue, so that no more of them are claimed here.
            let user = &live.invocation.function.user;
            place = self.admission.accepted_place(user);
            tokio::select! {
                () = tokio::time::sleep(FETCH_AGAIN) => {}
                () = live.cancel.cancelled() => {
                    self.finish_logged(live, self.cancelled()).await;
                    return false;
                }
                () = self.closing.cancelled() => return false,
            }
            if self.company.cluster().is_some() {
                live.lose();
                return true;
            }
        }
        false
    }

    /// Waits for a permit and runs the call.
    async fn attempt(
        self: &Arc<Self>,
        live: &Arc<LiveCall>,
        place: Place,
        attempts: u32,
    ) -> Attempt {
        let begun = Instant::now();
        // One that has cost the process its life all but the last time goes alone, so
        // that it takes no innocent call with it.
        let suspect = attempts > 0 && attempts + 1 >= self.options.max_attempts;
        let _alone = match suspect {
            true => Some(self.suspect.lock().await),
            false => None,
        };
        let entered = tokio::select! {
            entered = self.enter_logged(live) => entered,
            () = live.cancel.cancelled() => {
                self.finish_logged(live, self.cancelled()).await;
                return Attempt::Done;
            }
            () = self.closing.cancelled() => return Attempt::Done,
        };
        drop(place);
        self.claimed.room();
        let running = self.running.token();
        if self.closing.is_cancelled() {
            return Attempt::Done;
        }
        let executed = match entered {
            Err(_) => self.failed(
                FailureKind::Overloaded,
                "the server had no Faaslet for the call",
            ),
            Ok(Entered::Over(executed)) => *executed,
            Ok(Entered::Here(seats)) => {
                if !self.begin(live).await {
                    return Attempt::Done;
                }
                let entry = Entry::Main { index: 0 };
                tokio::select! {
                    executed = self.execute(live, entry, seats, begun.elapsed(), NoMemory::Wait) => executed,
                    () = self.halt.cancelled() => {
                        self.give_back(live.id()).await;
                        return Attempt::Done;
                    }
                }
            }
        };
        let failure = executed.outcome.failure.as_ref().map(|f| f.kind);
        if failure == Some(FailureKind::StorageUnavailable) && !live.is_lost() {
            return Attempt::NoCode;
        }
        self.finish_logged(live, executed).await;
        drop(running);
        Attempt::Done
    }

    /// Counts an attempt; `false` if the call is not to run here.
    async fn begin(&self, live: &LiveCall) -> bool {
        let id = live.id();
        if !self.until_current(live).await {
            return false;
        }
        let begun = self.persist(|| async move { self.log.begin(id).await.map(|_| ()) });
        match begun.await {
            // That may have taken long.
            Written::Durable if self.until_current(live).await => true,
            Written::Durable => {
                self.give_back(id).await;
                false
            }
            Written::NotOurs => {
                live.lose();
                false
            }
            Written::Closed => false,
        }
    }

    /// Waits until calls may begin here, or this one is cancelled; `false` if the server goes down
    /// first.
    async fn until_current(&self, live: &LiveCall) -> bool {
        while !self.company.is_current() && !live.cancel.is_cancelled() {
            tokio::select! {
                () = tokio::time::sleep(CURRENT_LOOKS) => {}
                () = self.halt.cancelled() => return false,
            }
        }
        true
    }

    /// A shutdown, or a storage that is away, is not the call's fault: takes its attempt back.
    async fn give_back(&self, id: CallId) {
        if let Err(error) = self.log.give_back(id).await {
            tracing::warn!(%id, %error, "an attempt that was not the call's fault stays counted");
        }
    }

    /// Makes the result durable, then visible.
    async fn finish_logged(&self, live: &Arc<LiveCall>, executed: Executed) {
        // What ended it was the loss.
        if live.is_lost() {
            return;
        }
        live.note(&executed.outcome, self.log.now_ms());
        let finished = Arc::new(live.finished(executed.outcome.clone()));
        let record = &finished;
        let finish = || async move {
            match self.log.finish(FinishedCall::clone(record)).await? {
                true => Ok(()),
                // What is kept is what another server said, or what this one said before.
                false => Err(faasm_calllog::Error::AlreadyFinished(record.id)),
            }
        };
        match self.persist(finish).await {
            Written::Durable => self.publish_record(live, executed, finished),
            Written::NotOurs => live.lose(),
            Written::Closed => {}
        }
    }

    /// Tries a write until it succeeds: what is acknowledged is not given up because a
    /// disk is full.
    async fn persist<F>(&self, mut write: impl FnMut() -> F) -> Written
    where
        F: Future<Output = Result<(), faasm_calllog::Error>>,
    {
        use faasm_calllog::Error;
        let mut backoff = Duration::from_millis(10);
        loop {
            match write().await {
                Ok(()) => return Written::Durable,
                Err(Error::Closed) => return Written::Closed,
                Err(
                    error @ (Error::Lost(_) | Error::AlreadyFinished(_) | Error::UnknownCall(_)),
                ) => {
                    tracing::warn!(%error, "what this server did for a call is not kept");
                    return Written::NotOurs;
                }
                Err(error) => complain(&error, "the call log cannot be written; trying again"),
            }
            tokio::select! {
                () = tokio::time::sleep(backoff) => {}
                () = self.halt.cancelled() => return Written::Closed,
            }
            backoff = (backoff * 2).min(MAX_BACKOFF);
        }
    }

    /// Takes up what an earlier process accepted and did not finish.
    pub(crate) async fn recover(self: &Arc<Self>) -> Result<(), faasm_calllog::Error> {
        let mut after = None;
        loop {
            let page = self.log.pending(after, RECOVERY_PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.summary.id);
            tracing::info!(
                calls = page.len(),
                "taking up calls that were accepted earlier"
            );
            for call in page {
                self.take_up(call).await?;
            }
        }
    }

    /// Runs a call of the log, or ends it if it cannot run.
    pub(crate) async fn take_up(
        self: &Arc<Self>,
        call: PendingCall,
    ) -> Result<(), faasm_calllog::Error> {
        let PendingCall {
            summary,
            attempts,
            invocation,
        } = call;
        let (kind, message) = match invocation {
            Ok(_) if attempts >= self.options.max_attempts => {
                let message = format!(
                    "attempts exhausted: the server ended {attempts} times while it ran this call (--max-attempts)"
                );
                (FailureKind::AttemptsExhausted, message)
            }
            Ok(invocation) if self.is_too_large(&invocation) => {
                let refused = Refused::WorldTooLarge(self.most_ranks());
                (FailureKind::Overloaded, refused.to_string())
            }
            Ok(invocation) => {
                self.run_accepted(&summary, attempts, invocation);
                return Ok(());
            }
            Err(error) => (FailureKind::Internal, error.to_string()),
        };
        self.end_unrun(summary, kind, message).await
    }

    fn run_accepted(self: &Arc<Self>, call: &CallSummary, attempts: u32, invocation: Invocation) {
        let mut charge = self.faaslets.budget().charge();
        // Accepted is accepted: it runs even if the budget has become smaller since.
        let _ = charge.grow(invocation.input.len() as u64);
        let place = self.admission.accepted_place(&call.function.user);
        let live = LiveCall::root(call.id, Arc::new(invocation), call.accepted_at_ms);
        self.spawn_logged(live, place, charge, attempts);
    }

    async fn end_unrun(
        &self,
        call: CallSummary,
        kind: FailureKind,
        message: String,
    ) -> Result<(), faasm_calllog::Error> {
        let finished = self.unrun(call, kind, message);
        self.log.finish(finished).await.map(|_| ())
    }

    /// The end of a call of the log that does not run.
    pub(crate) fn unrun(
        &self,
        call: CallSummary,
        kind: FailureKind,
        message: String,
    ) -> FinishedCall {
        FinishedCall {
            id: call.id,
            function: call.function,
            accepted_at_ms: call.accepted_at_ms,
            finished_at_ms: self.log.now_ms(),
            outcome: Outcome::failed(kind, message),
            graph: ExecGraph::default(),
        }
    }

    /// Ends a call of the log for its client, who has cancelled it.
    pub(crate) async fn end_cancelled(
        &self,
        summary: CallSummary,
    ) -> Result<(), faasm_calllog::Error> {
        let message = CANCELLED.to_owned();
        self.end_unrun(summary, FailureKind::Cancelled, message)
            .await
    }

    /// Forgets expired results, now and then.
    pub(crate) fn spawn_expiry(self: &Arc<Self>) {
        let ttl = self.options.result_ttl;
        let pause = (ttl / 10).clamp(Duration::from_millis(100), Duration::from_secs(60));
        let inner = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(pause).await;
                let Some(inner) = inner.upgrade() else { return };
                let age = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
                let before = inner.log.now_ms().saturating_sub(age);
                inner.recent.expire(before);
                match inner.log.expire(before).await {
                    Ok(_) => {}
                    Err(faasm_calllog::Error::Closed) => return,
                    Err(error) => complain(&error, "cannot remove expired results"),
                }
            }
        });
    }
}
