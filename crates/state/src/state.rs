//! The handle to all state of a worker.

use std::sync::Arc;

use bytes::Bytes;
use faasm_budget::MemoryBudget;
use faasm_model::{Key, Name, StateKey};

use crate::error::Result;
use crate::local::{PAGE, Pager, Store};
use crate::locks::{Locks, Party};
use crate::options::Options;
use crate::session::Session;
use crate::tier::{Expect, GlobalTier, ListedKey, Meta, Usage};
use crate::upload::Upload;

/// The state of all users, as one worker sees it. Cheap to clone.
#[derive(Clone)]
pub struct State(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) tier: Arc<dyn GlobalTier>,
    pub(crate) store: Arc<Store>,
    pub(crate) locks: Locks,
    pub(crate) pager: Pager,
    pub(crate) options: Options,
}

/// How much of the state is in this worker's memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LocalUsage {
    /// Keys that are known.
    pub values: usize,
    /// Bytes of the memory budget that they take.
    pub bytes: u64,
}

impl State {
    /// State over `tier`, whose local copies are charged to `budget`.
    ///
    /// # Errors
    /// The system's, when it gives no thread, or has pages that are not of 4 KiB.
    pub fn new(
        tier: Arc<dyn GlobalTier>,
        budget: &MemoryBudget,
        options: Options,
    ) -> std::io::Result<Self> {
        if rustix::param::page_size() as u64 != PAGE {
            let problem = "state needs a kernel whose memory pages have 4 KiB";
            return Err(std::io::Error::new(
                std::io::ErrorKind::Unsupported,
                problem,
            ));
        }
        let Options {
            max_local_bytes,
            max_local_values,
            ..
        } = options;
        Ok(Self(Arc::new(Inner {
            store: Store::new(budget.clone(), max_local_bytes, max_local_values),
            locks: Locks::new(),
            pager: Pager::start(Arc::clone(&tier))?,
            tier,
            options,
        })))
    }

    /// The memory budget that local copies are charged to.
    pub fn budget(&self) -> &MemoryBudget {
        self.0.store.budget()
    }

    /// The state as the call `party` sees and changes it.
    pub fn session(&self, party: Party) -> Session {
        Session::new(self.clone(), party)
    }

    /// What is known of a value in the global tier; `None` if there is none.
    ///
    /// # Errors
    /// Those of the global tier.
    pub async fn stat(&self, key: &StateKey) -> Result<Option<Meta>> {
        let opened = self.0.tier.open(key).await?;
        Ok(opened.map(|(meta, _pin)| meta))
    }

    /// Begins to set a value from outside.
    pub fn upload(&self, key: StateKey, expect: Expect) -> Upload {
        Upload::new(Arc::clone(&self.0), key, expect)
    }

    /// Sets a value from outside. The next access of any call finds it; calls that have
    /// the former one mapped keep that.
    ///
    /// # Errors
    /// Those of [`GlobalTier::put`].
    pub async fn set(&self, key: StateKey, value: Bytes, expect: Expect) -> Result<Meta> {
        let mut upload = self.upload(key, expect);
        upload.write(value).await?;
        upload.finish().await
    }

    /// Deletes a value, also one that no call has pushed yet; `false` if there is none.
    ///
    /// # Errors
    /// Those of [`GlobalTier::delete`].
    pub async fn delete(&self, key: &StateKey, expect: Expect) -> Result<bool> {
        let entry = self.0.store.entry(key);
        let tier = self.0.tier.as_ref();
        let delete = async {
            let deleted = tier.delete(key, expect).await? || entry.is_new();
            Ok((deleted, deleted))
        };
        entry.replace(tier, delete).await
    }

    /// A user's keys that begin with `prefix`, sorted, from the one behind `after` on.
    ///
    /// # Errors
    /// Those of the global tier.
    pub async fn list(
        &self,
        user: &Name,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<ListedKey>> {
        Ok(self.0.tier.list(user, prefix, after, limit).await?)
    }

    /// Users who have state, sorted, from the one behind `after` on.
    ///
    /// # Errors
    /// Those of the global tier.
    pub async fn users(&self, after: Option<&Name>, limit: usize) -> Result<Vec<Name>> {
        Ok(self.0.tier.users(after, limit).await?)
    }

    /// What a user's state takes in the global tier.
    ///
    /// # Errors
    /// Those of the global tier.
    pub async fn usage(&self, user: &Name) -> Result<Usage> {
        Ok(self.0.tier.usage(user).await?)
    }

    /// Adds an element to a key's list and returns how many there are.
    ///
    /// # Errors
    /// Those of [`GlobalTier::append`].
    pub async fn append(&self, key: &StateKey, element: Bytes) -> Result<u64> {
        Ok(self.0.tier.append(key, element).await?)
    }

    /// Elements of a key's list from the one of index `first` on, as many as one answer
    /// holds: none says that there are no more.
    ///
    /// # Errors
    /// Those of the global tier.
    pub async fn appended(&self, key: &StateKey, first: u64, count: u64) -> Result<Vec<Bytes>> {
        Ok(self.0.tier.appended(key, first, count).await?)
    }

    /// Empties a key's list.
    ///
    /// # Errors
    /// Those of the global tier.
    pub async fn clear_appended(&self, key: &StateKey) -> Result<()> {
        Ok(self.0.tier.clear_appended(key).await?)
    }

    /// Pushes what calls left unpushed, and drops all copies that nobody uses.
    ///
    /// # Errors
    /// The first of the global tier's; the rest was tried all the same.
    pub async fn flush(&self) -> Result<()> {
        let mut first = Ok(());
        for entry in self.0.store.entries() {
            let Some(region) = entry.region() else {
                continue;
            };
            let tier = self.0.tier.as_ref();
            let pushed = entry.push(tier, &region, None, None, None).await;
            first = first.and(pushed);
        }
        self.0.store.evict(u64::MAX, None);
        first
    }

    /// How much of the state is in this worker's memory.
    pub fn local_usage(&self) -> LocalUsage {
        let (values, bytes) = self.0.store.usage();
        LocalUsage { values, bytes }
    }

    /// Sets the metrics that describe this moment.
    pub fn record_metrics(&self) {
        let LocalUsage { values, bytes } = self.local_usage();
        metrics::gauge!("faasm_state_local_values").set(values as f64);
        metrics::gauge!("faasm_state_local_bytes").set(bytes as f64);
        metrics::counter!("faasm_state_commits_total").absolute(self.0.tier.commits());
    }

    /// Finishes what was asked for before and lets go of the storage.
    pub async fn close(&self) {
        self.0.tier.close().await;
    }
}
