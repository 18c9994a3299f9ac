//! Asynchronous calls: running them from the log, taking them up again after a crash, and
//! forgetting their results.

use std::sync::Arc;
use std::time::{Duration, Instant};

use faasm_calllog::PendingCall;
use faasm_faaslet::{Charge, Entry, Executed, NoMemory};
use faasm_model::{CallId, FailureKind, FinishedCall, Outcome, now_ms};

use crate::admission::Place;
use crate::calls::Inner;
use crate::live::LiveCall;
use crate::refused::Refused;
use crate::waiters::Rank;

/// Calls taken up at a time after a crash.
const RECOVERY_PAGE: usize = 1_000;

/// Longest pause before a write to the log is tried again.
const MAX_BACKOFF: Duration = Duration::from_secs(2);

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
        let inner = Arc::clone(self);
        self.logged.spawn(async move {
            inner.run_logged(&live, place, attempts).await;
            drop(charge);
        });
    }

    async fn run_logged(self: &Arc<Self>, live: &Arc<LiveCall>, place: Place, attempts: u32) {
        let begun = Instant::now();
        // One that has cost the process its life all but the last time goes alone, so
        // that it takes no innocent call with it.
        let suspect = attempts > 0 && attempts + 1 >= self.options.max_attempts;
        let _alone = match suspect {
            true => Some(self.suspect.lock().await),
            false => None,
        };
        let user = &live.invocation.function.user;
        let ranks = live.invocation.target.ranks().get();
        let permit = tokio::select! {
            permit = self.admission.enter(user, Rank::Asynchronous, ranks) => permit,
            () = live.cancel.cancelled() => return self.finish_logged(live, self.cancelled()).await,
            () = self.halt.cancelled() => return,
        };
        drop(place);
        let running = self.running.token();
        if self.closing.load(std::sync::atomic::Ordering::SeqCst) {
            return;
        }
        let executed = match permit {
            Err(_) => self.failed(
                FailureKind::Overloaded,
                "the server had no Faaslet for the call",
            ),
            Ok(permit) => {
                let permit = &Arc::new(permit);
                if !self.begin(live.id()).await {
                    return;
                }
                let entry = Entry::Main { index: 0 };
                tokio::select! {
                    executed = self.execute(live, entry, permit, begun.elapsed(), NoMemory::Wait) => executed,
                    () = self.halt.cancelled() => return self.give_back(live.id()).await,
                }
            }
        };
        self.finish_logged(live, executed).await;
        drop(running);
    }

    /// Counts an attempt; `false` if the server goes down before that is possible.
    async fn begin(&self, id: CallId) -> bool {
        self.persist(|| async move { self.log.begin(id).await.map(|_| ()) })
            .await
    }

    /// A shutdown is not the call's fault: takes its attempt back.
    async fn give_back(&self, id: CallId) {
        if let Err(error) = self.log.give_back(id).await {
            tracing::warn!(%id, %error, "an attempt that the shutdown ended stays counted");
        }
    }

    /// Makes the result durable, then visible.
    async fn finish_logged(&self, live: &Arc<LiveCall>, executed: Executed) {
        live.note(&executed.outcome);
        let finished = Arc::new(live.finished(executed.outcome.clone()));
        let record = &finished;
        let durable = self
            .persist(|| async move {
                self.log
                    .finish(FinishedCall::clone(record))
                    .await
                    .map(|_| ())
            })
            .await;
        if durable {
            self.publish_record(live, executed, finished);
        }
    }

    /// Tries a write until it succeeds: what is acknowledged is not given up because a
    /// disk is full. `false` if the server goes down first.
    async fn persist<F>(&self, mut write: impl FnMut() -> F) -> bool
    where
        F: Future<Output = Result<(), faasm_calllog::Error>>,
    {
        let mut backoff = Duration::from_millis(10);
        loop {
            match write().await {
                Ok(()) => return true,
                Err(faasm_calllog::Error::Closed) => return false,
                Err(error) => {
                    tracing::error!(%error, "the call log cannot be written; trying again")
                }
            }
            tokio::select! {
                () = tokio::time::sleep(backoff) => {}
                () = self.halt.cancelled() => return false,
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

    async fn take_up(self: &Arc<Self>, call: PendingCall) -> Result<(), faasm_calllog::Error> {
        let PendingCall {
            summary,
            attempts,
            invocation,
        } = call;
        let gone = |kind, message: String| FinishedCall {
            id: summary.id,
            function: summary.function.clone(),
            accepted_at_ms: summary.accepted_at_ms,
            finished_at_ms: now_ms(),
            outcome: Outcome::failed(kind, message),
            graph: faasm_model::ExecGraph::default(),
        };
        let invocation = match invocation {
            Ok(_) if attempts >= self.options.max_attempts => {
                let message = format!(
                    "attempts exhausted: the server ended {attempts} times while it ran this call (--max-attempts)"
                );
                let finished = gone(FailureKind::AttemptsExhausted, message);
                return self.log.finish(finished).await.map(|_| ());
            }
            Ok(invocation) if self.most_ranks() < invocation.target.ranks().get() => {
                let refused = Refused::WorldTooLarge(self.most_ranks());
                let finished = gone(FailureKind::Overloaded, refused.to_string());
                return self.log.finish(finished).await.map(|_| ());
            }
            Ok(invocation) => Arc::new(invocation),
            Err(error) => {
                let finished = gone(FailureKind::Internal, error.to_string());
                return self.log.finish(finished).await.map(|_| ());
            }
        };
        let mut charge = self.faaslets.budget().charge();
        // Accepted is accepted: it runs even if the budget has become smaller since.
        let _ = charge.grow(invocation.input.len() as u64);
        let place = self.admission.accepted_place(&summary.function.user);
        let live = LiveCall::root(summary.id, invocation, summary.accepted_at_ms);
        self.spawn_logged(live, place, charge, attempts);
        Ok(())
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
                let before = now_ms().saturating_sub(age);
                inner.recent.expire(before);
                match inner.log.expire(before).await {
                    Ok(_) => {}
                    Err(faasm_calllog::Error::Closed) => return,
                    Err(error) => tracing::error!(%error, "cannot remove expired results"),
                }
            }
        });
    }
}
