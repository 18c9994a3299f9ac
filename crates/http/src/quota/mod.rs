//! What a user may have, and how often they may call.

mod bucket;
mod options;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use dashmap::DashMap;
use faasm_model::{FunctionName, Name, Target};
use faasm_storage::Functions;
use metrics::{counter, describe_counter};
use tokio::sync::{Mutex, OwnedMutexGuard};

use bucket::Bucket;
pub use options::UserQuotas;

use crate::api::Api;
use crate::error::{ApiError, ErrorCode};

/// How many users can store at a time.
const TURNS: usize = 64;

const REFUSALS: &str = "faasm_quota_refusals_total";

/// Holds users to their quotas. What a user takes is counted from their first call on, for as long
/// as the server runs.
pub(crate) struct Quotas {
    limits: UserQuotas,
    users: DashMap<Name, Arc<User>>,
    /// Users take turns at storing; a few who share one wait for each other.
    storing: [Arc<Mutex<()>>; TURNS],
    hasher: RandomState,
}

#[derive(Default)]
struct User {
    rate: std::sync::Mutex<Option<Bucket>>,
    calls: AtomicU32,
}

/// A synchronous call that counts until this is dropped.
pub(crate) struct Counted(Option<Arc<User>>);

/// A user's turn to store: what they have does not grow otherwise.
pub(crate) struct Turn(#[expect(dead_code, reason = "it is held")] Option<OwnedMutexGuard<()>>);

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(user) = &self.0 {
            user.calls.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Quotas {
    pub(crate) fn new(limits: UserQuotas) -> Self {
        Self {
            limits,
            users: DashMap::new(),
            storing: std::array::from_fn(|_| Arc::default()),
            hasher: RandomState::new(),
        }
    }

    fn user(&self, name: &Name) -> Arc<User> {
        // Most times there is one, and looking takes no writer's lock.
        if let Some(user) = self.users.get(name) {
            return Arc::clone(&user);
        }
        Arc::clone(&self.users.entry(name.clone()).or_default())
    }

    /// Counts a call that is about to be made. A `synchronous` one also has a place until what is
    /// returned is dropped; of the others as many wait as `--max-queued` says.
    pub(crate) fn enter(
        api: &Api,
        name: &FunctionName,
        target: &Target,
        synchronous: bool,
    ) -> Result<Counted, ApiError> {
        let quotas = api.quotas();
        if !quotas.limits.bound_calls() {
            return Ok(Counted(None));
        }
        // Only users who have something are remembered: others could be made up without end.
        if api.calls.faaslets().function(name, target).is_none() {
            return Ok(Counted(None));
        }
        let user = quotas.user(&name.user);
        if let Some(rate) = quotas.limits.calls_per_second {
            let mut bucket = user.rate.lock().unwrap_or_else(|e| e.into_inner());
            let now = Instant::now();
            let bucket = bucket.get_or_insert_with(|| Bucket::full(rate, now));
            if !bucket.take(rate, now) {
                let problem = format!("{} makes more than {rate} calls a second", name.user);
                return Err(refused("calls_per_second", ErrorCode::CallQuota, problem));
            }
        }
        let most = quotas.limits.concurrent_calls.filter(|_| synchronous);
        let Some(most) = most else {
            return Ok(Counted(None));
        };
        let before = user.calls.fetch_add(1, Ordering::Relaxed);
        let counted = Counted(Some(user));
        if before >= most.get() {
            let problem = format!("{} has {most} calls that are not answered yet", name.user);
            return Err(refused("concurrent_calls", ErrorCode::CallQuota, problem));
        }
        Ok(counted)
    }

    /// Whether the user may store so many bytes as `name` among those of its kind. It is their turn
    /// until what is returned is dropped.
    pub(crate) async fn store(
        api: &Api,
        kind: &Functions,
        name: &FunctionName,
        bytes: u64,
    ) -> Result<Turn, ApiError> {
        let quotas = api.quotas();
        let Some(most) = quotas.limits.storage_bytes else {
            return Ok(Turn(None));
        };
        let turn = quotas.hasher.hash_one(&name.user) % TURNS as u64;
        let turn = &quotas.storing[usize::try_from(turn).unwrap_or(0)];
        let turn = Arc::clone(turn).lock_owned().await;
        let stored: u64 = [api.storage.functions(), api.storage.python()]
            .into_iter()
            .map(|functions| stored(functions, &name.user))
            .sum();
        let replaced = kind.get(name).map_or(0, |record| record.size);
        let then = stored.saturating_sub(replaced).saturating_add(bytes);
        // Who is over a limit that was lowered may still make less of it.
        if then > most && bytes > replaced {
            let problem = format!(
                "{} would have {then} bytes of functions, and may have {most}",
                name.user
            );
            return Err(refused("storage_bytes", ErrorCode::StorageQuota, problem));
        }
        Ok(Turn(Some(turn)))
    }
}

/// Bytes of a user's functions of one kind.
fn stored(functions: &Functions, user: &Name) -> u64 {
    let (mut sum, mut after) = (0, None);
    loop {
        let page = functions.list(user, after.as_ref(), usize::MAX);
        sum += page.items.iter().map(|record| record.size).sum::<u64>();
        after = page.next;
        if after.is_none() {
            return sum;
        }
    }
}

fn refused(quota: &'static str, code: ErrorCode, problem: String) -> ApiError {
    counter!(REFUSALS, "quota" => quota).increment(1);
    ApiError::new(code, problem)
}

/// Says what is counted here.
pub(crate) fn describe() {
    describe_counter!(REFUSALS, "Requests refused for a user's quota, by quota");
}
