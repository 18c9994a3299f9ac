//! Calls that other servers of the cluster run, because this one has no room for them.
//!
//! Whoever has the client, or the caller, hands the call over and waits. The other server runs it
//! at once or not at all, so that no call goes round in circles.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use faasm_calllog::codec;
use faasm_faaslet::{Charge, Entry, Executed};
use faasm_model::{CallId, FailureKind, FinishedCall, Invocation, Outcome, WorldSize};
use serde::{Deserialize, Serialize};

use crate::admission::{Exhausted, Permit};
use crate::calls::{Calls, Inner, Tracked};
use crate::cluster::{NotAnswered, Peers};
use crate::gang::{Asked, Seats};
use crate::live::LiveCall;
use crate::refused::Refused;

/// A call that another server is to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handed {
    pub(crate) id: CallId,
    pub(crate) invocation: Arc<Invocation>,
    /// What `__faasm_get_idx` answers.
    pub(crate) index: i32,
    /// How deep below its root it is.
    pub(crate) depth: u32,
    /// How many calls were made below its root.
    pub(crate) chained: u64,
    pub(crate) accepted_at_ms: u64,
}

/// What became of a call that was handed over.
#[derive(Debug)]
pub enum HandedOver {
    /// It has ended, there.
    Ran(Box<FinishedCall>),
    /// It did not run.
    NoRoom,
    /// It may have run, and nobody knows how it ended.
    Lost(String),
}

/// How a call got on that waited.
pub(crate) enum Entered {
    /// It can run here.
    Here(Seats),
    /// It has run elsewhere, or was cancelled.
    Over(Box<Executed>),
}

/// Where a call may run that waits here.
#[derive(Clone, Copy)]
struct Elsewhere<'a> {
    peers: &'a dyn Peers,
    /// What the call is told of its index.
    index: i32,
}

/// Pause between attempts to hand one call over.
const PAUSE: Duration = Duration::from_millis(200);

/// Bytes that are no call.
#[derive(Debug, thiserror::Error)]
#[error("another server sent what cannot be read; run one version everywhere")]
pub(crate) struct Unreadable;

impl Handed {
    /// A call that has its end elsewhere, or a part of it.
    pub(crate) fn of(live: &LiveCall, index: i32) -> Self {
        Self {
            id: live.id(),
            invocation: Arc::clone(&live.invocation),
            index,
            depth: live.depth,
            chained: live.root.chained(),
            accepted_at_ms: live.summary().accepted_at_ms,
        }
    }

    /// What another server is [asked](crate::Calls::answer), to run the call.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn encode(&self) -> Result<Vec<u8>, faasm_calllog::Error> {
        Asked::Call(self.clone()).encode()
    }
}

impl HandedOver {
    /// The answer of the server that was asked, as bytes.
    pub(crate) fn answer(finished: Option<&FinishedCall>) -> Result<Vec<u8>, faasm_calllog::Error> {
        codec::encode_sized(&finished, finished.map_or(0, |call| call.outcome.bytes()))
    }

    /// What came of asking a server.
    #[must_use]
    pub fn of(answer: Result<Bytes, NotAnswered>) -> Self {
        let answer = match answer {
            Ok(answer) => answer,
            Err(NotAnswered::NotAsked(_)) => return Self::NoRoom,
            Err(NotAnswered::Lost(why) | NotAnswered::Failed(why)) => return Self::Lost(why),
        };
        match codec::decode::<Option<FinishedCall>>(&answer) {
            Ok(Some(finished)) => Self::Ran(Box::new(finished)),
            Ok(None) => Self::NoRoom,
            Err(_) => Self::Lost(Unreadable.to_string()),
        }
    }
}

impl Calls {
    /// Runs a call for another server, if there is room for it now. Dropping the future
    /// cancels the call.
    pub(crate) async fn take_over(&self, handed: Handed) -> Option<FinishedCall> {
        let inner = &self.0;
        let charge = inner.admit(&handed.invocation).ok()?;
        if inner.live.contains_key(&handed.id) {
            return None;
        }
        let running = inner.running.token();
        let entry = Entry::Main {
            index: handed.index,
        };
        let live = LiveCall::handed(handed);
        let entered = inner.enter_at_once(&live).await?;
        let tracked = Tracked::new(inner, live);
        let executed = match entered {
            Entered::Here(seats) => {
                let run = inner.execute_attended(&tracked.live, entry, seats, Duration::ZERO);
                run.await
            }
            Entered::Over(executed) => *executed,
        };
        let finished = tracked.end(executed);
        drop((running, charge));
        Some(FinishedCall::clone(&finished))
    }
}

impl Inner {
    /// Room here for a call that another server has: now, or not at all.
    async fn enter_at_once(self: &Arc<Self>, live: &Arc<LiveCall>) -> Option<Entered> {
        match live.invocation.target.ranks() {
            WorldSize::ONE => {
                let permit = self.admission.try_enter(&live.invocation.function.user)?;
                Some(Entered::Here(permit.into()))
            }
            // Boxed, since every call's future would have room for it.
            size => Box::pin(self.enter_world(live, size, false)).await.ok(),
        }
    }

    /// Waits for a permit here, or for the end of the call on another server that has room.
    /// `enter` gets in line for the permit; `entering` did so already.
    pub(crate) async fn enter_somewhere<F>(
        &self,
        live: &Arc<LiveCall>,
        entry: &Entry,
        entering: F,
        enter: impl Fn() -> F,
    ) -> Result<Entered, Exhausted>
    where
        F: Future<Output = Result<Permit, Exhausted>>,
    {
        let mut entering = pin!(entering);
        let elsewhere = self.elsewhere(entry);
        let mut pause = Duration::ZERO;
        loop {
            let elsewhere = tokio::select! {
                biased;
                permit = entering.as_mut() => return permit.map(|permit| Entered::Here(permit.into())),
                () = live.cancel.cancelled() => return Ok(Entered::Over(Box::new(self.cancelled()))),
                elsewhere = room(elsewhere, pause) => elsewhere,
            };
            pause = PAUSE;
            let mut executing = pin!(self.execute_elsewhere(live, elsewhere));
            let executed = tokio::select! {
                executed = executing.as_mut() => executed,
                // The other server may have the call by now: others can have the permit.
                permit = entering.as_mut() => {
                    drop(permit);
                    let executed = executing.await;
                    if executed.is_none() {
                        entering.set(enter());
                    }
                    executed
                }
            };
            if let Some(executed) = executed {
                return Ok(Entered::Over(Box::new(executed)));
            }
        }
    }

    /// Where the call may run if not here.
    fn elsewhere(&self, entry: &Entry) -> Option<Elsewhere<'_>> {
        // A pointer is one into the very code that the caller runs.
        let Entry::Main { index } = entry else {
            return None;
        };
        let peers = self.company.cluster()?.peers.as_ref();
        Some(Elsewhere {
            peers,
            index: *index,
        })
    }

    /// Has another server run the world, wherever that finds room for its ranks; `None` if none does.
    pub(crate) async fn execute_world_elsewhere(&self, live: &Arc<LiveCall>) -> Option<Executed> {
        let elsewhere = self.elsewhere(&Entry::Main { index: 0 })?;
        self.execute_elsewhere(live, elsewhere).await
    }

    /// Has another server run the call; `None` if none has room.
    async fn execute_elsewhere(
        &self,
        live: &Arc<LiveCall>,
        Elsewhere { peers, index }: Elsewhere<'_>,
    ) -> Option<Executed> {
        let begun = Instant::now();
        let handing = peers.hand_over(Handed::of(live, index));
        let handed_over = tokio::select! {
            handed_over = handing => handed_over,
            () = live.cancel.cancelled() => return Some(self.cancelled()),
            () = self.halt.cancelled() => {
                let gone = Refused::ShuttingDown.to_string();
                return Some(self.failed(FailureKind::Cancelled, &gone));
            }
        };
        match handed_over {
            HandedOver::NoRoom => None,
            HandedOver::Lost(why) => {
                let message = format!("the server that ran the call was lost: {why}");
                Some(self.failed(FailureKind::WorkerLost, &message))
            }
            HandedOver::Ran(finished) => Some(self.ran_elsewhere(live, *finished, begun)),
        }
    }

    fn ran_elsewhere(&self, live: &LiveCall, finished: FinishedCall, begun: Instant) -> Executed {
        live.root.adopt(finished.graph);
        let mut outcome = finished.outcome;
        let charge = match self.charge_for(&outcome) {
            Some(charge) => charge,
            None => {
                let message = "the memory budget has no room for what the call gave";
                return self.failed(FailureKind::Overloaded, message);
            }
        };
        // What passed on the way there and back is neither its start nor its run.
        let timings = &mut outcome.timings;
        let elapsed = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        timings.queued_us = elapsed.saturating_sub(timings.start_us + timings.run_us);
        Executed { outcome, charge }
    }

    fn charge_for(&self, outcome: &Outcome) -> Option<Charge> {
        let mut charge = self.faaslets.budget().charge();
        charge.grow(outcome.bytes() as u64).then_some(charge)
    }
}

/// Waits for so long, and until there may be room elsewhere: for ever if the call must stay.
async fn room(elsewhere: Option<Elsewhere<'_>>, pause: Duration) -> Elsewhere<'_> {
    let Some(elsewhere) = elsewhere else {
        return std::future::pending().await;
    };
    tokio::time::sleep(pause).await;
    elsewhere.peers.room().await;
    elsewhere
}
