//! Calls that other servers of the cluster run, because this one has no room for them.
//!
//! Whoever has the client, or the caller, hands the call over and waits. The other server runs it
//! at once or not at all, so that no call goes round in circles.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use faasm_calllog::codec;
use faasm_faaslet::{Charge, Entry, Executed};
use faasm_model::{CallId, FailureKind, FinishedCall, Invocation, Outcome};

use crate::admission::{Exhausted, Permit};
use crate::calls::{Calls, Inner, Tracked};
use crate::cluster::Peers;
use crate::live::LiveCall;
use crate::refused::Refused;

/// A call that another server is to run.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    Here(Permit),
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
pub struct Unreadable;

impl Handed {
    /// The call as bytes.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn encode(&self) -> Result<Vec<u8>, faasm_calllog::Error> {
        let (invocation, below) = (&*self.invocation, (self.depth, self.chained));
        let call = (self.id, invocation, self.index, below, self.accepted_at_ms);
        codec::encode_sized(&call, invocation.input.len())
    }

    /// Reads what [`encode`](Self::encode) has written, on a server of the same version.
    ///
    /// # Errors
    /// When it is something else.
    pub fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        let decoded = codec::decode(bytes).map_err(|_| Unreadable)?;
        let (id, invocation, index, (depth, chained), accepted_at_ms) = decoded;
        Ok(Self {
            id,
            invocation: Arc::new(invocation),
            index,
            depth,
            chained,
            accepted_at_ms,
        })
    }
}

impl HandedOver {
    /// The answer of the server that was asked, as bytes.
    ///
    /// # Errors
    /// When it is too large.
    pub fn answer(finished: Option<&FinishedCall>) -> Result<Vec<u8>, faasm_calllog::Error> {
        codec::encode_sized(&finished, finished.map_or(0, |call| call.outcome.bytes()))
    }

    /// Reads what [`answer`](Self::answer) has written.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Self {
        match codec::decode::<Option<FinishedCall>>(bytes) {
            Ok(Some(finished)) => Self::Ran(Box::new(finished)),
            Ok(None) => Self::NoRoom,
            Err(_) => Self::Lost(Unreadable.to_string()),
        }
    }
}

impl Calls {
    /// Runs a call for another server, if there is room for it now. Dropping the future
    /// cancels the call.
    pub async fn take_over(&self, handed: Handed) -> Option<FinishedCall> {
        let inner = &self.0;
        let charge = inner.admit(&handed.invocation).ok()?;
        let permit = inner
            .admission
            .try_enter(&handed.invocation.function.user)?;
        if inner.live.contains_key(&handed.id) {
            return None;
        }
        let running = inner.running.token();
        let entry = Entry::Main {
            index: handed.index,
        };
        let live = LiveCall::handed(handed);
        let tracked = Tracked::new(inner, live);
        let permit = Arc::new(permit);
        let executing = inner.execute_attended(&tracked.live, entry, &permit, Duration::ZERO);
        let executed = executing.await;
        let finished = tracked.end(executed);
        drop((running, charge));
        Some(FinishedCall::clone(&finished))
    }
}

impl Inner {
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
        let elsewhere = self.elsewhere(live, entry);
        let mut pause = Duration::ZERO;
        loop {
            let elsewhere = tokio::select! {
                biased;
                permit = entering.as_mut() => return permit.map(Entered::Here),
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
    fn elsewhere(&self, live: &LiveCall, entry: &Entry) -> Option<Elsewhere<'_>> {
        // A pointer is one into the very code that the caller runs; a world is for one server.
        let (Entry::Main { index }, 1) = (entry, live.invocation.target.ranks().get()) else {
            return None;
        };
        let peers = self.company.cluster()?.peers.as_ref();
        Some(Elsewhere {
            peers,
            index: *index,
        })
    }

    /// Has another server run the call; `None` if none has room.
    async fn execute_elsewhere(
        &self,
        live: &Arc<LiveCall>,
        Elsewhere { peers, index }: Elsewhere<'_>,
    ) -> Option<Executed> {
        let begun = Instant::now();
        let handed = Handed {
            id: live.id(),
            invocation: Arc::clone(&live.invocation),
            index,
            depth: live.depth,
            chained: live.root.chained(),
            accepted_at_ms: live.summary().accepted_at_ms,
        };
        let handing = peers.hand_over(handed);
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
