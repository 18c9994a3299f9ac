//! Shared directories that are too large to be looked at for nothing.

mod common;

use std::sync::Arc;

use common::{Account, MemoryTree, RDWR, names, open, put};
use faasm_vfs::{
    Errno, Limits, Lower, LowerDirEntry, LowerFile, Metadata, NodeKind, Oflags, Rights, Vfs,
};

/// Files in the large directory.
const MANY: u64 = 2500;
/// What may be looked at without being asked for.
const PAGE: u64 = 1000;

fn large() -> (Arc<MemoryTree>, Arc<Account>, Vfs) {
    let tree = MemoryTree::writable(&[("other/x", "")]);
    for number in 0..MANY {
        tree.put(&format!("large/{number:04}"), b"");
    }
    let account = Account::new(u64::MAX);
    let vfs = Vfs::new(tree.clone(), account.clone(), Limits::default());
    (tree, account, vfs)
}

#[test]
fn whether_a_directory_is_empty_takes_a_look_at_one_entry() {
    let (tree, _, mut vfs) = large();
    let root = Vfs::ROOT;
    for (large, other) in [("faasm://large", "faasm://other"), ("large", "other")] {
        let before = tree.listed();
        let removed = vfs.path_remove_directory(root, large);
        assert_eq!(removed, Err(Errno::Notempty));
        let renamed = vfs.path_rename(root, other, root, large);
        assert_eq!(renamed, Err(Errno::Notempty));
        assert_eq!(tree.listed() - before, 2);
    }
}

#[test]
fn what_the_call_has_removed_there_is_looked_over_only_as_far_as_it_goes() {
    let (tree, _, mut vfs) = large();
    for number in 0..MANY - 1 {
        let path = format!("large/{number:04}");
        vfs.path_unlink_file(Vfs::ROOT, path).unwrap();
        if number % 500 == 0 {
            let before = tree.listed();
            let removed = vfs.path_remove_directory(Vfs::ROOT, "large");
            assert_eq!(removed, Err(Errno::Notempty));
            let pages = (tree.listed() - before).div_ceil(PAGE);
            assert_eq!(pages, (number + 1) / PAGE + 1);
        }
    }
    let last = format!("large/{}", MANY - 1);
    vfs.path_unlink_file(Vfs::ROOT, last).unwrap();
    vfs.path_remove_directory(Vfs::ROOT, "large").unwrap();
    assert_eq!(names(&mut vfs, "/").unwrap(), ["other", "tmp"]);
}

#[test]
fn pages_make_one_listing_with_what_the_call_has_changed() {
    let (_, _, mut vfs) = large();
    put(&mut vfs, "large/0003", "changed").unwrap();
    put(&mut vfs, "large/1500", "changed").unwrap();
    put(&mut vfs, "large/new", "").unwrap();
    vfs.path_unlink_file(Vfs::ROOT, "large/1000").unwrap();
    let mut expected: Vec<String> = (0..MANY).map(|number| format!("{number:04}")).collect();
    assert_eq!(names(&mut vfs, "faasm://large").unwrap(), expected);
    expected.remove(1000);
    expected.push("new".to_owned());
    assert_eq!(names(&mut vfs, "large").unwrap(), expected);
}

#[test]
fn a_listing_is_paid_for_as_it_is_made_and_ends_where_there_is_no_room() {
    let (tree, _, _) = large();
    let account = Account::new(100_000);
    let mut vfs = Vfs::new(tree.clone(), account.clone(), Limits::default());
    for directory in ["faasm://large", "large"] {
        let fd = open(&mut vfs, directory, Oflags::DIRECTORY, Rights::empty()).unwrap();
        let before = tree.listed();
        assert_eq!(vfs.readdir(fd, 0).err(), Some(Errno::Nomem));
        assert_eq!(tree.listed() - before, 2 * PAGE);
        assert_eq!(account.used(), 0);
    }
}

#[test]
fn a_directory_that_vanishes_while_it_is_listed_ends_there() {
    struct Vanishing(Arc<MemoryTree>);

    impl Lower for Vanishing {
        fn metadata(&self, path: &str) -> Result<Metadata, Errno> {
            self.0.metadata(path)
        }

        fn list(
            &self,
            path: &str,
            after: Option<&str>,
            limit: usize,
        ) -> Result<Vec<LowerDirEntry>, Errno> {
            let listed = self.0.list(path, after, limit);
            self.0.remove(path);
            listed
        }

        fn open(&self, path: &str) -> Result<Arc<dyn LowerFile>, Errno> {
            self.0.open(path)
        }
    }

    let (tree, account, _) = large();
    let mut vfs = Vfs::new(Arc::new(Vanishing(tree)), account, Limits::default());
    let listed = names(&mut vfs, "faasm://large").unwrap();
    assert_eq!(listed.len() as u64, PAGE);
}

#[test]
fn a_tree_that_never_comes_to_an_end_is_refused() {
    struct Endless;

    impl Lower for Endless {
        fn metadata(&self, _path: &str) -> Result<Metadata, Errno> {
            Ok(Metadata {
                kind: NodeKind::Directory,
                len: 0,
                mtime: 0,
            })
        }

        fn list(
            &self,
            _path: &str,
            _after: Option<&str>,
            _limit: usize,
        ) -> Result<Vec<LowerDirEntry>, Errno> {
            Ok(vec![LowerDirEntry {
                name: "again".to_owned(),
                kind: NodeKind::File,
            }])
        }

        fn open(&self, _path: &str) -> Result<Arc<dyn LowerFile>, Errno> {
            Err(Errno::Isdir)
        }
    }

    let account = Account::new(u64::MAX);
    let mut vfs = Vfs::new(Arc::new(Endless), account.clone(), Limits::default());
    assert_eq!(vfs.readdir(Vfs::ROOT, 0).err(), Some(Errno::Io));
    assert_eq!(account.used(), 0);
    let create = open(&mut vfs, "faasm://x", Oflags::CREAT, RDWR);
    assert_eq!(create, Err(Errno::Isdir));
}
