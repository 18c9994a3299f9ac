//! All shared files, in memory.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use faasm_model::SharedPath;

use super::quota::{FilesOptions, Usage};
use super::{Entry, FileRecord, Metadata, key};
use crate::records::{Fault, Index};
use crate::{Error, Page, Result};

/// Files by path. A directory is there as long as something is in it.
pub(super) struct Tree {
    options: FilesOptions,
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<String, Arc<FileRecord>>,
    usage: Usage,
    /// What puts under way will take, by path.
    claims: BTreeMap<String, Usage>,
    /// The sum of the claims.
    claimed: Usage,
}

/// A path, and room, for a file that is being put. Dropping it gives both back, unless
/// the file has come.
pub(super) struct Claim<'a> {
    tree: &'a Tree,
    key: String,
}

impl Index for Tree {
    type Record = FileRecord;

    fn get(&self, path: &SharedPath) -> Option<Arc<FileRecord>> {
        self.read().files.get(&key::of(path)).cloned()
    }

    fn insert(&self, record: Arc<FileRecord>) -> Option<Arc<FileRecord>> {
        let key = key::of(&record.path);
        let mut state = self.write();
        state.end_claim(&key);
        state.usage += Usage::of_file(record.size);
        let replaced = state.files.insert(key, record);
        if let Some(replaced) = &replaced {
            state.usage -= Usage::of_file(replaced.size);
        }
        replaced
    }

    fn remove(&self, path: &SharedPath) -> Option<Arc<FileRecord>> {
        let mut state = self.write();
        let removed = state.files.remove(&key::of(path))?;
        state.usage -= Usage::of_file(removed.size);
        Some(removed)
    }

    fn admit(&self, loaded: &FileRecord) -> std::result::Result<(), Fault> {
        Ok(self.read().check_place(&loaded.path)?)
    }
}

impl Tree {
    pub(super) fn new(options: FilesOptions) -> Self {
        Self {
            options,
            state: RwLock::default(),
        }
    }

    pub(super) fn usage(&self) -> Usage {
        self.read().usage
    }

    /// Claims `path` for a file of `size` bytes. There is at most one claim of a path at a
    /// time: it takes the path's turn.
    pub(super) fn claim(&self, path: &SharedPath, size: u64) -> Result<Claim<'_>> {
        let mut state = self.write();
        state.check_place(path)?;
        let key = key::of(path);
        let replaced = state.files.get(&key).map(|record| record.size);
        let growth = Usage::growth(size, replaced);
        let mut taken = state.usage;
        taken += state.claimed;
        self.options.check(taken, growth)?;
        state.claimed += growth;
        state.claims.insert(key.clone(), growth);
        drop(state);
        Ok(Claim { tree: self, key })
    }

    pub(super) fn metadata(&self, path: Option<&SharedPath>) -> Option<Metadata> {
        self.read().metadata(path)
    }

    /// The entries of `directory` by name.
    pub(super) fn list(
        &self,
        directory: Option<&SharedPath>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Entry, String>> {
        let state = self.read();
        state.check_directory(directory)?;
        let prefix = key::prefix(directory);
        let mut from = after.map_or_else(|| prefix.clone(), |name| key::behind(&prefix, name));
        let entries = std::iter::from_fn(|| {
            let rest = (Included(from.as_str()), Unbounded);
            let (key, record) = state.files.range::<str, _>(rest).next()?;
            let below = key.strip_prefix(&prefix)?;
            let (name, metadata) = match below.split_once(key::SEPARATOR) {
                Some((name, _)) => (name, Metadata::Directory),
                None => (below, Metadata::File(Arc::clone(record))),
            };
            from = key::behind(&prefix, name);
            let name = name.to_owned();
            Some(Entry { name, metadata })
        });
        Ok(Page::first(entries, limit, |entry| entry.name.clone()))
    }

    /// All files below `directory` by path.
    pub(super) fn walk(
        &self,
        directory: Option<&SharedPath>,
        after: Option<&SharedPath>,
        limit: usize,
    ) -> Result<Page<Arc<FileRecord>, SharedPath>> {
        let state = self.read();
        state.check_directory(directory)?;
        let prefix = key::prefix(directory);
        let from = match after.map(key::of) {
            Some(after) if after >= prefix => Excluded(after),
            _ => Included(prefix.clone()),
        };
        let behind = state.files.range((from, Unbounded));
        let files = behind
            .take_while(|(key, _)| key.starts_with(&prefix))
            .map(|(_, record)| Arc::clone(record));
        Ok(Page::first(files, limit, |record| record.path.clone()))
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Refuses a file whose path is that of a directory, or leads through a file; those
    /// that are being put count as there.
    fn check_place(&self, path: &SharedPath) -> Result<()> {
        let key = key::of(path);
        let is_file = |key: &&str| self.files.contains_key(*key) || self.claims.contains_key(*key);
        let obstacle = match key::ancestors(&key).find(is_file) {
            Some(file) => SharedPath::new(&file.replace(key::SEPARATOR, "/")).ok(),
            None => {
                let prefix = key::below(&key);
                let is_directory =
                    has_below(&self.files, &prefix) || has_below(&self.claims, &prefix);
                is_directory.then(|| path.clone())
            }
        };
        let path = path.clone();
        obstacle.map_or(Ok(()), |obstacle| Err(Error::Conflict { path, obstacle }))
    }

    fn metadata(&self, path: Option<&SharedPath>) -> Option<Metadata> {
        let Some(path) = path else {
            return Some(Metadata::Directory);
        };
        let key = key::of(path);
        match self.files.get(&key) {
            Some(record) => Some(Metadata::File(Arc::clone(record))),
            None => has_below(&self.files, &key::below(&key)).then_some(Metadata::Directory),
        }
    }

    fn check_directory(&self, directory: Option<&SharedPath>) -> Result<()> {
        match (self.metadata(directory), directory) {
            (None, Some(path)) => Err(Error::NotFound(path.clone())),
            (Some(Metadata::File(record)), _) => Err(Error::NotADirectory(record.path.clone())),
            _ => Ok(()),
        }
    }

    fn end_claim(&mut self, key: &str) {
        if let Some(growth) = self.claims.remove(key) {
            self.claimed -= growth;
        }
    }
}

fn has_below<V>(map: &BTreeMap<String, V>, prefix: &str) -> bool {
    let from = (Included(prefix), Unbounded);
    let mut behind = map.range::<str, _>(from);
    behind
        .next()
        .is_some_and(|(key, _)| key.starts_with(prefix))
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.tree.write().end_claim(&self.key);
    }
}
