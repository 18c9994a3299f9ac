//! The same random operations on a [`Vfs`] and on a directory of the host: results and errors must
//! be the same.
//!
//! What is left out because it differs on purpose: `..` above the root (here `/` again), sizes and
//! link counts of directories, seeking on directories, absolute paths, times, and the order in which
//! Linux complains: about a symbolic link to `name/` that is to be created, and about the second of
//! two directory descriptors that is none.

#[path = "../common/mod.rs"]
mod common;
mod guest;
mod host;
mod ops;

use std::path::Path;
use std::sync::Arc;

use common::{Account, MemoryTree};
use faasm_vfs::{Errno, FdKind, Limits, Spill, Vfs};
use guest::Guest;
use host::Host;
use ops::{Op, op};
use proptest::prelude::*;
use rustix::fs::{self, CWD, Mode, OFlags};

/// Whether the host does something else on purpose.
fn is_exception(guest: &mut Guest, op: &Op) -> bool {
    match op {
        Op::Seek(index, ..) => {
            let fd = guest.open.get(*index);
            fd.is_some_and(|&fd| guest.vfs.kind(fd) == Ok(FdKind::Directory))
        }
        Op::Rename { from, to } | Op::Link { from, to, .. } => [from.0, to.0].iter().any(|&at| {
            let fd = guest.at(at);
            guest.vfs.kind(fd) != Ok(FdKind::Directory)
        }),
        _ => false,
    }
}

const FILES: &[(&str, &str)] = &[
    ("a/b/c", "lower abc"),
    ("a/d", "lower ad"),
    ("c", "lower c"),
    ("d/a/a", "lower daa"),
];
const DIRECTORIES: &[&str] = &["b", "d/b"];

fn copy_to(root: &Path) {
    for directory in ["a/b", "d/a", "b", "d/b"] {
        std::fs::create_dir_all(root.join(directory)).expect("the test sets it up");
    }
    for (path, text) in FILES {
        std::fs::write(root.join(path), text).expect("the test sets it up");
    }
}

/// Empties a directory.
fn remove_all(vfs: &mut Vfs, path: &str) {
    for name in common::names(vfs, path).expect("a directory that was listed") {
        let path = format!("{path}/{name}");
        if vfs.path_unlink_file(Vfs::ROOT, &path) == Err(Errno::Isdir) {
            remove_all(vfs, &path);
            vfs.path_remove_directory(Vfs::ROOT, &path)
                .expect("it was emptied");
        }
    }
}

fn compare(
    ops: &[Op],
    lower: MemoryTree,
    spill: Option<Spill>,
    host_root: &Path,
) -> Result<(), TestCaseError> {
    let account = Account::new(u64::MAX);
    let vfs = Vfs::new(Arc::new(lower), account.clone(), Limits::default());
    let mut guest = Guest {
        vfs: match spill {
            Some(spill) => vfs.with_spill(spill),
            None => vfs,
        },
        open: Vec::new(),
    };
    guest
        .vfs
        .path_remove_directory(Vfs::ROOT, "tmp")
        .expect("the test sets it up");
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let root = fs::openat(CWD, host_root, flags, Mode::empty()).expect("the test sets it up");
    let mut host = Host {
        root,
        open: Vec::new(),
    };
    let mut done = Vec::new();
    for op in ops {
        if is_exception(&mut guest, op) {
            continue;
        }
        let outcome = host.run(op);
        done.push(format!("{op:?} = {outcome:?}"));
        prop_assert_eq!(guest.run(op), outcome, "{}", done.join("\n"));
        prop_assert_eq!(account.used(), guest.vfs.scratch_bytes());
    }
    for fd in std::mem::take(&mut guest.open) {
        guest.vfs.close(fd).expect("it is open");
    }
    remove_all(&mut guest.vfs, "/");
    prop_assert_eq!(guest.vfs.spilled_bytes(), 0);
    let left = guest.vfs.scratch_bytes();
    drop(guest);
    prop_assert_eq!(account.used(), 0);
    prop_assert!(
        left < 4096,
        "{} bytes are left when everything is removed",
        left
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn an_empty_filesystem_behaves_like_the_hosts(ops in prop::collection::vec(op(), 1..80)) {
        let directory = tempfile::tempdir().unwrap();
        compare(&ops, MemoryTree::new(&[], &[]), None, directory.path())?;
    }

    #[test]
    fn a_filesystem_over_a_lower_tree_behaves_like_a_copy_of_it(
        ops in prop::collection::vec(op(), 1..80),
    ) {
        let directory = tempfile::tempdir().unwrap();
        copy_to(directory.path());
        compare(&ops, MemoryTree::new(FILES, DIRECTORIES), None, directory.path())?;
    }

    #[test]
    fn a_filesystem_that_goes_to_disk_behaves_like_one_in_memory(
        ops in prop::collection::vec(op(), 1..80),
        above in 0..10_000_u64,
    ) {
        let directory = tempfile::tempdir().unwrap();
        copy_to(directory.path());
        let spill = Some(common::spill_above(above));
        compare(&ops, MemoryTree::new(FILES, DIRECTORIES), spill, directory.path())?;
    }
}
