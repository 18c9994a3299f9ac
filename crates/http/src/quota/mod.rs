//! What a user may have, and how often they may call.

mod bucket;
mod options;
mod uploads;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use dashmap::DashMap;
use faasm_model::{FunctionName, Name, PerUser, Target};
use faasm_storage::FunctionRecord;
use metrics::{counter, describe_counter};

use bucket::Bucket;
pub use options::UserQuotas;
pub(crate) use uploads::Room;
use uploads::{Slot, Uploads};

use crate::api::Api;
use crate::error::{ApiError, ErrorCode};
use crate::upload::Kind;

const REFUSALS: &str = "faasm_quota_refusals_total";

/// Holds users to their quotas. What a user takes is counted from their first call on, for as long
/// as the server runs.
pub(crate) struct Quotas {
    limits: PerUser<UserQuotas>,
    users: DashMap<Name, Arc<User>>,
    uploads: Uploads,
}

#[derive(Default)]
struct User {
    rate: std::sync::Mutex<Option<Bucket>>,
    calls: AtomicU32,
}

/// A synchronous call that counts until this is dropped.
pub(crate) struct Counted(Option<Arc<User>>);

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(user) = &self.0 {
            user.calls.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Quotas {
    pub(crate) fn new(limits: PerUser<UserQuotas>) -> Self {
        Self {
            limits,
            users: DashMap::new(),
            uploads: Uploads::default(),
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
        let limits = quotas.limits.of(&name.user);
        if !limits.bound_calls() {
            return Ok(Counted(None));
        }
        // Only users who have something are remembered: others could be made up without end.
        if api.calls.faaslets().function(name, target).is_none() {
            return Ok(Counted(None));
        }
        let user = quotas.user(&name.user);
        if let Some(rate) = limits.calls_per_second {
            let mut bucket = user.rate.lock().unwrap_or_else(|e| e.into_inner());
            let now = Instant::now();
            let bucket = bucket.get_or_insert_with(|| Bucket::full(rate, now));
            if !bucket.take(rate, now) {
                let problem = format!("{} makes more than {rate} calls a second", name.user);
                return Err(refused("calls_per_second", ErrorCode::CallQuota, problem));
            }
        }
        let most = limits.concurrent_calls.filter(|_| synchronous);
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

    /// Room to store so many bytes as `name`, until what is returned is dropped: by then they are
    /// stored, or given up.
    pub(crate) fn reserve(
        api: &Api,
        kind: Kind,
        name: &FunctionName,
        bytes: u64,
    ) -> Result<Option<Room>, ApiError> {
        let (quotas, user) = (api.quotas(), &name.user);
        let Some(most) = quotas.limits.of(user).storage_bytes else {
            return Ok(None);
        };
        let stored = || {
            let kinds = [Kind::Wasm, Kind::Python].into_iter();
            kinds.flat_map(|kind| stored(api, kind, user)).collect()
        };
        let slot = (kind, name.function.clone());
        let room = quotas.uploads.begin(user, slot, bytes, most, stored);
        room.map(Some).map_err(|then| {
            let problem =
                format!("{user} would have {then} bytes of functions, and may have {most}");
            refused("storage_bytes", ErrorCode::StorageQuota, problem)
        })
    }
}

/// A user's functions of one kind, and their sizes.
fn stored(api: &Api, kind: Kind, user: &Name) -> Vec<(Slot, u64)> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = kind.functions(api).list(user, after.as_ref(), usize::MAX);
        let slot = |record: &Arc<FunctionRecord>| (kind, record.name.function.clone());
        all.extend(page.items.iter().map(|record| (slot(record), record.size)));
        after = page.next;
        if after.is_none() {
            return all;
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
