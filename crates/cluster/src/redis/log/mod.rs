//! The call log in a Redis server.

mod claims;
mod contract;
mod records;
mod scripts;
mod sharing;
mod values;

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use faasm_calllog::{Error, Result};
use faasm_model::CallId;
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};

use crate::redis::assemble::Code;
use crate::redis::ears::Ear;
use crate::redis::error::{self, Problem};
use crate::redis::request::{Answer, Call, number};
use crate::redis::server::Redis;
use claims::{Claims, told};

/// Most requests under way together.
const MOST_REQUESTS: u32 = 1 << 16;

/// A [`CallLog`](faasm_calllog::CallLog) in a Redis server, and a
/// [`SharedLog`](faasm_calllog::SharedLog) for the workers that run its calls.
///
/// The calls of each user wait in a stream; users who have some are in a ring. A claim to
/// a call runs out after 8 s by the server's clock. Whatever changes a call is one script,
/// which looks first whether the caller still has it.
///
/// What was acknowledged is in the server's memory; what a failure of the server leaves of
/// that is up to its settings, see [`inspect`](crate::inspect). All keys of the log have
/// one hash tag.
pub struct RedisLog {
    redis: Redis,
    claims: Claims,
    /// Numbers that tell one request from the others of this worker.
    requests: AtomicU64,
    /// The end of the ids that this worker knows to be handed out.
    known_ids: AtomicU64,
    max_waiting: u64,
    gate: Semaphore,
    work: Mutex<Ear>,
    recall: Mutex<Ear>,
}

impl RedisLog {
    /// The log in this server, where at most `max_waiting` calls of a user wait to be
    /// claimed.
    #[must_use]
    pub fn new(redis: &Redis, max_waiting: u64) -> Self {
        Self {
            claims: Claims::default(),
            requests: AtomicU64::new(0),
            known_ids: AtomicU64::new(1),
            max_waiting: max_waiting.min(CallId::END),
            gate: Semaphore::new(MOST_REQUESTS as usize),
            work: Mutex::new(redis.listen("work")),
            recall: Mutex::new(redis.listen(&format!("w:{}", redis.worker()))),
            redis: redis.clone(),
        }
    }

    /// What all keys of the log begin with.
    fn tag(&self) -> String {
        format!("{{{}:calls}}:", self.redis.link().prefix())
    }

    /// A script that may be asked for again when its answer is lost: either it changes
    /// nothing the second time, or that does no harm.
    fn call(&self, code: &'static Code) -> Call {
        self.redis.call(code, self.tag()).repeatable()
    }

    /// Does a script about one call, which this worker may have; `rest` follows the name of the
    /// request. If the call was lost and this worker has it again, it is done under the new claim.
    async fn run_on(
        &self,
        code: &'static Code,
        id: CallId,
        what: &str,
        rest: &[Bytes],
    ) -> Result<Vec<Bytes>> {
        loop {
            let claim = self.claims.of(id);
            // What is tried again under the same claim is the same request.
            let name = match claim {
                Some(claim) => format!("{}-{what}-{claim}", self.redis.worker()),
                None => self.nonce(),
            };
            let call = self.call(code).arg(id).arg(told(claim)).arg(name);
            let call = rest.iter().cloned().fold(call, Call::bytes);
            match self.run(call, Some(id)).await {
                Err(Error::Lost(_)) if !self.claims.end(id, claim) => {}
                answer => return answer,
            }
        }
    }

    /// A name for a request, so that it is recognised when it comes again.
    fn nonce(&self) -> String {
        let request = self.requests.fetch_add(1, Ordering::Relaxed);
        format!("{}-{request}", self.redis.worker())
    }

    /// Does a script; `id` is the call it is about.
    async fn run(&self, call: Call, id: Option<CallId>) -> Result<Vec<Bytes>> {
        match self.redis.link().script(call).await {
            Ok(Answer::Done(fields)) => Ok(fields),
            Ok(Answer::Refused(word, detail)) => Err(self.refusal(&word, detail, id)),
            Err(error) => Err(self.unavailable(error)),
        }
    }

    fn refusal(&self, word: &str, detail: String, id: Option<CallId>) -> Error {
        match (word, id) {
            ("unknown", Some(id)) => Error::UnknownCall(id),
            ("ended", Some(id)) => Error::AlreadyFinished(id),
            ("used", Some(id)) => Error::IdInUse(id),
            ("lost", Some(id)) => Error::Lost(id),
            ("full", _) => Error::QueueFull {
                limit: self.max_waiting,
            },
            ("exhausted", _) => Error::IdsExhausted,
            ("staged", _) => Error::Unavailable(
                "a large value did not stay in Redis until it was used; try again".into(),
            ),
            _ => self.damaged(detail),
        }
    }

    fn damaged(&self, what: impl Into<String>) -> Error {
        self.unavailable(self.redis.link().blame(Problem::Damaged(what.into())))
    }

    fn number(&self, what: &str, bytes: &[u8]) -> Result<u64> {
        let read = number(what, bytes);
        read.map_err(|problem| self.unavailable(self.redis.link().blame(problem)))
    }

    /// What callers are told of the server, and so is the log of this process.
    fn unavailable(&self, error: error::Error) -> Error {
        let consequence = "what was asked of the call log was not done";
        self.redis.link().complain(&error, consequence);
        match error {
            error::Error::Closed(_) => Error::Closed,
            error::Error::Server {
                problem: Problem::NoMemory,
                ..
            } => Error::NoSpace,
            other => Error::Unavailable(other.to_string()),
        }
    }

    /// Holds the log open for a request.
    async fn enter(&self) -> Result<SemaphorePermit<'_>> {
        self.gate.acquire().await.map_err(|_| Error::Closed)
    }
}
