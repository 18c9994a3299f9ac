//! The log, request by request.

use std::ops::Range;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use faasm_calllog::codec::{encode, encode_finished, encode_invocation};
use faasm_calllog::{Accepted, CallLog, Error, LoggedCall, NewCall, PendingCall, Result};
use faasm_model::{CallId, CallSummary, FinishedCall, Name};
use futures::FutureExt;
use futures::future::BoxFuture;

use super::records::{self, FIELDS};
use super::values::{PAGE_BYTES, SHORT_BYTES};
use super::{MOST_REQUESTS, RedisLog, scripts};
use crate::redis::assemble::Code;
use crate::redis::link::only;
use crate::redis::request::Call;

/// Calls that one script lists.
const ROWS: usize = 250;

/// Most entries in one list.
const LIST_LIMIT: usize = 1_000;

/// Calls that one script forgets.
const EXPIRE_STEP: usize = 128;

/// A part of a list that a script walks over.
struct Walk<'a> {
    list: &'a str,
    way: &'static str,
    bound: u64,
    /// Bytes of an input that come along.
    short: usize,
}

impl RedisLog {
    async fn reserve(&self, count: u64) -> Result<Range<u64>> {
        let _open = self.enter().await?;
        if count == 0 {
            return Ok(1..1);
        }
        if count >= CallId::END {
            return Err(Error::IdsExhausted);
        }
        let known = self.known_ids.load(Ordering::Relaxed);
        let call = self
            .call(&scripts::IDS)
            .arg(count)
            .arg(known)
            .arg(CallId::END);
        let fields = self.run(call, None).await?;
        let first = self.number("the counter of call ids", only(&fields))?;
        let end = first.saturating_add(count);
        if first == 0 || end > CallId::END {
            return Err(self.damaged("the counter of call ids"));
        }
        self.known_ids.fetch_max(end, Ordering::Relaxed);
        Ok(first..end)
    }

    async fn take_in(&self, call: NewCall) -> Result<Accepted> {
        let _open = self.enter().await?;
        let (key, hash) = match &call.idempotency {
            Some(idempotency) => (idempotency.key.as_str(), hex(&idempotency.body_hash)),
            None => ("", String::new()),
        };
        let user = &call.invocation.function.user;
        let accept = self.call(&scripts::ACCEPT).arg(call.id).arg(user);
        let accept = accept.arg(self.nonce()).arg(key).arg(hash);
        let accept = accept.bytes(encode(&call.summary())?.into());
        let invocation = self.send_ahead(encode_invocation(&call.invocation)?);
        let accept = invocation.await?.into_iter().fold(accept, Call::bytes);
        let fields = self
            .run(accept.arg(self.max_waiting), Some(call.id))
            .await?;
        let first = |bytes: &Bytes| {
            let id = self.number("an idempotency key", bytes)?;
            CallId::new(id).map_err(|_| self.damaged("an idempotency key"))
        };
        match fields.as_slice() {
            [word] if word == "new" => Ok(Accepted::New),
            [word, id] if word == "existing" => Ok(Accepted::Existing(first(id)?)),
            [word, id] if word == "conflict" => Ok(Accepted::Conflict(first(id)?)),
            _ => Err(self.damaged("an answer about a new call")),
        }
    }

    /// Under one claim it is begun once, and given back once.
    async fn change_attempts(&self, id: CallId, change: &'static str) -> Result<u32> {
        let _open = self.enter().await?;
        let by = Bytes::from_static(change.as_bytes());
        let fields = self.run_on(&scripts::BEGIN, id, change, &[by]).await?;
        let attempts = self.number("the attempts of a call", only(&fields))?;
        Ok(u32::try_from(attempts).unwrap_or(u32::MAX))
    }

    /// Does a script that may keep `end` as the result of its call.
    pub(super) async fn end(
        &self,
        code: &'static Code,
        what: &str,
        end: &FinishedCall,
    ) -> Result<Vec<Bytes>> {
        let summary = encode(&end.summary())?.into();
        let at = end.finished_at_ms.to_string().into();
        let [result, staged] = self.send_ahead(encode_finished(end)?).await?;
        self.run_on(code, end.id, what, &[summary, at, result, staged])
            .await
    }

    pub(super) async fn look_up(&self, id: CallId) -> Result<Option<LoggedCall>> {
        let get = || self.call(&scripts::GET).arg(id).arg(SHORT_BYTES);
        let fields = self.run(get(), Some(id)).await?;
        match self.logged(id, &fields).await {
            // It may have expired while its result was read.
            Err(Error::Corrupted { id, part }) => match self.run(get(), Some(id)).await?.len() {
                0 => Ok(None),
                _ => Err(Error::Corrupted { id, part }),
            },
            found => found,
        }
    }

    /// One step of a walk: a page.
    async fn rows(&self, walk: &Walk<'_>, count: usize) -> Result<Vec<Bytes>> {
        let call = self.call(&scripts::PAGE).arg(walk.list).arg(walk.way);
        let call = call.arg(walk.bound).arg(count).arg(walk.short);
        let fields = self.run(call, None).await?;
        match fields.len() % FIELDS {
            0 => Ok(fields),
            _ => Err(self.damaged("a page of calls")),
        }
    }

    async fn walk_pending(&self, after: u64, limit: usize) -> Result<Vec<PendingCall>> {
        let _open = self.enter().await?;
        let mut walk = Walk {
            list: "open",
            way: "up",
            bound: after,
            short: SHORT_BYTES,
        };
        let (mut page, mut bytes) = (Vec::new(), 0);
        loop {
            let count = ROWS.min(limit.saturating_sub(page.len()));
            let fields = self.rows(&walk, count).await?;
            for row in fields.chunks_exact(FIELDS) {
                walk.bound = self.number("a list of calls", &row[0])?;
                if let Some((call, size)) = self.pending_call(row).await? {
                    page.push(call);
                    bytes += size;
                }
                if bytes >= PAGE_BYTES {
                    return Ok(page);
                }
            }
            if page.len() >= limit || fields.len() < count * FIELDS {
                return Ok(page);
            }
        }
    }

    async fn walk_list(
        &self,
        user: Option<Name>,
        before: u64,
        limit: usize,
    ) -> Result<Vec<CallSummary>> {
        let _open = self.enter().await?;
        let list = user.map_or_else(|| "all".to_owned(), |user| format!("u:{user}"));
        let mut walk = Walk {
            list: &list,
            way: "down",
            bound: before,
            short: 0,
        };
        let mut page = Vec::new();
        loop {
            let count = ROWS.min(limit.saturating_sub(page.len()));
            let fields = self.rows(&walk, count).await?;
            for row in fields.chunks_exact(FIELDS) {
                walk.bound = self.number("a list of calls", &row[0])?;
                page.extend(records::summary(&row[0], &row[1]));
            }
            if page.len() >= limit || fields.len() < count * FIELDS {
                return Ok(page);
            }
        }
    }

    async fn forget(&self, finished_before_ms: u64) -> Result<usize> {
        let _open = self.enter().await?;
        let mut forgotten = 0;
        loop {
            let call = self
                .call(&scripts::EXPIRE)
                .arg(finished_before_ms)
                .arg(EXPIRE_STEP);
            let fields = self.run(call, None).await?;
            match self.number("a number of calls", only(&fields))? {
                0 => return Ok(forgotten),
                some => forgotten += usize::try_from(some).unwrap_or(usize::MAX),
            }
        }
    }
}

impl CallLog for RedisLog {
    fn reserve_ids(&self, count: u64) -> BoxFuture<'_, Result<Range<u64>>> {
        self.reserve(count).boxed()
    }

    fn accept(&self, call: NewCall) -> BoxFuture<'_, Result<Accepted>> {
        self.take_in(call).boxed()
    }

    fn begin(&self, id: CallId) -> BoxFuture<'_, Result<u32>> {
        self.change_attempts(id, "1").boxed()
    }

    fn give_back(&self, id: CallId) -> BoxFuture<'_, Result<u32>> {
        self.change_attempts(id, "-1").boxed()
    }

    fn finish(&self, call: FinishedCall) -> BoxFuture<'_, Result<bool>> {
        let finish = async move {
            let _open = self.enter().await?;
            let fields = self.end(&scripts::FINISH, "finish", &call).await?;
            self.claims.remove(call.id);
            Ok(only(&fields) == b"1")
        };
        finish.boxed()
    }

    fn get(&self, id: CallId) -> BoxFuture<'_, Result<Option<LoggedCall>>> {
        let get = async move {
            let _open = self.enter().await?;
            self.look_up(id).await
        };
        get.boxed()
    }

    fn pending(
        &self,
        after: Option<CallId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<PendingCall>>> {
        self.walk_pending(after.map_or(0, CallId::get), limit)
            .boxed()
    }

    fn list(
        &self,
        user: Option<&Name>,
        before: Option<CallId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<CallSummary>>> {
        let before = before.map_or(CallId::END, CallId::get);
        self.walk_list(user.cloned(), before, limit.min(LIST_LIMIT))
            .boxed()
    }

    fn expire(&self, finished_before_ms: u64) -> BoxFuture<'_, Result<usize>> {
        self.forget(finished_before_ms).boxed()
    }

    fn now_ms(&self) -> u64 {
        self.redis.now_ms()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        let close = async {
            self.release_all().await;
            // Fails if the log is closed already.
            let all = self.gate.acquire_many(MOST_REQUESTS).await;
            self.gate.close();
            drop(all);
        };
        close.boxed()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
