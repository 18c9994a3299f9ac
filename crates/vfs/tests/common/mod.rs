//! What the tests share: a lower tree in memory, an account that counts, and short names.
#![allow(
    dead_code,
    reason = "every test file compiles this and uses a part of it"
)]

mod tree;
pub mod walk;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use faasm_vfs::{Charge, Errno, Fd, Limits, Oflags, OpenOptions, Rights, Spill, Vfs};

pub use tree::MemoryTree;

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

pub fn vfs_over(tree: impl Into<Arc<MemoryTree>>) -> Vfs {
    Vfs::new(tree.into(), Account::new(u64::MAX), Limits::default())
}

/// Puts temporary files where the system does.
pub fn spill_above(bytes: u64) -> Spill {
    Spill {
        directory: std::env::temp_dir().into(),
        above: bytes,
    }
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
