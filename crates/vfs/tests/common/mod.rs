//! What the tests share: a lower tree in memory, an account that counts, and short names.
#![allow(
    dead_code,
    reason = "every test file compiles this and uses a part of it"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use faasm_vfs::{
    Charge, Errno, Fd, Limits, Lower, LowerDirEntry, LowerFile, Metadata, NodeKind, Oflags,
    OpenOptions, Rights, Vfs,
};

/// A lower tree of the given files; directories are what the paths imply.
#[derive(Default)]
pub struct MemoryTree {
    files: BTreeMap<String, Arc<Bytes>>,
    directories: BTreeSet<String>,
}

struct Bytes(Vec<u8>);

impl MemoryTree {
    pub fn new(files: &[(&str, &str)], directories: &[&str]) -> Self {
        let mut tree = Self::default();
        tree.directories.insert(String::new());
        for (path, text) in files {
            tree.files.insert(
                (*path).to_owned(),
                Arc::new(Bytes(text.as_bytes().to_vec())),
            );
            tree.add_parents(path);
        }
        for path in directories {
            tree.directories.insert((*path).to_owned());
            tree.add_parents(path);
        }
        tree
    }

    fn add_parents(&mut self, path: &str) {
        let slashes = path.match_indices('/').map(|(at, _)| path[..at].to_owned());
        self.directories.extend(slashes);
    }
}

impl Lower for MemoryTree {
    fn metadata(&self, path: &str) -> Result<Metadata, Errno> {
        if let Some(file) = self.files.get(path) {
            return Ok(Metadata {
                kind: NodeKind::File,
                len: file.len(),
                mtime: file.mtime(),
            });
        }
        match self.directories.contains(path) {
            true => Ok(Metadata {
                kind: NodeKind::Directory,
                len: 0,
                mtime: 7,
            }),
            false => Err(Errno::Noent),
        }
    }

    fn list(&self, path: &str) -> Result<Vec<LowerDirEntry>, Errno> {
        let prefix = if path.is_empty() {
            String::new()
        } else {
            format!("{path}/")
        };
        let entry = |full: &String, kind| {
            let name = full.strip_prefix(&prefix)?;
            let fits = !name.is_empty() && !name.contains('/');
            fits.then(|| LowerDirEntry {
                name: name.to_owned(),
                kind,
            })
        };
        let files = self
            .files
            .keys()
            .filter_map(|path| entry(path, NodeKind::File));
        let directories = self.directories.iter();
        Ok(files
            .chain(directories.filter_map(|path| entry(path, NodeKind::Directory)))
            .collect())
    }

    fn open(&self, path: &str) -> Result<Arc<dyn LowerFile>, Errno> {
        match self.files.get(path) {
            Some(file) => Ok(file.clone()),
            None => Err(Errno::Noent),
        }
    }
}

impl LowerFile for Bytes {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn mtime(&self) -> u64 {
        42
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize, Errno> {
        let rest = self.0.get(offset as usize..).unwrap_or_default();
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }
}

/// Counts what is charged, and refuses beyond a bound.
pub struct Account {
    pub used: AtomicU64,
    pub max: u64,
}

impl Account {
    pub fn new(max: u64) -> Arc<Self> {
        Arc::new(Self {
            used: AtomicU64::new(0),
            max,
        })
    }

    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
}

impl Charge for Account {
    fn grow(&self, bytes: u64) -> bool {
        let add = |used: u64| used.checked_add(bytes).filter(|&sum| sum <= self.max);
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add)
            .is_ok()
    }

    fn shrink(&self, bytes: u64) {
        let before = self.used.fetch_sub(bytes, Ordering::Relaxed);
        assert!(before >= bytes, "more given back than taken");
    }
}

pub fn vfs_over(tree: MemoryTree) -> Vfs {
    Vfs::new(Arc::new(tree), Account::new(u64::MAX), Limits::default())
}

pub fn empty_vfs() -> Vfs {
    vfs_over(MemoryTree::new(&[], &[]))
}

pub const RDWR: Rights = Rights::FD_READ.union(Rights::FD_WRITE);

pub fn open(vfs: &mut Vfs, path: &str, oflags: Oflags, rights: Rights) -> Result<Fd, Errno> {
    vfs.path_open(
        Vfs::ROOT,
        path,
        OpenOptions {
            oflags,
            rights,
            ..OpenOptions::default()
        },
    )
}

/// Makes or overwrites a file.
pub fn put(vfs: &mut Vfs, path: &str, text: &str) -> Result<(), Errno> {
    let fd = open(vfs, path, Oflags::CREAT | Oflags::TRUNC, RDWR)?;
    let written = vfs.write(fd, text.as_bytes());
    vfs.close(fd)?;
    assert_eq!(written?, text.len());
    Ok(())
}

/// All of a file.
pub fn text(vfs: &mut Vfs, path: &str) -> Result<String, Errno> {
    let fd = open(vfs, path, Oflags::empty(), Rights::FD_READ)?;
    let text = text_of(vfs, fd);
    vfs.close(fd)?;
    text
}

/// All of an open file.
pub fn text_of(vfs: &mut Vfs, fd: Fd) -> Result<String, Errno> {
    let mut buf = vec![0; vfs.filestat_get(fd)?.size as usize + 1];
    let n = vfs.pread(fd, &mut buf, 0)?;
    Ok(String::from_utf8_lossy(&buf[..n]).into_owned())
}

/// The names in a directory, sorted, without `.` and `..`.
pub fn names(vfs: &mut Vfs, path: &str) -> Result<Vec<String>, Errno> {
    let fd = open(vfs, path, Oflags::DIRECTORY, Rights::empty())?;
    let entries = vfs.readdir(fd, 0)?;
    let mut names: Vec<String> = entries.map(|entry| entry.name.to_owned()).collect();
    names.retain(|name| name != "." && name != "..");
    names.sort();
    vfs.close(fd)?;
    Ok(names)
}
