//! The handle to all calls.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dashmap::DashMap;
use faasm_calllog::{Accepted, CallLog, Idempotency, NewCall};
use faasm_faaslet::{Charge, Entry, Executed, Faaslets, NoMemory};
use faasm_model::{CallId, FailureKind, FinishedCall, Invocation, Outcome, Target, now_ms};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admission::{Admission, Load, Place};
use crate::cluster::Company;
use crate::gang::{Seats, Worlds};
use crate::handover::Entered;
use crate::ids::Ids;
use crate::live::LiveCall;
use crate::metrics::CallMetrics;
use crate::options::Options;
use crate::recent::{Recent, RecentCall};
use crate::refused::Refused;
use crate::sharing::Claimed;
use crate::waiters::Rank;

/// All calls of this server. Cheap to clone.
#[derive(Clone)]
pub struct Calls(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) options: Options,
    pub(crate) faaslets: Faaslets,
    pub(crate) log: Arc<dyn CallLog>,
    pub(crate) company: Company,
    /// What this server has of a log that it shares.
    pub(crate) claimed: Claimed,
    pub(crate) admission: Admission,
    pub(crate) ids: Arc<Ids>,
    pub(crate) live: DashMap<CallId, Arc<LiveCall>>,
    pub(crate) recent: Recent,
    metrics: CallMetrics,
    /// No new calls from outside.
    pub(crate) closing: CancellationToken,
    /// Ends calls where they are. Asynchronous ones run again at the next start.
    pub(crate) halt: CancellationToken,
    /// Calls that run: a shutdown waits for them.
    pub(crate) running: TaskTracker,
    /// Tasks of asynchronous calls, running or queued.
    pub(crate) logged: TaskTracker,
    /// The worlds of which a part is here.
    pub(crate) worlds: Arc<Worlds>,
    /// Held by a call that may have killed the process, so that it runs beside no other
    /// of its kind.
    pub(crate) suspect: tokio::sync::Mutex<()>,
}

/// How long ended calls may take to be written down at the end of a shutdown.
const LAST_WRITES: Duration = Duration::from_secs(5);

/// What is said of a call that was cancelled before it ran.
pub(crate) const CANCELLED: &str = "the call was cancelled";

impl Calls {
    /// Makes the handle, takes up the calls that an earlier process left (or claims, from now
    /// on, calls that several servers share), and forgets expired results from now on. Must
    /// be called within a tokio runtime.
    pub async fn start(
        options: Options,
        faaslets: Faaslets,
        company: Company,
    ) -> Result<Self, faasm_calllog::Error> {
        let log = company.log();
        let inner = Arc::new(Inner {
            admission: Admission::new(&options),
            ids: Ids::new(Arc::clone(&log)).await?,
            options,
            faaslets,
            log,
            company,
            claimed: Claimed::default(),
            live: DashMap::new(),
            recent: Recent::default(),
            metrics: CallMetrics::default(),
            closing: CancellationToken::new(),
            halt: CancellationToken::new(),
            running: TaskTracker::new(),
            logged: TaskTracker::new(),
            worlds: Arc::default(),
            suspect: tokio::sync::Mutex::new(()),
        });
        match &inner.company {
            Company::Alone(_) => inner.recover().await?,
            Company::Cluster(cluster) if cluster.runs => inner.spawn_sharing(&cluster.log),
            Company::Cluster(_) => {}
        }
        inner.spawn_expiry();
        Ok(Self(inner))
    }

    /// Runs a call and returns its record. Dropping the future cancels the call.
    pub async fn run(&self, invocation: Invocation) -> Result<Arc<FinishedCall>, Refused> {
        let inner = &self.0;
        let charge = inner.admit(&invocation)?;
        let running = inner.running.token();
        let id = inner.ids.next().map_err(|_| Refused::NoSpace)?;
        let live = LiveCall::root(id, Arc::new(invocation), now_ms());
        let tracked = Tracked::new(inner, live);
        let begun = Instant::now();
        let entry = Entry::Main { index: 0 };
        let entered = match inner.enter(&tracked.live, &entry).await {
            Ok(entered) => entered,
            Err(refused) => {
                tracked.withdraw();
                return Err(refused);
            }
        };
        let executed = match entered {
            Entered::Here(seats) => {
                let queued = begun.elapsed();
                inner
                    .execute_attended(&tracked.live, entry, seats, queued)
                    .await
            }
            Entered::Over(executed) => *executed,
        };
        let finished = tracked.end(executed);
        drop((running, charge));
        Ok(finished)
    }

    /// Accepts a call that runs on its own. When this returns, the call survives the
    /// end of the process.
    pub async fn submit(
        &self,
        invocation: Invocation,
        idempotency: Option<Idempotency>,
    ) -> Result<CallId, Refused> {
        let charge = self.0.admit(&invocation)?;
        let place = self.0.queue_alone(&invocation)?;
        let inner = Arc::clone(&self.0);
        // A task of its own: a client that goes away right here must not leave a call
        // in the log that nobody runs.
        let accepted = tokio::spawn(async move {
            let id = inner.ids.next().map_err(|_| Refused::NoSpace)?;
            let (invocation, accepted_at_ms) = (Arc::new(invocation), inner.log.now_ms());
            let call = NewCall {
                id,
                invocation: Arc::clone(&invocation),
                accepted_at_ms,
                idempotency,
            };
            let user = invocation.function.user.clone();
            let accepted = inner.log.accept(call).await;
            match accepted.map_err(|error| Refused::of_user(error, user))? {
                Accepted::New => {
                    // Else whoever claims it runs it.
                    if let Some(place) = place {
                        let live = LiveCall::root(id, invocation, accepted_at_ms);
                        inner.spawn_logged(live, place, charge, 0);
                    }
                    Ok(id)
                }
                Accepted::Existing(first) => Ok(first),
                Accepted::Conflict(first) => Err(Refused::IdempotencyConflict(first)),
            }
        });
        accepted.await.unwrap_or(Err(Refused::ShuttingDown))
    }

    /// Drops every cached module, on all servers of a cluster.
    pub async fn flush(&self) -> Result<(), Refused> {
        match self.0.company.cluster() {
            None => {
                self.0.faaslets.flush();
                Ok(())
            }
            Some(cluster) => cluster.peers.flush().await.map_err(Refused::Unannounced),
        }
    }

    /// The Faaslets that run the calls.
    pub fn faaslets(&self) -> &Faaslets {
        &self.0.faaslets
    }

    /// Whether new calls are taken.
    pub fn is_open(&self) -> bool {
        !self.0.closing.is_cancelled()
    }

    /// Whether this server is one of a cluster.
    pub fn is_in_cluster(&self) -> bool {
        self.0.company.cluster().is_some()
    }

    /// Whether this server knows of all that others of its cluster have changed, as it must to
    /// run anything.
    pub fn is_current(&self) -> bool {
        self.0.company.is_current()
    }

    /// How busy the server is.
    pub fn load(&self) -> Load {
        self.0.admission.load()
    }

    /// Sets the gauges that describe this moment.
    pub fn record_gauges(&self) {
        let load = self.load();
        let budget = self.0.faaslets.budget();
        let set = |name: &'static str, value: f64| metrics::gauge!(name).set(value);
        set("faasm_calls_running", load.running as f64);
        set("faasm_calls_waiting", load.waiting as f64);
        set("faasm_calls_live", self.0.live.len() as f64);
        set("faasm_faaslets_live", self.0.faaslets.live() as f64);
        set("faasm_memory_budget_bytes", budget.total() as f64);
        set("faasm_memory_budget_used_bytes", budget.used() as f64);
    }

    /// Takes no new calls and lets the running ones end within `grace`. Of those that do
    /// not, and of those that wait, asynchronous ones run at the next start, and
    /// synchronous ones are cancelled.
    pub async fn shut_down(&self, grace: Duration) {
        let inner = &self.0;
        inner.closing.cancel();
        inner.running.close();
        if tokio::time::timeout(grace, inner.running.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                calls = inner.running.len(),
                "calls still run at the end of the grace period"
            );
        }
        inner.halt.cancel();
        inner.logged.close();
        let _ = tokio::time::timeout(LAST_WRITES, inner.logged.wait()).await;
        inner.log.close().await;
    }
}

impl Inner {
    /// Whether a call from outside is taken at all; charges its input.
    pub(crate) fn admit(&self, invocation: &Invocation) -> Result<Charge, Refused> {
        if self.closing.is_cancelled() {
            return Err(Refused::ShuttingDown);
        }
        if !self.company.is_current() {
            return Err(Refused::CutOff);
        }
        let (name, target) = (&invocation.function, &invocation.target);
        if self.faaslets.function(name, target).is_none() {
            return Err(match target {
                Target::Wasm | Target::Mpi { .. } => Refused::UnknownFunction(name.clone()),
                Target::Python { .. } => Refused::UnknownPython(name.clone()),
            });
        }
        self.check_world(target.ranks())?;
        let mut charge = self.faaslets.budget().charge();
        match charge.grow(invocation.input.len() as u64) {
            true => Ok(charge),
            false => Err(Refused::NoMemory),
        }
    }

    /// A place in the queue for a call that this server alone can run: one that others can
    /// have as well waits in the log.
    fn queue_alone(&self, invocation: &Invocation) -> Result<Option<Place>, Refused> {
        if self.company.cluster().is_some() {
            return Ok(None);
        }
        let place = self.admission.queue(&invocation.function.user, true);
        place.map(Some).map_err(|_| self.queue_full(invocation))
    }

    fn queue_full(&self, invocation: &Invocation) -> Refused {
        Refused::QueueFull {
            user: invocation.function.user.clone(),
            limit: self.options.max_queued,
        }
    }

    /// A permit for a synchronous call, unless it has its end without one.
    async fn enter(
        self: &Arc<Self>,
        live: &Arc<LiveCall>,
        entry: &Entry,
    ) -> Result<Entered, Refused> {
        let user = &live.invocation.function.user;
        let ranks = live.invocation.target.ranks();
        if ranks.get() > 1 {
            // A world that waited would keep its client waiting for who knows how long. Boxed, since
            // every call's future would have room for it.
            let entering = Box::pin(self.enter_world(live, ranks, true));
            return tokio::select! {
                entered = entering => entered,
                () = live.cancel.cancelled() => Ok(Entered::Over(Box::new(self.cancelled()))),
                () = self.halt.cancelled() => Err(Refused::ShuttingDown),
            };
        }
        if let Some(permit) = self.admission.try_enter(user) {
            return Ok(Entered::Here(permit.into()));
        }
        let place = self.admission.queue(user, false);
        let _place = place.map_err(|_| self.queue_full(&live.invocation))?;
        let enter = || self.admission.enter(user, Rank::Synchronous, 1);
        tokio::select! {
            entered = self.enter_somewhere(live, entry, enter(), enter) => {
                entered.map_err(|_| Refused::NoFaaslets)
            }
            () = self.halt.cancelled() => Err(Refused::ShuttingDown),
        }
    }

    /// Runs a call whose client waits, but not beyond the end of the server.
    pub(crate) async fn execute_attended(
        self: &Arc<Self>,
        live: &Arc<LiveCall>,
        entry: Entry,
        seats: Seats,
        queued: Duration,
    ) -> Executed {
        let executing = self.execute(live, entry, seats, queued, NoMemory::Fail);
        let mut executing = std::pin::pin!(executing);
        tokio::select! {
            executed = executing.as_mut() => executed,
            () = self.halt.cancelled() => {
                live.cancel.cancel();
                let mut executed = executing.await;
                if let Some(failure) = &mut executed.outcome.failure
                    && failure.kind == FailureKind::Cancelled
                {
                    failure.message = "the server shut down before the call ended".into();
                }
                executed
            }
        }
    }

    /// The end of a call that was cancelled before it ran.
    pub(crate) fn cancelled(&self) -> Executed {
        self.failed(FailureKind::Cancelled, CANCELLED)
    }

    /// The end of a call that did not run.
    pub(crate) fn failed(&self, kind: FailureKind, message: &str) -> Executed {
        Executed {
            outcome: Outcome::failed(kind, message),
            charge: self.faaslets.budget().charge(),
        }
    }

    /// Publishes the end of a call and remembers it for a while.
    pub(crate) fn publish(&self, live: &Arc<LiveCall>, executed: Executed) -> Arc<FinishedCall> {
        live.note(&executed.outcome, now_ms());
        let finished = Arc::new(live.finished(executed.outcome.clone()));
        self.publish_record(live, executed, Arc::clone(&finished));
        finished
    }

    /// Publishes the end of a call whose record is made already.
    pub(crate) fn publish_record(
        &self,
        live: &Arc<LiveCall>,
        executed: Executed,
        finished: Arc<FinishedCall>,
    ) {
        self.metrics.ended(&live.invocation, &finished.outcome);
        let root = Arc::clone(&live.root);
        self.recent.add(RecentCall { finished, root });
        self.live.remove(&live.id());
        live.end(executed);
    }
}

/// A call in the table of live calls, which ends as cancelled if it is dropped.
pub(crate) struct Tracked {
    inner: Arc<Inner>,
    pub(crate) live: Arc<LiveCall>,
    ended: bool,
}

impl Tracked {
    pub(crate) fn new(inner: &Arc<Inner>, live: Arc<LiveCall>) -> Self {
        inner.live.insert(live.id(), Arc::clone(&live));
        Self {
            inner: Arc::clone(inner),
            live,
            ended: false,
        }
    }

    /// Takes the call out again: it was refused, and nobody knows of it.
    fn withdraw(mut self) {
        self.ended = true;
        self.inner.live.remove(&self.live.id());
    }

    pub(crate) fn end(mut self, executed: Executed) -> Arc<FinishedCall> {
        self.ended = true;
        self.inner.publish(&self.live, executed)
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        if !self.ended {
            self.live.cancel.cancel();
            let gone = "the client went away, or the server ended the call";
            let executed = self.inner.failed(FailureKind::Cancelled, gone);
            self.inner.publish(&self.live, executed);
        }
    }
}
