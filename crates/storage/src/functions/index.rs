//! All functions, in memory.

use std::collections::{BTreeMap, HashSet};
use std::hash::Hash;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{Arc, PoisonError, RwLock};

use dashmap::DashMap;
use faasm_model::{FunctionName, Name};

use super::FunctionRecord;
use crate::Page;
use crate::records::Index;

type Sorted = BTreeMap<Name, BTreeMap<Name, Arc<FunctionRecord>>>;

/// Records by name. Calls look up in `by_name`, whose locks are many and short; lists
/// read `sorted`. A writer changes both under `sorted`'s lock.
pub(super) struct ByName {
    folder: &'static str,
    by_name: DashMap<FunctionName, Arc<FunctionRecord>>,
    sorted: RwLock<Sorted>,
}

impl Index for ByName {
    type Record = Arc<FunctionRecord>;

    fn folder(&self) -> &'static str {
        self.folder
    }

    fn get(&self, name: &FunctionName) -> Option<Arc<FunctionRecord>> {
        self.by_name.get(name).map(|record| Arc::clone(&record))
    }

    fn names(&self) -> Vec<FunctionName> {
        self.by_name.iter().map(|of| of.key().clone()).collect()
    }

    fn insert(&self, record: Arc<FunctionRecord>) -> Option<Arc<FunctionRecord>> {
        let name = record.name.clone();
        let mut sorted = self.sorted.write().unwrap_or_else(PoisonError::into_inner);
        let of_user = sorted.entry(name.user.clone()).or_default();
        of_user.insert(name.function.clone(), Arc::clone(&record));
        self.by_name.insert(name, record)
    }

    fn remove(&self, name: &FunctionName) -> Option<Arc<FunctionRecord>> {
        let mut sorted = self.sorted.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_user) = sorted.get_mut(&name.user) {
            of_user.remove(&name.function);
            if of_user.is_empty() {
                sorted.remove(&name.user);
            }
        }
        self.by_name.remove(name).map(|(_, record)| record)
    }
}

impl ByName {
    pub(super) fn new(folder: &'static str) -> Self {
        Self {
            folder,
            by_name: DashMap::new(),
            sorted: RwLock::default(),
        }
    }

    /// What `wanted` finds in any record.
    pub(super) fn filter_map<T: Eq + Hash>(
        &self,
        wanted: impl Fn(&FunctionRecord) -> Option<T>,
    ) -> HashSet<T> {
        let records = self.by_name.iter();
        records.filter_map(|record| wanted(&record)).collect()
    }

    pub(super) fn users(&self, after: Option<&Name>, limit: usize) -> Page<Name> {
        let sorted = self.sorted.read().unwrap_or_else(PoisonError::into_inner);
        let users = behind(&sorted, after).map(|(user, _)| user.clone());
        Page::first(users, limit, Name::clone)
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
        let records = behind(of_user, after).map(|(_, record)| Arc::clone(record));
        Page::first(records, limit, |record| record.name.function.clone())
    }
}

fn behind<'a, V>(
    map: &'a BTreeMap<Name, V>,
    after: Option<&Name>,
) -> impl Iterator<Item = (&'a Name, &'a V)> {
    map.range::<Name, _>((after.map_or(Unbounded, Excluded), Unbounded))
}
