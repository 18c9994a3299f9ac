//! A shared tree that others change while the call runs.

mod common;

use std::sync::Arc;

use common::{MemoryTree, RDWR, names, open, put, text, text_of, vfs_over};
use faasm_vfs::{Errno, Fd, Oflags, Rights, Symlinks, Vfs};

fn library() -> (Arc<MemoryTree>, Vfs) {
    let tree = Arc::new(MemoryTree::new(&[("a/b/x", "old"), ("y", "y")], &[]));
    let vfs = vfs_over(tree.clone());
    (tree, vfs)
}

fn reader(vfs: &mut Vfs, path: &str) -> Fd {
    open(vfs, path, Oflags::empty(), Rights::FD_READ).expect("it can be opened")
}

#[test]
fn the_next_open_sees_a_replaced_file_and_an_open_one_stays_as_it_was() {
    for path in ["a/b/x", "faasm://a/b/x"] {
        let (tree, mut vfs) = library();
        let before = reader(&mut vfs, path);
        tree.put("a/b/x", b"new and longer");
        assert_eq!(text(&mut vfs, path).unwrap(), "new and longer");
        let stat = vfs.path_filestat_get(Vfs::ROOT, path, Symlinks::Follow);
        assert_eq!(stat.unwrap().size, 14);
        assert_eq!(text_of(&mut vfs, before).unwrap(), "old");
        vfs.close(before).unwrap();
        assert_eq!(text(&mut vfs, path).unwrap(), "new and longer");
    }
}

#[test]
fn a_removed_file_is_gone_for_the_next_open_and_stays_open() {
    let (tree, mut vfs) = library();
    let before = reader(&mut vfs, "a/b/x");
    tree.remove("a/b/x");
    assert_eq!(text(&mut vfs, "a/b/x"), Err(Errno::Noent));
    assert!(names(&mut vfs, "a/b").unwrap().is_empty());
    assert_eq!(text_of(&mut vfs, before).unwrap(), "old");
}

#[test]
fn writing_to_a_file_that_was_replaced_changes_what_is_open_alone() {
    let (tree, mut vfs) = library();
    let before = open(&mut vfs, "a/b/x", Oflags::empty(), RDWR).unwrap();
    tree.put("a/b/x", b"new");
    assert_eq!(text(&mut vfs, "a/b/x").unwrap(), "new");
    vfs.write(before, b"O").unwrap();
    assert_eq!(text_of(&mut vfs, before).unwrap(), "Old");
    assert_eq!(text(&mut vfs, "a/b/x").unwrap(), "new");
    vfs.close(before).unwrap();
    assert_eq!(vfs.scratch_bytes(), 0);
}

#[test]
fn what_the_call_has_changed_stays_whatever_happens_below() {
    let (tree, mut vfs) = library();
    put(&mut vfs, "a/b/x", "mine").unwrap();
    tree.put("a/b/x", b"new");
    assert_eq!(text(&mut vfs, "a/b/x").unwrap(), "mine");
    tree.remove("a");
    assert_eq!(text(&mut vfs, "a/b/x").unwrap(), "mine");
    assert_eq!(names(&mut vfs, "/").unwrap(), ["a", "tmp", "y"]);
    assert_eq!(names(&mut vfs, "a").unwrap(), ["b"]);
    assert_eq!(names(&mut vfs, "a/b").unwrap(), ["x"]);
    let remove = vfs.path_remove_directory(Vfs::ROOT, "a/b");
    assert_eq!(remove, Err(Errno::Notempty));
    assert_eq!(names(&mut vfs, "faasm://").unwrap(), ["y"]);
}

#[test]
fn what_the_call_has_removed_stays_away_whatever_happens_below() {
    let (tree, mut vfs) = library();
    put(&mut vfs, "a/b/x", "mine").unwrap();
    let fd = reader(&mut vfs, "a/b/x");
    tree.remove("a");
    vfs.path_unlink_file(Vfs::ROOT, "a/b/x").unwrap();
    assert_eq!(text(&mut vfs, "a/b/x"), Err(Errno::Noent));
    tree.put("a/b/x", b"again");
    assert_eq!(text(&mut vfs, "a/b/x"), Err(Errno::Noent));
    assert_eq!(text_of(&mut vfs, fd).unwrap(), "mine");
    vfs.path_remove_directory(Vfs::ROOT, "a/b").unwrap();
    assert!(names(&mut vfs, "a").unwrap().is_empty());
}
