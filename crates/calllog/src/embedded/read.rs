//! Looking into the log. Every look is at one committed state of it.

use std::ops::Bound;

use faasm_model::{CallId, CallSummary, FinishedCall, Invocation, Name};
use redb::{ReadOnlyTable, ReadTransaction};

use super::Fault;
use super::tables::{self, ATTEMPTS, BY_USER, ChunkKey, INVOCATIONS, RESULTS, ROWS, Row};
use crate::codec::{Damaged, decode};
use crate::{Error, LoggedCall, PendingCall, RecordPart};

type Result<T> = std::result::Result<T, Fault>;

/// Inputs in one page of pending calls, in bytes; a larger one comes alone.
const PAGE_BYTES: usize = 32 << 20;

/// Most entries in one list.
const LIST_LIMIT: usize = 1_000;

/// The log at one moment.
pub(super) struct View<'txn>(pub &'txn ReadTransaction);

impl View<'_> {
    pub(super) fn get(&self, id: CallId) -> Result<Option<LoggedCall>> {
        let Some(row) = self.0.open_table(ROWS)?.get(id.get())? else {
            return Ok(None);
        };
        if let Some(attempts) = self.0.open_table(ATTEMPTS)?.get(id.get())? {
            let row = decode::<Row>(row.value());
            let row = row.map_err(|Damaged| damaged(id, RecordPart::Summary))?;
            return Ok(Some(LoggedCall::Pending {
                summary: row.summary,
                attempts: attempts.value(),
            }));
        }
        let result = tables::read_chunks(&self.0.open_table(RESULTS)?, id.get())?;
        match decode::<FinishedCall>(&result.unwrap_or_default()) {
            Ok(finished) if finished.id == id => Ok(Some(LoggedCall::Finished(finished))),
            _ => Err(damaged(id, RecordPart::Result)),
        }
    }

    pub(super) fn pending(&self, after: Option<CallId>, limit: usize) -> Result<Vec<PendingCall>> {
        let rows = self.0.open_table(ROWS)?;
        let invocations = self.0.open_table(INVOCATIONS)?;
        let attempts = self.0.open_table(ATTEMPTS)?;
        let start = Bound::Excluded(after.map_or(0, CallId::get));
        let mut page = Vec::new();
        let mut bytes = 0;
        for entry in attempts.range::<u64>((start, Bound::Unbounded))? {
            if page.len() >= limit || bytes >= PAGE_BYTES {
                break;
            }
            let (id, attempts) = entry?;
            let Some(summary) = summary(&rows, id.value())? else {
                continue;
            };
            let invocation = invocation(&invocations, summary.id)?;
            bytes += invocation.as_ref().map_or(0, |i| i.input.len());
            page.push(PendingCall {
                summary,
                attempts: attempts.value(),
                invocation,
            });
        }
        Ok(page)
    }

    pub(super) fn list(
        &self,
        user: Option<&Name>,
        before: Option<CallId>,
        limit: usize,
    ) -> Result<Vec<CallSummary>> {
        let rows = self.0.open_table(ROWS)?;
        let end = before.map_or(CallId::END, CallId::get);
        let limit = limit.min(LIST_LIMIT);
        let mut page = Vec::new();
        let mut add = |id: u64| -> Result<bool> {
            page.extend(summary(&rows, id)?);
            Ok(page.len() >= limit)
        };
        if limit == 0 {
            return Ok(page);
        }
        match user {
            Some(user) => {
                let user = user.as_str();
                let of_user = self.0.open_table(BY_USER)?;
                for entry in of_user.range((user, 0)..(user, end))?.rev() {
                    if add(entry?.0.value().1)? {
                        break;
                    }
                }
            }
            None => {
                for entry in rows.range(..end)?.rev() {
                    if add(entry?.0.value())? {
                        break;
                    }
                }
            }
        }
        Ok(page)
    }
}

/// The summary in a row; `None` and a word in the server's log when it is damaged.
fn summary(rows: &ReadOnlyTable<u64, &'static [u8]>, id: u64) -> Result<Option<CallSummary>> {
    let Some(row) = rows.get(id)? else {
        return Ok(None);
    };
    match decode::<Row>(row.value()) {
        Ok(row) if row.summary.id.get() == id => Ok(Some(row.summary)),
        _ => {
            tracing::error!(id, "the summary of this call in the call log is damaged");
            Ok(None)
        }
    }
}

fn invocation(
    table: &ReadOnlyTable<ChunkKey, &'static [u8]>,
    id: CallId,
) -> Result<crate::Result<Invocation>> {
    let bytes = tables::read_chunks(table, id.get())?.unwrap_or_default();
    Ok(decode(&bytes).map_err(|Damaged| Error::Corrupted {
        id,
        part: RecordPart::Invocation,
    }))
}

fn damaged(id: CallId, part: RecordPart) -> Fault {
    Fault::Refused(Error::Corrupted { id, part })
}
