//! The tokens of a cluster in a Redis server.

mod scripts;

use bytes::Bytes;
use faasm_auth::{Error, MAX_TOKENS, Result, TokenId, TokenRecord, TokenStore};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};

use super::assemble::Code;
use super::ears::Ear;
use super::error::{self, Problem};
use super::link::only;
use super::request::{Answer, Call, text};
use super::server::Redis;

/// Most requests under way together.
const MOST_REQUESTS: u32 = 1 << 16;

/// Tokens that one script lists.
const ROWS: usize = 200;

/// Fields of a token in a page.
const FIELDS: usize = 3;

/// What is before the number of every token.
const BEGINNING: &[u8] = b"-inf";

/// A [`TokenStore`] in a Redis server, for all servers of a cluster.
///
/// Each reads all tokens when it starts, and again when it is told that they have changed:
/// [`Change::Tokens`](crate::Change::Tokens) has a change known everywhere before it is
/// answered, [`changed`](TokenStore::changed) ends a moment after one. Whoever may write to
/// the server can make tokens.
pub struct RedisTokens {
    redis: Redis,
    gate: Semaphore,
    changes: Mutex<Ear>,
}

impl RedisTokens {
    /// The tokens in this server.
    #[must_use]
    pub fn new(redis: &Redis) -> Self {
        Self {
            gate: Semaphore::new(MOST_REQUESTS as usize),
            changes: Mutex::new(redis.listen("tokens")),
            redis: redis.clone(),
        }
    }

    fn call(&self, code: &'static Code) -> Call {
        let tag = format!("{{{}:tokens}}:", self.redis.link().prefix());
        self.redis.call(code, tag)
    }

    /// Does a script; `Err(Some(word))` when it refused.
    async fn run(&self, call: Call) -> Result<std::result::Result<Vec<Bytes>, String>> {
        match self.redis.link().script(call).await.map_err(unavailable)? {
            Answer::Done(fields) => Ok(Ok(fields)),
            Answer::Refused(word, detail) if word == "damaged" => Err(self.damaged(detail)),
            Answer::Refused(word, _) => Ok(Err(word)),
        }
    }

    /// Does a script that has no reason to refuse.
    async fn get(&self, call: Call) -> Result<Vec<Bytes>> {
        let done = self.run(call).await?;
        done.map_err(|word| self.damaged(format!("an unexpected answer, {word}")))
    }

    fn damaged(&self, what: impl Into<String>) -> Error {
        unavailable(self.redis.link().blame(Problem::Damaged(what.into())))
    }

    /// Holds the store open for a request.
    async fn enter(&self) -> Result<SemaphorePermit<'_>> {
        self.gate.acquire().await.map_err(|_| Error::Closed)
    }

    async fn keep(&self, record: TokenRecord) -> Result<()> {
        let _open = self.enter().await?;
        let call = self.call(&scripts::ADD).arg(record.id);
        let call = call.bytes(record.to_stored()?.into()).arg(MAX_TOKENS);
        match self.run(call).await? {
            Ok(_) => Ok(()),
            Err(word) if word == "exists" => Err(Error::Exists(record.id)),
            Err(word) if word == "crowded" => Err(Error::TooMany(MAX_TOKENS)),
            Err(word) => Err(self.damaged(format!("an unexpected answer, {word}"))),
        }
    }

    async fn read_all(&self) -> Result<Vec<TokenRecord>> {
        let _open = self.enter().await?;
        let (mut all, mut rows, mut after) = (Vec::new(), 0, Bytes::from_static(BEGINNING));
        loop {
            let call = self
                .call(&scripts::PAGE)
                .repeatable()
                .bytes(after)
                .arg(ROWS);
            let page = self
                .get(call.arg(TokenRecord::MAX_STORED_BYTES + 1))
                .await?;
            for row in page.chunks(FIELDS) {
                let [_, id, record] = row else {
                    return Err(self.damaged("the list of tokens"));
                };
                all.extend(TokenRecord::from_stored(id, record));
            }
            rows += page.len() / FIELDS;
            // The numbers go up, so that this comes to an end.
            after = match page.chunks(FIELDS).last() {
                Some([number, ..]) if page.len() >= ROWS * FIELDS => number.clone(),
                _ => break,
            };
            if rows > MAX_TOKENS {
                tracing::error!("Redis holds more tokens than faasm makes; the last do not count");
                break;
            }
        }
        all.sort_unstable_by_key(|record| record.id);
        Ok(all)
    }
}

impl TokenStore for RedisTokens {
    fn add(&self, record: TokenRecord) -> BoxFuture<'_, Result<()>> {
        self.keep(record).boxed()
    }

    fn remove(&self, id: TokenId) -> BoxFuture<'_, Result<bool>> {
        let remove = async move {
            let _open = self.enter().await?;
            let removed = self.get(self.call(&scripts::REMOVE).arg(id)).await?;
            Ok(only(&removed) == b"1")
        };
        remove.boxed()
    }

    fn all(&self) -> BoxFuture<'_, Result<Vec<TokenRecord>>> {
        self.read_all().boxed()
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        async { self.changes.lock().await.hear().await }.boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        let close = async {
            // Fails if the store is closed already.
            let all = self.gate.acquire_many(MOST_REQUESTS).await;
            self.gate.close();
            drop(all);
        };
        close.boxed()
    }
}

fn unavailable(error: error::Error) -> Error {
    match error {
        error::Error::Closed(_) => Error::Closed,
        error::Error::Server {
            problem: Problem::Damaged(what),
            server,
        } => Error::Storage(format!(
            "Redis at {server} holds something else than tokens: {}",
            text(what.as_bytes())
        )),
        other => Error::Unavailable(other.to_string()),
    }
}
