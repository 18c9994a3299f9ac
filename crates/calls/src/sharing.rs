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
    calls: DashMap<CallId, Held>,
    /// There may be room for more.
    room: Notify,
}

/// A call that this server has.
struct Held {
    live: Arc<LiveCall>,
    /// What the log has handed out of it once more: the claim had run out.
    again: Option<ClaimedCall>,
}

/// A call that this server has; dropping it ends that.
pub(crate) struct Claim {
    inner: Arc<Inner>,
    live: Arc<LiveCall>,
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
        let (inner, live) = (Arc::clone(inner), Arc::clone(live));
        let held = Held {
            live: Arc::clone(&live),
            again: None,
        };
        inner.claimed.calls.insert(live.id(), held);
        Self { inner, live }
    }

    /// Ends it. If the call was lost here and claimed again meanwhile, it is run once more.
    pub(crate) async fn end(self) {
        let again = self.remove().filter(|_| self.live.is_lost());
        let inner = Arc::clone(&self.inner);
        drop(self);
        if let Some(claimed) = again {
            inner.take_up_claimed(claimed).await;
        }
    }

    fn remove(&self) -> Option<ClaimedCall> {
        let is_this = |_: &CallId, held: &Held| Arc::ptr_eq(&held.live, &self.live);
        let held = self.inner.claimed.calls.remove_if(&self.live.id(), is_this);
        held.and_then(|(_, held)| held.again)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.remove();
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
                    complain(&error, "cannot ask for calls to run");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn take_up_claimed(self: &Arc<Self>, claimed: ClaimedCall) {
        let id = claimed.call.summary.id;
        // If what runs here has not heard that the claim had run out, it goes on under the new
        // one. Else the call runs again when that has ended.
        if let Some(mut held) = self.claimed.calls.get_mut(&id) {
            if claimed.cancelled {
                held.live.cancel.cancel();
            }
            held.again = Some(claimed);
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
                        if let Some(mut held) = self.claimed.calls.get_mut(&id) {
                            held.again = None;
                            held.live.lose();
                        }
                    }
                    for id in renewed.cancelled {
                        if let Some(held) = self.claimed.calls.get(&id) {
                            held.live.cancel.cancel();
                        }
                    }
                }
                Err(faasm_calllog::Error::Closed) => return,
                Err(error) => complain(&error, "cannot renew the claims to calls"),
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
}

/// Tells of what the log did not do, and will be asked again. One that is elsewhere tells by
/// itself that it is away.
pub(crate) fn complain(error: &faasm_calllog::Error, consequence: &str) {
    match error {
        faasm_calllog::Error::Unavailable(_) => tracing::debug!(%error, "{consequence}"),
        _ => tracing::error!(%error, "{consequence}"),
    }
}
