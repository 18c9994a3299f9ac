//! All shared files and directories, in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use faasm_model::SharedPath;

use super::claims::{Claims, Kind};
use super::quota::{FilesOptions, Usage};
use super::record::{FileRecord, Node};
use super::{Entry, Metadata, key};
use crate::page::MAX_PAGE;
use crate::records::{Fault, Index, Record};
use crate::{Error, Page, Result};

/// Files and directories by path. A directory is there while it was made or something is
/// in it.
pub(super) struct Tree {
    options: FilesOptions,
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    nodes: BTreeMap<String, Node>,
    /// That of all nodes but those that have `moved`.
    usage: Usage,
    /// Keys of files that have got their new path and not yet lost this one.
    moved: BTreeSet<String>,
    claims: Claims,
}

/// A path, and room, for what is being put there. Dropping it gives both back, unless it
/// has come.
pub(super) struct Claim<'a> {
    tree: &'a Tree,
    key: String,
    kind: Kind,
}

impl Index for Tree {
    type Record = Node;

    fn folder(&self) -> &'static str {
        "files"
    }

    fn get(&self, path: &SharedPath) -> Option<Node> {
        self.read().nodes.get(&key::of(path)).cloned()
    }

    fn names(&self) -> Vec<SharedPath> {
        self.read()
            .nodes
            .values()
            .map(Node::name)
            .cloned()
            .collect()
    }

    fn insert(&self, node: Node) -> Option<Node> {
        let key = key::of(node.name());
        let mut state = self.write();
        if let Some(Kind::Renamed(from)) = state.claims.end(&key) {
            state.move_away(from);
        }
        state.usage += Usage::of(&node);
        let replaced = state.nodes.insert(key.clone(), node)?;
        state.discount(&key, &replaced);
        Some(replaced)
    }

    fn remove(&self, path: &SharedPath) -> Option<Node> {
        let mut state = self.write();
        let key = key::of(path);
        let removed = state.nodes.remove(&key)?;
        state.discount(&key, &removed);
        Some(removed)
    }

    fn admit(&self, loaded: &Node) -> std::result::Result<(), Fault> {
        let (state, path) = (self.read(), loaded.name());
        match loaded {
            Node::File(_) => state.check_place(path)?,
            Node::Directory(_) => state.check_above(path)?,
        }
        Ok(())
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

    /// Refuses a file of `size` bytes for which there is no place, or no room beside what is
    /// there.
    pub(super) fn check_file(&self, path: &SharedPath, size: u64) -> Result<()> {
        let state = self.read();
        let growth = state.growth(path, size)?;
        // Not beside what is being put: that may be what this is to replace.
        self.options.check(state.usage, growth)
    }

    /// Refuses a path where anything is.
    pub(super) fn check_free(&self, path: &SharedPath) -> Result<()> {
        self.read().check_free(path)
    }

    /// Claims `path` for a file of `size` bytes that is being put.
    pub(super) fn claim_file(&self, path: &SharedPath, size: u64) -> Result<Claim<'_>> {
        let mut state = self.write();
        let growth = state.growth(path, size)?;
        self.claim(&mut state, path, Kind::File, growth)
    }

    /// Claims `path` for the file at `from`, which takes already what it takes: as soon as it
    /// is there, the one at `from` counts no more.
    pub(super) fn claim_rename(&self, from: &SharedPath, path: &SharedPath) -> Result<Claim<'_>> {
        let mut state = self.write();
        state.check_place(path)?;
        let kind = Kind::Renamed(key::of(from));
        self.claim(&mut state, path, kind, Usage::default())
    }

    /// Claims `path` for a directory that is being made.
    pub(super) fn claim_directory(&self, path: &SharedPath) -> Result<Claim<'_>> {
        let mut state = self.write();
        state.check_free(path)?;
        state.check_directory(path.parent().as_ref())?;
        self.claim(&mut state, path, Kind::Directory, Usage::DIRECTORY)
    }

    fn claim(
        &self,
        state: &mut State,
        path: &SharedPath,
        kind: Kind,
        growth: Usage,
    ) -> Result<Claim<'_>> {
        let mut taken = state.usage;
        taken += state.claims.growth();
        self.options.check(taken, growth)?;
        let (tree, key) = (self, key::of(path));
        let claims = &mut state.claims;
        claims.add(key.clone(), path.clone(), kind.clone(), growth);
        Ok(Claim { tree, key, kind })
    }

    pub(super) fn metadata(&self, path: Option<&SharedPath>) -> Option<Metadata> {
        self.read().metadata(path)
    }

    /// The file at `path`.
    pub(super) fn file(&self, path: &SharedPath) -> Result<Arc<FileRecord>> {
        match self.metadata(Some(path)) {
            Some(Metadata::File(file)) => Ok(file),
            Some(Metadata::Directory) => Err(Error::IsADirectory(path.clone())),
            None => Err(Error::NotFound(path.clone())),
        }
    }

    /// Refuses all but directories; `None` stands for the root.
    pub(super) fn check_directory(&self, directory: Option<&SharedPath>) -> Result<()> {
        self.read().check_directory(directory)
    }

    /// Refuses all but directories with nothing in them.
    pub(super) fn check_empty(&self, directory: &SharedPath) -> Result<()> {
        let state = self.read();
        state.check_directory(Some(directory))?;
        match has_below(&state.nodes, &key::prefix(Some(directory))) {
            true => Err(Error::NotEmpty(directory.clone())),
            false => Ok(()),
        }
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
            let (key, node) = state.nodes.range::<str, _>(rest).next()?;
            let below = key.strip_prefix(&prefix)?;
            let (name, metadata) = match below.split_once(key::SEPARATOR) {
                Some((name, _)) => (name, Metadata::Directory),
                None => (below, node.metadata()),
            };
            from = key::behind(&prefix, name);
            let name = name.to_owned();
            Some(Entry { name, metadata })
        });
        Ok(Page::first(entries, limit, |entry| entry.name.clone()))
    }

    /// The files among the next [`MAX_PAGE`] nodes below `directory`, by path.
    pub(super) fn walk(
        &self,
        directory: Option<&SharedPath>,
        after: Option<&SharedPath>,
        limit: usize,
    ) -> Result<Page<Arc<FileRecord>, SharedPath>> {
        let state = self.read();
        state.check_directory(directory)?;
        let below = state.below(directory, after);
        let nodes = Page::first(below, MAX_PAGE, |node| node.name().clone());
        let files = nodes.items.into_iter().filter_map(Node::file).cloned();
        let page = Page::first(files, limit, |record| record.path.clone());
        Ok(Page {
            next: page.next.or(nodes.next),
            ..page
        })
    }

    /// The paths of all files, and directories that were made, below `directory`.
    pub(super) fn paths(
        &self,
        directory: &SharedPath,
        after: Option<&SharedPath>,
        limit: usize,
    ) -> Page<SharedPath, SharedPath> {
        let state = self.read();
        let paths = state.below(Some(directory), after).map(Node::name).cloned();
        Page::first(paths, limit, SharedPath::clone)
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts the file with this key no more, while it still has its old path.
    fn move_away(&mut self, key: String) {
        if let Some(node) = self.nodes.get(&key) {
            self.usage -= Usage::of(node);
            self.moved.insert(key);
        }
    }

    /// Counts the file with this key again, which keeps its old path, if it was not.
    fn move_back(&mut self, key: &str) {
        if self.moved.remove(key)
            && let Some(node) = self.nodes.get(key)
        {
            self.usage += Usage::of(node);
        }
    }

    /// Counts no more what had this key and is gone, if it was counted.
    fn discount(&mut self, key: &str, gone: &Node) {
        if !self.moved.remove(key) {
            self.usage -= Usage::of(gone);
        }
    }

    /// What a file of `size` bytes at `path` would take more than there is now.
    fn growth(&self, path: &SharedPath, size: u64) -> Result<Usage> {
        self.check_place(path)?;
        let replaced = self.file(&key::of(path)).map(|file| file.size);
        Ok(Usage::growth(size, replaced))
    }

    /// Refuses a path where anything is.
    fn check_free(&self, path: &SharedPath) -> Result<()> {
        match self.metadata(Some(path)) {
            Some(_) => Err(Error::Exists(path.clone())),
            None => Ok(()),
        }
    }

    /// Refuses a file whose path is that of a directory, or leads through a file; what is
    /// being put counts as there.
    fn check_place(&self, path: &SharedPath) -> Result<()> {
        self.check_above(path)?;
        let below = key::prefix(Some(path));
        let is_directory = self.metadata(Some(path)) == Some(Metadata::Directory);
        match is_directory || self.claims.has_below(&below) {
            true => Err(conflict(path, path)),
            false => Ok(()),
        }
    }

    /// Refuses a path that leads through a file, or one that is being put.
    fn check_above(&self, path: &SharedPath) -> Result<()> {
        let key = key::of(path);
        let file = |key| {
            let stored = self.file(key).map(|file| &file.path);
            stored.or_else(|| self.claims.file(key))
        };
        match key::ancestors(&key).find_map(file) {
            Some(file) => Err(conflict(path, file)),
            None => Ok(()),
        }
    }

    fn file(&self, key: &str) -> Option<&Arc<FileRecord>> {
        self.nodes.get(key)?.file()
    }

    fn metadata(&self, path: Option<&SharedPath>) -> Option<Metadata> {
        let Some(path) = path else {
            return Some(Metadata::Directory);
        };
        let key = key::of(path);
        match self.nodes.get(&key) {
            Some(node) => Some(node.metadata()),
            None => has_below(&self.nodes, &key::below(&key)).then_some(Metadata::Directory),
        }
    }

    fn check_directory(&self, directory: Option<&SharedPath>) -> Result<()> {
        match (self.metadata(directory), directory) {
            (None, Some(path)) => Err(Error::NotFound(path.clone())),
            (Some(Metadata::File(record)), _) => Err(Error::NotADirectory(record.path.clone())),
            _ => Ok(()),
        }
    }

    /// What is below `directory`, and behind `after`, by path.
    fn below(
        &self,
        directory: Option<&SharedPath>,
        after: Option<&SharedPath>,
    ) -> impl Iterator<Item = &Node> {
        let prefix = key::prefix(directory);
        let from = match after.map(key::of) {
            Some(after) if after >= prefix => Excluded(after),
            _ => Included(prefix.clone()),
        };
        let behind = self.nodes.range((from, Unbounded));
        let below = behind.take_while(move |(key, _)| key.starts_with(&prefix));
        below.map(|(_, node)| node)
    }
}

impl Node {
    fn metadata(&self) -> Metadata {
        let file = self.file().cloned();
        file.map_or(Metadata::Directory, Metadata::File)
    }
}

/// Whether there is a key that begins with `prefix`.
pub(super) fn has_below<V>(map: &BTreeMap<String, V>, prefix: &str) -> bool {
    let from = (Included(prefix), Unbounded);
    let mut behind = map.range::<str, _>(from);
    behind
        .next()
        .is_some_and(|(key, _)| key.starts_with(prefix))
}

fn conflict(path: &SharedPath, obstacle: &SharedPath) -> Error {
    Error::Conflict {
        path: path.clone(),
        obstacle: obstacle.clone(),
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut state = self.tree.write();
        state.claims.end(&self.key);
        if let Kind::Renamed(from) = &self.kind {
            state.move_back(from);
        }
    }
}
