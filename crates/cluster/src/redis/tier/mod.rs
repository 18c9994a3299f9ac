//! The global tier, request by request.

mod lists;
mod locks;
mod values;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use faasm_model::{Key, Name, StateKey};
use faasm_state::tier::{
    Error, Expect, Fence, Generation, GlobalTier, ListedKey, MAX_VALUE_BYTES, Meta, Patch, Pin,
    Result, Usage, Version,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use redis::Cmd;

use super::assemble::Code;
use super::error;
use super::janitor;
use super::keys::Shard;
use super::link::Link;
use super::options::RedisOptions;
use super::pins::Pins;
use super::reading::Part;
use super::request::{Answer, Call, Request, number, strings};

/// Numbers beyond this are not exact in scripts.
const LAST_NUMBER: u64 = (1 << 53) - 1;

/// A [`GlobalTier`] in a Redis server, which several workers share.
///
/// The connection is served by a thread of its own. While it is lost, operations wait for
/// a new one, at most for [`RedisOptions::timeout`]. A change is never sent twice, and one
/// that was given up is not made later. Whether one that was made survives a failure of
/// the server is up to the server: see [`inspect`](crate::inspect).
///
/// What is replaced stays readable for [`RedisOptions::grace`], and longer where it is
/// pinned; a worker that cannot reach the server for that long finds
/// [`Error::Superseded`].
pub struct RedisTier {
    link: Arc<Link>,
    pins: Arc<Pins>,
    options: RedisOptions,
    changes: AtomicU64,
}

impl RedisTier {
    /// Connects to the server, and makes it a cluster's if it is new.
    ///
    /// # Errors
    /// Whatever may be wrong with the options or the server.
    pub async fn connect(options: RedisOptions) -> std::result::Result<Self, error::Error> {
        let link = Arc::new(Link::open(&options).await?);
        let (sender, abandoned) = tokio::sync::mpsc::unbounded_channel();
        let pins = Pins::new(sender);
        janitor::start(&link, &pins, abandoned, options.grace);
        Ok(Self {
            link,
            pins,
            options,
            changes: AtomicU64::new(0),
        })
    }

    /// The id of the cluster that the server holds: random, made with the first connection
    /// of the first worker.
    #[must_use]
    pub fn cluster(&self) -> &str {
        self.link.cluster()
    }

    /// A script on what `user` has, with the arguments that all have.
    fn call(&self, code: &'static Code, user: &Name, key: &str) -> Call {
        let options = &self.options;
        let tag = self.link.prefix().shard(Shard::of_user(user));
        Call::new(code, tag)
            .arg(options.grace.as_millis())
            .arg(user)
            .arg(key)
            .arg(options.max_user_bytes.of(user).min(&LAST_NUMBER))
            .arg(options.max_user_keys.min(LAST_NUMBER))
    }

    fn call_on(&self, code: &'static Code, key: &StateKey) -> Call {
        self.call(code, &key.user, key.key.as_str())
    }

    /// Does a script in the name of `user`.
    async fn run(&self, call: Call, user: &Name) -> Result<Vec<Bytes>> {
        match self.link.script(call).await? {
            Answer::Done(fields) => Ok(fields),
            Answer::Refused(word, detail) => Err(self.refusal(&word, detail, user)),
        }
    }

    /// As [`Self::run`], for what changes something.
    async fn change(&self, call: Call, user: &Name) -> Result<Vec<Bytes>> {
        let answer = self.link.script(call).await?;
        self.changed(answer, user)
    }

    /// What came of a change.
    fn changed(&self, answer: Answer, user: &Name) -> Result<Vec<Bytes>> {
        match answer {
            Answer::Done(fields) => {
                self.count_change();
                Ok(fields)
            }
            Answer::Refused(word, detail) => Err(self.refusal(&word, detail, user)),
        }
    }

    fn count_change(&self) {
        self.changes.fetch_add(1, Ordering::Relaxed);
    }

    /// The strings that a command answers.
    async fn row(&self, command: Cmd) -> Result<Vec<Bytes>> {
        let answer = self.link.ask(&Request::Command(command), 0).await?;
        Ok(strings(answer).map_err(|problem| self.link.blame(problem))?)
    }

    fn refusal(&self, word: &str, detail: String, user: &Name) -> Error {
        let counted = || detail.rsplit(' ').next()?.parse::<u64>().ok();
        match (word, counted()) {
            ("superseded", _) => Error::Superseded,
            ("conflict", there) => Error::Conflict(there.map(Version)),
            ("fenced", Some(latest)) => Error::Fenced {
                latest: Fence(latest),
            },
            ("quota", Some(has)) => {
                let (unit, limit, option) = match detail.starts_with("keys") {
                    true => ("keys", self.options.max_user_keys, "--max-state-keys"),
                    false => (
                        "bytes",
                        *self.options.max_user_bytes.of(user),
                        "--max-state-bytes",
                    ),
                };
                Error::Quota {
                    user: user.clone(),
                    what: format!("{has} {unit} of state"),
                    limit,
                    option,
                }
            }
            _ => Error::Corrupted(detail),
        }
    }

    /// A number in an answer.
    fn number(&self, what: &str, bytes: &[u8]) -> Result<u64> {
        Ok(number(what, bytes).map_err(|problem| self.link.blame(problem))?)
    }

    fn meta(&self, fields: &[Bytes]) -> Result<Meta> {
        let [generation, version, size] = fields else {
            return Err(Error::Corrupted("a record of a value".into()));
        };
        let size = self.number("a size", size)?;
        if size > MAX_VALUE_BYTES {
            return Err(Error::Corrupted(format!("a value of {size} bytes")));
        }
        Ok(Meta {
            generation: Generation(self.number("a generation", generation)?),
            version: Version(self.number("a version", version)?),
            size,
        })
    }
}

impl GlobalTier for RedisTier {
    fn open<'a>(&'a self, key: &'a StateKey) -> BoxFuture<'a, Result<Option<(Meta, Pin)>>> {
        self.open_value(key).boxed()
    }

    fn read(
        &self,
        generation: Generation,
        offset: u64,
        length: u64,
    ) -> BoxFuture<'_, Result<Bytes>> {
        let part = Part {
            generation,
            offset,
            length,
        };
        self.read_part(part).boxed()
    }

    fn patch<'a>(
        &'a self,
        key: &'a StateKey,
        generation: Generation,
        size: u64,
        patches: Vec<Patch>,
        fence: Option<Fence>,
    ) -> BoxFuture<'a, Result<Meta>> {
        self.patch_value(key, generation, size, patches, fence)
            .boxed()
    }

    fn put<'a>(
        &'a self,
        key: &'a StateKey,
        size: u64,
        patches: Vec<Patch>,
        expect: Expect,
        fence: Option<Fence>,
    ) -> BoxFuture<'a, Result<Meta>> {
        self.put_value(key, size, patches, expect, fence).boxed()
    }

    fn stage<'a>(&'a self, user: &'a Name) -> BoxFuture<'a, Result<(Generation, Pin)>> {
        self.stage_value(user).boxed()
    }

    fn write_staged(
        &self,
        generation: Generation,
        patches: Vec<Patch>,
    ) -> BoxFuture<'_, Result<()>> {
        self.write_parts(generation, patches).boxed()
    }

    fn publish<'a>(
        &'a self,
        key: &'a StateKey,
        generation: Generation,
        size: u64,
        expect: Expect,
        fence: Option<Fence>,
    ) -> BoxFuture<'a, Result<Meta>> {
        self.publish_value(key, generation, size, expect, fence)
            .boxed()
    }

    fn delete<'a>(&'a self, key: &'a StateKey, expect: Expect) -> BoxFuture<'a, Result<bool>> {
        self.delete_value(key, expect).boxed()
    }

    fn list<'a>(
        &'a self,
        user: &'a Name,
        prefix: &'a str,
        after: Option<&'a Key>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<ListedKey>>> {
        self.list_keys(user, prefix, after, limit).boxed()
    }

    fn users<'a>(
        &'a self,
        after: Option<&'a Name>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Name>>> {
        self.list_users(after, limit).boxed()
    }

    fn usage<'a>(&'a self, user: &'a Name) -> BoxFuture<'a, Result<Usage>> {
        self.usage_of(user).boxed()
    }

    fn append<'a>(&'a self, key: &'a StateKey, element: Bytes) -> BoxFuture<'a, Result<u64>> {
        self.append_element(key, element).boxed()
    }

    fn appended<'a>(
        &'a self,
        key: &'a StateKey,
        first: u64,
        count: u64,
    ) -> BoxFuture<'a, Result<Vec<Bytes>>> {
        self.elements(key, first, count).boxed()
    }

    fn clear_appended<'a>(&'a self, key: &'a StateKey) -> BoxFuture<'a, Result<()>> {
        self.clear_elements(key).boxed()
    }

    fn lock<'a>(
        &'a self,
        key: &'a StateKey,
        lease: Duration,
    ) -> BoxFuture<'a, Result<Option<Fence>>> {
        self.take_lock(key, lease).boxed()
    }

    fn renew<'a>(
        &'a self,
        key: &'a StateKey,
        fence: Fence,
        lease: Duration,
    ) -> BoxFuture<'a, Result<bool>> {
        self.extend(key, fence, lease.max(Duration::from_millis(1)))
            .boxed()
    }

    fn unlock<'a>(&'a self, key: &'a StateKey, fence: Fence) -> BoxFuture<'a, Result<()>> {
        async move { self.extend(key, fence, Duration::ZERO).await.map(drop) }.boxed()
    }

    fn commits(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.link.close().boxed()
    }
}
