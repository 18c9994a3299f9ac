//! All functions, in memory.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{Arc, PoisonError, RwLock};

use dashmap::DashMap;
use faasm_model::{FunctionName, Name};

use super::FunctionRecord;

/// A part of a sorted list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// What to pass as `after` for the next page; `None` if this is the last.
    pub next: Option<Name>,
}

type Sorted = BTreeMap<Name, BTreeMap<Name, Arc<FunctionRecord>>>;

/// Records by name. Calls look up in `by_name`, whose locks are many and short; lists
/// read `sorted`. A writer changes both under `sorted`'s lock.
#[derive(Default)]
pub(super) struct Index {
    by_name: DashMap<FunctionName, Arc<FunctionRecord>>,
    sorted: RwLock<Sorted>,
}

impl Index {
    /// Longest page.
    pub(super) const MAX_PAGE: usize = 1000;

    pub(super) fn get(&self, name: &FunctionName) -> Option<Arc<FunctionRecord>> {
        self.by_name.get(name).map(|record| Arc::clone(&record))
    }

    /// Puts `record` in the place of the one that is returned.
    pub(super) fn insert(&self, record: Arc<FunctionRecord>) -> Option<Arc<FunctionRecord>> {
        let name = record.name.clone();
        let mut sorted = self.sorted.write().unwrap_or_else(PoisonError::into_inner);
        let of_user = sorted.entry(name.user.clone()).or_default();
        of_user.insert(name.function.clone(), Arc::clone(&record));
        self.by_name.insert(name, record)
    }

    pub(super) fn remove(&self, name: &FunctionName) -> Option<Arc<FunctionRecord>> {
        let mut sorted = self.sorted.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_user) = sorted.get_mut(&name.user) {
            of_user.remove(&name.function);
            if of_user.is_empty() {
                sorted.remove(&name.user);
            }
        }
        self.by_name.remove(name).map(|(_, record)| record)
    }

    pub(super) fn users(&self, after: Option<&Name>, limit: usize) -> Page<Name> {
        let sorted = self.sorted.read().unwrap_or_else(PoisonError::into_inner);
        page(&sorted, after, limit, |user, _| user.clone())
    }

    pub(super) fn list(
        &self,
        user: &Name,
        after: Option<&Name>,
        limit: usize,
    ) -> Page<Arc<FunctionRecord>> {
        let sorted = self.sorted.read().unwrap_or_else(PoisonError::into_inner);
        let none = BTreeMap::new();
        let of_user = sorted.get(user).unwrap_or(&none);
        page(of_user, after, limit, |_, record| Arc::clone(record))
    }
}

fn page<V, T>(
    map: &BTreeMap<Name, V>,
    after: Option<&Name>,
    limit: usize,
    item: impl Fn(&Name, &V) -> T,
) -> Page<T> {
    let start = after.map_or(Unbounded, Excluded);
    let mut rest = map.range::<Name, _>((start, Unbounded)).peekable();
    let mut items = Vec::new();
    let mut last = None;
    for (name, value) in rest.by_ref().take(limit.clamp(1, Index::MAX_PAGE)) {
        items.push(item(name, value));
        last = Some(name);
    }
    let more = rest.peek().is_some();
    Page {
        items,
        next: last.filter(|_| more).cloned(),
    }
}
