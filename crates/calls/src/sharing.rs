//! Running calls of a log that several servers share: claiming them, and keeping the claims.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use faasm_calllog::{ClaimedCall, SharedLog};
use faasm_model::CallId;
use tokio::sync::Notify;

use crate::calls::Inner;
use crate::live::LiveCall;

/// Most calls that are claimed at a time, so that other servers get some, too.
const MOST_AT_ONCE: usize = 8;

/// Pause after the log could not be asked, and between looks whether this server is current.
const PAUSE: Duration = Duration::from_millis(200);

/// The calls of the log that this server has.
#[derive(Default)]
pub(crate) struct Claimed {
    calls: DashMap<CallId, Arc<LiveCall>>,
    /// There may be room for more.
    room: Notify,
}

/// A call that this server has; dropping it ends that.
pub(crate) struct Claim {
    inner: Arc<Inner>,
    id: CallId,
}

impl Claimed {
    pub(crate) fn has(&self, id: CallId) -> bool {
        self.calls.contains_key(&id)
    }

    /// There may be room for more calls.
    pub(crate) fn room(&self) {
        self.room.notify_one();
    }
}

impl Claim {
    pub(crate) fn new(inner: &Arc<Inner>, live: &Arc<LiveCall>) -> Self {
        let id = live.id();
        inner.claimed.calls.insert(id, Arc::clone(live));
        let inner = Arc::clone(inner);
        Self { inner, id }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.inner.claimed.calls.remove(&self.id);
        self.inner.claimed.room();
    }
}

impl Inner {
    /// Runs calls of the log from now on.
    pub(crate) fn spawn_sharing(self: &Arc<Self>, log: &Arc<dyn SharedLog>) {
        tokio::spawn(Arc::clone(self).claim_on(Arc::clone(log)));
        tokio::spawn(Arc::clone(self).renew_on(Arc::clone(log)));
    }

    /// Claims calls whenever there is room for some.
    async fn claim_on(self: Arc<Self>, log: Arc<dyn SharedLog>) {
        while !self.closing.is_cancelled() {
            let room = self.admission.room();
            if room == 0 || !self.company.is_current() {
                let _ = tokio::time::timeout(PAUSE, self.claimed.room.notified()).await;
                continue;
            }
            // What is claimed and cannot start would wait here while another server is idle.
            let full = self.admission.full_users();
            match log.claim(room.div_ceil(2).min(MOST_AT_ONCE), &full).await {
                Ok(claimed) if claimed.is_empty() => tokio::select! {
                    () = log.work() => {}
                    () = self.claimed.room.notified() => {}
                    () = self.closing.cancelled() => {}
                },
                Ok(claimed) => {
                    for call in claimed {
                        self.take_up_claimed(call).await;
                    }
                }
                Err(faasm_calllog::Error::Closed) => return,
                Err(error) => {
                    tracing::warn!(%error, "cannot ask for calls to run");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn take_up_claimed(self: &Arc<Self>, claimed: ClaimedCall) {
        let id = claimed.call.summary.id;
        // Lost and claimed again, while what runs here has not noticed yet.
        if self.claimed.has(id) {
            return;
        }
        let taken = match claimed.cancelled {
            true => self.end_cancelled(claimed.call.summary).await,
            false => self.take_up(claimed.call).await,
        };
        if let Err(error) = taken {
            // Somebody has it when the claim has run out.
            tracing::warn!(%id, %error, "cannot take up a call");
        }
    }

    /// Keeps the claims to calls that have not ended.
    async fn renew_on(self: Arc<Self>, log: Arc<dyn SharedLog>) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(log.renewal()) => {}
                () = log.recall() => {}
                () = self.halt.cancelled() => return,
            }
            let ids: Vec<CallId> = self.claimed.calls.iter().map(|call| *call.key()).collect();
            match log.renew(&ids).await {
                Ok(renewed) => {
                    for id in renewed.lost {
                        tracing::warn!(%id, "lost a call: another server may run it by now");
                        self.with_claimed(id, LiveCall::lose);
                    }
                    for id in renewed.cancelled {
                        self.with_claimed(id, |live| live.cancel.cancel());
                    }
                }
                Err(faasm_calllog::Error::Closed) => return,
                Err(error) => tracing::warn!(%error, "cannot renew the claims to calls"),
            }
        }
    }

    /// Lets others have a call at once that will not run here.
    pub(crate) async fn let_go(&self, id: CallId) {
        let Some(cluster) = self.company.cluster() else {
            return;
        };
        if let Err(error) = cluster.log.release(&[id]).await {
            tracing::warn!(%id, %error, "a call runs elsewhere only when the claim to it runs out");
        }
    }

    fn with_claimed(&self, id: CallId, act: impl FnOnce(&LiveCall)) {
        let live = self.claimed.calls.get(&id).map(|live| Arc::clone(&live));
        if let Some(live) = live {
            act(&live);
        }
    }
}
