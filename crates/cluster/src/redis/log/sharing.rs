//! The calls of the log among the workers.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use faasm_calllog::{Cancelling, ClaimedCall, Error, LoggedCall, Renewed, Result, SharedLog};
use faasm_model::{CallId, FinishedCall, Name};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::time::Instant;

use super::claims::told;
use super::records;
use super::values::{PAGE_BYTES, SHORT_BYTES};
use super::{RedisLog, scripts};
use crate::redis::request::{Call, text};
use crate::redis::server::hear_within;

/// How long a claim lasts that is not renewed.
const LEASE: Duration = Duration::from_secs(8);

/// How often claims are renewed: two renewals may fail.
const RENEWAL: Duration = Duration::from_millis(2_500);

/// Most calls that one script hands out: a few ms of the server's time.
const MOST_CLAIMED: usize = 128;

/// Most users whose calls are left to others in one request.
const MOST_EXCEPTED: usize = 1_000;

/// How many fields a claimed call has: claim, whether another worker was lost that had it, whether
/// it is cancelled, and those of a page.
const FIELDS: usize = 3 + records::FIELDS;

/// Claims that one script renews.
const RENEWED_TOGETHER: usize = 512;

/// How long a lost word can delay a call that waits.
const LOOKS: Duration = Duration::from_secs(1);

/// How long a lost word can delay one who waits for the end of a call.
const ENDED_LOOKS: Duration = Duration::from_secs(5);

/// Longest wait for the end of a call: a limit for the sums.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3_600);

impl RedisLog {
    async fn claim_some(&self, room: usize, except: &[Name]) -> Result<Vec<ClaimedCall>> {
        let _open = self.enter().await?;
        if room == 0 {
            return Ok(Vec::new());
        }
        let call = self.redis.call(&scripts::CLAIM, self.tag());
        let call = call.arg(room.min(MOST_CLAIMED)).arg(LEASE.as_millis());
        let call = call.arg(SHORT_BYTES).arg(PAGE_BYTES);
        let call = except.iter().take(MOST_EXCEPTED).fold(call, Call::arg);
        let fields = self.run(call, None).await?;
        if fields.len() % FIELDS != 0 {
            return Err(self.damaged("an answer about claims"));
        }
        let taken_over = fields.chunks_exact(FIELDS).filter(|row| row[1] == "1");
        let calls = taken_over.count();
        if calls > 0 {
            tracing::info!(calls, "took over calls of servers that were lost");
        }
        let mut claimed = Vec::new();
        for row in fields.chunks_exact(FIELDS) {
            match self.claimed(row).await {
                Ok(call) => claimed.extend(call),
                // It goes to somebody else when the claim runs out.
                Err(error) => {
                    tracing::warn!(id = %text(&row[3]), %error, "cannot read a call that was claimed");
                }
            }
        }
        Ok(claimed)
    }

    async fn claimed(&self, row: &[Bytes]) -> Result<Option<ClaimedCall>> {
        let [claim, _, cancelled, row @ ..] = row else {
            return Ok(None);
        };
        if claim.is_empty() {
            return Err(self.damaged("the record of a call, which will not run"));
        }
        let claim = self.number("the claim to a call", claim)?;
        let Some((call, _)) = self.pending_call(row).await? else {
            return Ok(None);
        };
        self.claims.add(call.summary.id, claim);
        let cancelled = cancelled.as_ref() == b"1";
        Ok(Some(ClaimedCall { call, cancelled }))
    }

    async fn renew_all(&self, ids: &[CallId]) -> Result<Renewed> {
        let _open = self.enter().await?;
        let mut renewed = Renewed::default();
        // Once also when there are none.
        let mut rest = ids;
        loop {
            let (some, after) = rest.split_at(rest.len().min(RENEWED_TOGETHER));
            let known = self.known_ids.load(Ordering::Relaxed);
            let call = self.call(&scripts::RENEW).arg(LEASE.as_millis()).arg(known);
            let (call, claims) = self.with_claims(call, some);
            let states = self.run(call, None).await?;
            for ((id, claim), state) in claims.into_iter().zip(states) {
                match state.as_ref() {
                    b"kept" => {}
                    b"cancelled" => renewed.cancelled.push(id),
                    _ if self.claims.end(id, claim) => renewed.lost.push(id),
                    // It was claimed again meanwhile.
                    _ => {}
                }
            }
            rest = after;
            if rest.is_empty() {
                return Ok(renewed);
            }
        }
    }

    async fn give_up(&self, ids: &[CallId]) -> Result<()> {
        let _open = self.enter().await?;
        for some in ids.chunks(RENEWED_TOGETHER) {
            let (call, claims) = self.with_claims(self.call(&scripts::RELEASE), some);
            self.run(call, None).await?;
            for (id, claim) in claims {
                self.claims.end(id, claim);
            }
        }
        Ok(())
    }

    /// Adds these calls and the claims to them to a request: two arguments each.
    fn with_claims(&self, call: Call, ids: &[CallId]) -> (Call, Vec<(CallId, Option<u64>)>) {
        let claims: Vec<_> = ids.iter().map(|id| (*id, self.claims.of(*id))).collect();
        let call = claims
            .iter()
            .fold(call, |call, (id, claim)| call.arg(id).arg(told(*claim)));
        (call, claims)
    }

    /// Leaves to others what this worker still has, so that they need not wait.
    pub(super) async fn release_all(&self) {
        match self.give_up(&self.claims.all()).await {
            Ok(()) | Err(Error::Closed) => {}
            Err(error) => {
                tracing::warn!(%error, "calls of this server run elsewhere only when its claims run out");
            }
        }
    }

    async fn wait_for_end(&self, id: CallId, wait: Duration) -> Result<Option<LoggedCall>> {
        let until = Instant::now() + wait.min(LONGEST_WAIT);
        let mut ear = self.redis.listen(&format!("e:{id}"));
        loop {
            let open = self.enter().await?;
            let found = self.look_up(id).await?;
            drop(open);
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || !matches!(found, Some(LoggedCall::Pending { .. })) {
                return Ok(found);
            }
            hear_within(&mut ear, left.min(ENDED_LOOKS)).await;
        }
    }
}

impl SharedLog for RedisLog {
    fn claim<'a>(
        &'a self,
        room: usize,
        except: &'a [Name],
    ) -> BoxFuture<'a, Result<Vec<ClaimedCall>>> {
        self.claim_some(room, except).boxed()
    }

    fn renew<'a>(&'a self, ids: &'a [CallId]) -> BoxFuture<'a, Result<Renewed>> {
        self.renew_all(ids).boxed()
    }

    fn release<'a>(&'a self, ids: &'a [CallId]) -> BoxFuture<'a, Result<()>> {
        self.give_up(ids).boxed()
    }

    fn renewal(&self) -> Duration {
        RENEWAL
    }

    fn work(&self) -> BoxFuture<'_, ()> {
        let work = async { hear_within(&mut *self.work.lock().await, LOOKS).await };
        work.boxed()
    }

    fn recall(&self) -> BoxFuture<'_, ()> {
        let recall = async { self.recall.lock().await.hear().await };
        recall.boxed()
    }

    fn ended(&self, id: CallId, wait: Duration) -> BoxFuture<'_, Result<Option<LoggedCall>>> {
        self.wait_for_end(id, wait).boxed()
    }

    fn cancel(&self, end: FinishedCall) -> BoxFuture<'_, Result<Cancelling>> {
        let cancel = async move {
            let _open = self.enter().await?;
            let fields = self.end(&scripts::CANCEL, "cancel", &end).await?;
            match fields.first().map(Bytes::as_ref) {
                Some(b"kept") => Ok(Cancelling::Ended),
                Some(b"told") => Ok(Cancelling::Requested),
                Some(b"ended") => Ok(Cancelling::AlreadyEnded),
                _ => Err(self.damaged("an answer about a cancelled call")),
            }
        };
        cancel.boxed()
    }
}
