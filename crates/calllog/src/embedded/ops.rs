//! The changes to the log, each on the tables of a transaction that others share.
//!
//! An operation checks everything first and writes afterwards: when it is refused, the
//! rest of the transaction is committed all the same.

use std::num::NonZeroU64;
use std::ops::Range;

use faasm_model::{CallId, FinishedCall};
use redb::ReadableTable;

use super::Fault;
use super::tables::{NEXT_ID, Row, Tables, put_chunks, remove_chunks};
use crate::codec::{decode, encode, encode_finished, encode_invocation};
use crate::{Accepted, Error, NewCall, RecordPart};

type Result<T> = std::result::Result<T, Fault>;

/// How much one step of [`expire_some`] removes: calls and chunks of 64 KiB.
const EXPIRE_STEP: usize = 512;

pub(super) fn reserve_ids(tables: &mut Tables<'_>, count: NonZeroU64) -> Result<Range<u64>> {
    let next = tables
        .meta
        .get(NEXT_ID)?
        .map_or(1, |next| next.value().max(1));
    let end = next
        .checked_add(count.get())
        .filter(|&end| end <= CallId::END);
    let end = end.ok_or(Error::IdsExhausted)?;
    tables.meta.insert(NEXT_ID, end)?;
    Ok(next..end)
}

pub(super) fn accept(tables: &mut Tables<'_>, call: &NewCall) -> Result<Accepted> {
    let id = call.id.get();
    let user = call.invocation.function.user.as_str();
    if let Some(repeated) = repeated(tables, call)? {
        return Ok(repeated);
    }
    if tables.rows.get(id)?.is_some() {
        return Err(Error::IdInUse(call.id).into());
    }
    let row = encode(&Row {
        summary: call.summary(),
        idempotency_key: call.idempotency.as_ref().map(|i| i.key.as_str().to_owned()),
    })?;
    let invocation = encode_invocation(&call.invocation)?;

    tables.rows.insert(id, row.as_slice())?;
    tables.attempts.insert(id, 0)?;
    tables.by_user.insert((user, id), ())?;
    if let Some(idempotency) = &call.idempotency {
        let key = (user, idempotency.key.as_str());
        tables.keys.insert(key, (id, idempotency.body_hash))?;
    }
    put_chunks(&mut tables.invocations, id, &invocation)?;
    Ok(Accepted::New)
}

/// How the call is taken when its idempotency key belongs to a call that is in the log.
fn repeated(tables: &Tables<'_>, call: &NewCall) -> Result<Option<Accepted>> {
    let Some(idempotency) = &call.idempotency else {
        return Ok(None);
    };
    let user = call.invocation.function.user.as_str();
    let Some(entry) = tables.keys.get((user, idempotency.key.as_str()))? else {
        return Ok(None);
    };
    let (id, body_hash) = entry.value();
    let Ok(owner) = CallId::new(id) else {
        return Ok(None);
    };
    if tables.rows.get(id)?.is_none() {
        return Ok(None);
    }
    Ok(Some(match body_hash == idempotency.body_hash {
        true => Accepted::Existing(owner),
        false => Accepted::Conflict(owner),
    }))
}

pub(super) fn begin(tables: &mut Tables<'_>, id: CallId) -> Result<u32> {
    change_attempts(tables, id, |attempts| attempts.saturating_add(1))
}

pub(super) fn give_back(tables: &mut Tables<'_>, id: CallId) -> Result<u32> {
    change_attempts(tables, id, |attempts| attempts.saturating_sub(1))
}

fn change_attempts(
    tables: &mut Tables<'_>,
    id: CallId,
    change: impl FnOnce(u32) -> u32,
) -> Result<u32> {
    let Some(attempts) = tables.attempts.get(id.get())?.map(|count| count.value()) else {
        return Err(match tables.rows.get(id.get())? {
            Some(_) => Error::AlreadyFinished(id).into(),
            None => Error::UnknownCall(id).into(),
        });
    };
    let attempts = change(attempts);
    tables.attempts.insert(id.get(), attempts)?;
    Ok(attempts)
}

pub(super) fn finish(tables: &mut Tables<'_>, call: &FinishedCall) -> Result<bool> {
    let id = call.id.get();
    let old = match tables.rows.get(id)? {
        Some(row) => decode::<Row>(row.value()),
        None => return Err(Error::UnknownCall(call.id).into()),
    };
    if tables.attempts.get(id)?.is_none() {
        return Ok(false);
    }
    if old.is_err() {
        // What is written now replaces it; only the idempotency key outlives its call.
        tracing::error!(%call.id, "the summary of this call in the call log was damaged");
    }
    let row = encode(&Row {
        summary: call.summary(),
        idempotency_key: old.ok().and_then(|row| row.idempotency_key),
    })?;
    let result = encode_finished(call)?;

    tables.attempts.remove(id)?;
    remove_chunks(&mut tables.invocations, id)?;
    tables.rows.insert(id, row.as_slice())?;
    tables.ended.insert((call.finished_at_ms, id), ())?;
    put_chunks(&mut tables.results, id, &result)?;
    Ok(true)
}

/// Forgets some of the calls that ended before `finished_before_ms`; 0 when none are left.
pub(super) fn expire_some(tables: &mut Tables<'_>, finished_before_ms: u64) -> Result<usize> {
    let mut expired = Vec::with_capacity(EXPIRE_STEP);
    for entry in tables
        .ended
        .range(..(finished_before_ms, 0))?
        .take(EXPIRE_STEP)
    {
        expired.push(entry?.0.value());
    }
    let mut forgotten = 0;
    let mut chunks = 0;
    for (finished_at_ms, id) in expired {
        if chunks >= EXPIRE_STEP {
            break;
        }
        tables.ended.remove((finished_at_ms, id))?;
        forget_row(tables, id)?;
        chunks += remove_chunks(&mut tables.results, id)?;
        forgotten += 1;
    }
    Ok(forgotten)
}

fn forget_row(tables: &mut Tables<'_>, id: u64) -> Result<()> {
    let row = match tables.rows.remove(id)? {
        Some(row) => decode::<Row>(row.value()),
        None => return Ok(()),
    };
    let Ok(Row {
        summary,
        idempotency_key,
    }) = row
    else {
        tracing::error!(id, part = %RecordPart::Summary, "forgot a damaged record of the call log");
        return Ok(());
    };
    let user = summary.function.user.as_str();
    tables.by_user.remove((user, id))?;
    if let Some(key) = idempotency_key {
        let owned = tables
            .keys
            .get((user, key.as_str()))?
            .is_some_and(|e| e.value().0 == id);
        if owned {
            tables.keys.remove((user, key.as_str()))?;
        }
    }
    Ok(())
}
