//! Inputs and results, which may be large: those go in pieces, so that none keeps the
//! server for long.

use bytes::{Bytes, BytesMut};
use faasm_calllog::Result;

use super::{RedisLog, scripts};
use crate::redis::request::{Request, string};

/// Bytes that a script takes, and gives, beside the rest.
pub(super) const SHORT_BYTES: usize = 64 << 10;

/// Bytes of the inputs of calls that are read together; a larger one comes last.
pub(super) const PAGE_BYTES: u64 = 32 << 20;

/// Bytes of a piece of a large value.
const PIECE_BYTES: usize = 4 << 20;

/// Most bytes that are read of a value: what a string of the server can hold.
const MOST_BYTES: u64 = 512 << 20;

impl RedisLog {
    /// A value as two arguments of a request. A large one goes before it.
    pub(super) async fn send_ahead(&self, value: Vec<u8>) -> Result<[Bytes; 2]> {
        let value = Bytes::from(value);
        if value.len() <= PIECE_BYTES {
            return Ok([value, Bytes::new()]);
        }
        let name = self.nonce();
        let mut offset = 0;
        while offset < value.len() {
            let end = value.len().min(offset + PIECE_BYTES);
            let stage = self.call(&scripts::STAGE).arg(&name).arg(offset);
            self.run(stage.bytes(value.slice(offset..end)), None)
                .await?;
            offset = end;
        }
        Ok([Bytes::new(), name.into()])
    }

    /// Reads a value of `size` bytes, unless it came along; `None` when it is not of that
    /// size any more.
    pub(super) async fn value(&self, name: &str, size: u64, came: &Bytes) -> Result<Option<Bytes>> {
        if came.len() as u64 == size {
            return Ok(Some(came.clone()));
        }
        let mut value = BytesMut::new();
        while (value.len() as u64) < size.min(MOST_BYTES) {
            let mut range = redis::cmd("GETRANGE");
            range.arg(format!("{}{name}", self.tag())).arg(value.len());
            range.arg(value.len() + PIECE_BYTES - 1);
            let request = Request::Command(range);
            let answer = self.redis.link().ask(&request, PIECE_BYTES as u64).await;
            let piece = answer.and_then(|answer| {
                string(answer).map_err(|problem| self.redis.link().blame(problem))
            });
            let piece = piece.map_err(|error| self.unavailable(error))?;
            if piece.is_empty() {
                break;
            }
            value.extend_from_slice(&piece);
        }
        Ok((value.len() as u64 == size).then(|| value.freeze()))
    }
}
