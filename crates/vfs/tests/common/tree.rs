//! A lower tree in memory that can be changed while calls see it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use faasm_vfs::{Errno, Lower, LowerDirEntry, LowerFile, Metadata, NodeKind, SharedChange, Vfs};

/// A lower tree of the given files; directories are what the paths imply.
#[derive(Default)]
pub struct MemoryTree {
    entries: Mutex<Entries>,
    writable: AtomicBool,
    changes: AtomicU64,
    listed: AtomicU64,
    /// Entries in one listing at most; 0 for as many as are asked for.
    page: AtomicUsize,
}

#[derive(Default)]
struct Entries {
    files: BTreeMap<String, Arc<Bytes>>,
    directories: BTreeSet<String>,
}

struct Bytes {
    data: Vec<u8>,
    mtime: u64,
}

impl MemoryTree {
    pub fn new(files: &[(&str, &str)], directories: &[&str]) -> Self {
        let tree = Self::default();
        tree.entries().directories.insert(String::new());
        for (path, text) in files {
            tree.put(path, text.as_bytes());
        }
        for path in directories {
            tree.make(path);
        }
        tree
    }

    /// One that takes changes through `faasm://`.
    pub fn writable(files: &[(&str, &str)]) -> Arc<Self> {
        let tree = Self::new(files, &[]);
        tree.writable.store(true, Ordering::Relaxed);
        Arc::new(tree)
    }

    /// Entries that were asked for in all listings.
    pub fn listed(&self) -> u64 {
        self.listed.load(Ordering::Relaxed)
    }

    /// From now on a listing has no more entries than these, however many are asked for.
    pub fn list_at_most(&self, entries: usize) {
        self.page.store(entries, Ordering::Relaxed);
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn put(&self, path: &str, data: &[u8]) {
        let mtime = 42 + self.changes.fetch_add(1, Ordering::Relaxed);
        let data = data.to_vec();
        let mut entries = self.entries();
        let file = Arc::new(Bytes { data, mtime });
        entries.files.insert(path.to_owned(), file);
        entries.add_parents(path);
    }

    pub fn make(&self, path: &str) {
        let mut entries = self.entries();
        entries.directories.insert(path.to_owned());
        entries.add_parents(path);
    }

    /// Removes a file, or a directory with all that is in it.
    pub fn remove(&self, path: &str) {
        let inside = format!("{path}/");
        let is_left = |at: &str| at != path && !at.starts_with(&inside);
        let mut entries = self.entries();
        entries.files.retain(|at, _| is_left(at));
        entries.directories.retain(|at| is_left(at));
    }

    pub fn text(&self, path: &str) -> Option<String> {
        let file = self.entries().files.get(path).cloned()?;
        Some(String::from_utf8_lossy(&file.data).into_owned())
    }

    /// Carries out what a call asked for; how many changes that was.
    pub fn carry_out(&self, vfs: &mut Vfs) -> usize {
        let changes = std::iter::from_fn(|| vfs.next_change());
        changes.map(|change| self.apply(change)).count()
    }

    pub fn apply(&self, change: SharedChange) {
        match change {
            SharedChange::Publish(draft) => {
                let mut data = vec![0; draft.len() as usize];
                assert_eq!(draft.read_at(&mut data, 0), Ok(data.len()));
                self.put(draft.path(), &data);
            }
            SharedChange::CreateDirectory { path } => self.make(&path),
            SharedChange::Unlink { path } | SharedChange::RemoveDirectory { path } => {
                self.remove(&path);
            }
            SharedChange::Rename { from, to } => {
                self.remove(&to);
                self.entries().rename(&from, &to);
            }
        }
    }
}

impl Entries {
    fn add_parents(&mut self, path: &str) {
        let slashes = path.match_indices('/').map(|(at, _)| path[..at].to_owned());
        self.directories.extend(slashes);
    }

    fn rename(&mut self, from: &str, to: &str) {
        let inside = format!("{from}/");
        let renamed = |path: &str| match path.strip_prefix(&inside) {
            Some(rest) => format!("{to}/{rest}"),
            None if path == from => to.to_owned(),
            None => path.to_owned(),
        };
        let files = std::mem::take(&mut self.files);
        let moved = files.into_iter().map(|(path, file)| (renamed(&path), file));
        self.files = moved.collect();
        self.directories = self.directories.iter().map(|path| renamed(path)).collect();
    }
}

impl Lower for MemoryTree {
    fn metadata(&self, path: &str) -> Result<Metadata, Errno> {
        let entries = self.entries();
        if let Some(file) = entries.files.get(path) {
            return Ok(Metadata {
                kind: NodeKind::File,
                len: file.len(),
                mtime: file.mtime(),
            });
        }
        match entries.directories.contains(path) {
            true => Ok(Metadata {
                kind: NodeKind::Directory,
                len: 0,
                mtime: 7,
            }),
            false => Err(Errno::Noent),
        }
    }

    fn list(
        &self,
        path: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<LowerDirEntry>, Errno> {
        if self.metadata(path)?.kind == NodeKind::File {
            return Err(Errno::Notdir);
        }
        let limit = match self.page.load(Ordering::Relaxed) {
            0 => limit,
            page => limit.min(page),
        };
        let prefix = if path.is_empty() {
            String::new()
        } else {
            format!("{path}/")
        };
        let entry = |full: &String, kind| {
            let name = full.strip_prefix(&prefix)?;
            let fits = !name.is_empty() && !name.contains('/') && after.is_none_or(|it| name > it);
            fits.then(|| (name.to_owned(), kind))
        };
        let entries = self.entries();
        let files = entries.files.keys();
        let files = files.filter_map(|path| entry(path, NodeKind::File));
        let directories = entries.directories.iter();
        let directories = directories.filter_map(|path| entry(path, NodeKind::Directory));
        let listed: BTreeMap<String, NodeKind> = files.chain(directories).collect();
        let listed = listed.into_iter().take(limit);
        let listed: Vec<_> = listed
            .map(|(name, kind)| LowerDirEntry { name, kind })
            .collect();
        let count = listed.len() as u64;
        self.listed.fetch_add(count, Ordering::Relaxed);
        Ok(listed)
    }

    fn open(&self, path: &str) -> Result<Arc<dyn LowerFile>, Errno> {
        match self.entries().files.get(path) {
            Some(file) => Ok(file.clone()),
            None => Err(Errno::Noent),
        }
    }

    fn is_writable(&self) -> bool {
        self.writable.load(Ordering::Relaxed)
    }
}

impl LowerFile for Bytes {
    fn len(&self) -> u64 {
        self.data.len() as u64
    }

    fn mtime(&self) -> u64 {
        self.mtime
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize, Errno> {
        let rest = self.data.get(offset as usize..).unwrap_or_default();
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }
}
