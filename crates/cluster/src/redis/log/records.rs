//! What scripts tell of calls.

use bytes::Bytes;
use faasm_calllog::codec::{Damaged, decode};
use faasm_calllog::{Error, LoggedCall, PendingCall, RecordPart, Result};
use faasm_model::{CallId, CallSummary, FinishedCall, Invocation};

use super::RedisLog;

/// How many fields a call has in a page.
pub(super) const FIELDS: usize = 5;

/// The id and the summary in a row; `None` and a word in the worker's log when it is
/// damaged.
pub(super) fn summary(id: &Bytes, summary: &Bytes) -> Option<CallSummary> {
    let number = std::str::from_utf8(id)
        .ok()
        .and_then(|id| id.parse::<CallId>().ok());
    match decode::<CallSummary>(summary) {
        Ok(summary) if Some(summary.id) == number => Some(summary),
        _ => {
            let id = String::from_utf8_lossy(id);
            tracing::error!(%id, "the summary of this call in the call log is damaged");
            None
        }
    }
}

impl RedisLog {
    /// The answer to a question about a call; `Err(None)` when it has expired meanwhile.
    pub(super) async fn logged(&self, id: CallId, fields: &[Bytes]) -> Result<Option<LoggedCall>> {
        let [state, row, attempts, size, result] = fields else {
            return match fields {
                [] => Ok(None),
                _ => Err(self.damaged(format!("the record of call {id}"))),
            };
        };
        let damaged = |part| Error::Corrupted { id, part };
        if state.as_ref() != b"ended" {
            let summary = summary(&id.to_string().into(), row);
            return Ok(Some(LoggedCall::Pending {
                summary: summary.ok_or(damaged(RecordPart::Summary))?,
                attempts: self.attempts(attempts)?,
            }));
        }
        let size = self.number("the size of a result", size)?;
        let bytes = self.value(&format!("r:{id}"), size, result).await?;
        match decode::<FinishedCall>(&bytes.unwrap_or_default()) {
            Ok(finished) if finished.id == id => Ok(Some(LoggedCall::Finished(finished))),
            _ => Err(damaged(RecordPart::Result)),
        }
    }

    /// A call of a page that has not ended, and how many bytes it has. `None` if its
    /// summary is damaged.
    pub(super) async fn pending_call(&self, row: &[Bytes]) -> Result<Option<(PendingCall, u64)>> {
        let [id, line, attempts, size, invocation] = row else {
            return Err(self.damaged("a page of calls"));
        };
        let Some(summary) = summary(id, line) else {
            return Ok(None);
        };
        let id = summary.id;
        let size = self.number("the size of an input", size)?;
        let bytes = self.value(&format!("i:{id}"), size, invocation).await?;
        let invocation = decode::<Invocation>(&bytes.unwrap_or_default());
        let call = PendingCall {
            summary,
            attempts: self.attempts(attempts)?,
            invocation: invocation.map_err(|Damaged| Error::Corrupted {
                id,
                part: RecordPart::Invocation,
            }),
        };
        Ok(Some((call, size)))
    }

    fn attempts(&self, bytes: &[u8]) -> Result<u32> {
        let attempts = self.number("the attempts of a call", bytes)?;
        Ok(u32::try_from(attempts).unwrap_or(u32::MAX))
    }
}
