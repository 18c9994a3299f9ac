//! Writing through `faasm://`.

mod common;

use std::sync::Arc;

use common::{Account, MemoryTree, RDWR, names, open, put, text, text_of, vfs_over};
use faasm_vfs::{
    Errno, Fd, FdFlags, Limits, Oflags, OpenOptions, Rights, SetTimes, SharedChange, Symlinks,
    TimeChange, Vfs, Whence,
};

const WRITE: Rights = Rights::FD_WRITE;

fn library() -> (Arc<MemoryTree>, Vfs) {
    let tree = MemoryTree::writable(&[("data/x", "old x"), ("data/y", "old y")]);
    let vfs = vfs_over(tree.clone());
    (tree, vfs)
}

fn append(vfs: &mut Vfs, path: &str) -> Fd {
    let options = OpenOptions {
        oflags: Oflags::CREAT,
        rights: WRITE,
        fdflags: FdFlags::APPEND,
        ..OpenOptions::default()
    };
    vfs.path_open(Vfs::ROOT, path, options)
        .expect("it can be opened")
}

#[test]
fn a_written_file_is_published_whole_when_it_is_closed() {
    let (tree, mut vfs) = library();
    let fd = open(&mut vfs, "faasm://data/x", Oflags::TRUNC, WRITE).unwrap();
    vfs.write(fd, b"new").unwrap();
    assert_eq!(tree.carry_out(&mut vfs), 0);
    assert_eq!(text(&mut vfs, "faasm://data/x").unwrap(), "old x");
    vfs.close(fd).unwrap();
    assert_eq!(tree.carry_out(&mut vfs), 1);
    assert_eq!(tree.text("data/x").unwrap(), "new");
    assert_eq!(text(&mut vfs, "faasm://data/x").unwrap(), "new");
    assert_eq!(text(&mut vfs, "data/x").unwrap(), "new");
    assert_eq!(vfs.scratch_bytes(), 0);
}

#[test]
fn a_draft_shows_the_present_file_where_it_was_not_written() {
    let (tree, mut vfs) = library();
    let fd = open(&mut vfs, "faasm://data/x", Oflags::empty(), RDWR).unwrap();
    vfs.write(fd, b"OLD").unwrap();
    assert_eq!(text_of(&mut vfs, fd).unwrap(), "OLD x");
    tree.put("data/x", b"another's");
    assert_eq!(text_of(&mut vfs, fd).unwrap(), "OLD x");
    vfs.close(fd).unwrap();
    tree.carry_out(&mut vfs);
    assert_eq!(tree.text("data/x").unwrap(), "OLD x");
}

#[test]
fn created_appended_and_truncated_files_are_published() {
    let (tree, mut vfs) = library();
    let fd = append(&mut vfs, "faasm://data/x");
    vfs.write(fd, b" and more").unwrap();
    vfs.close(fd).unwrap();
    assert_eq!(tree.carry_out(&mut vfs), 1);
    assert_eq!(tree.text("data/x").unwrap(), "old x and more");

    let fd = open(&mut vfs, "faasm://new", Oflags::CREAT, Rights::FD_READ).unwrap();
    vfs.close(fd).unwrap();
    let fd = open(&mut vfs, "faasm://data/y", Oflags::TRUNC, Rights::FD_READ).unwrap();
    vfs.close(fd).unwrap();
    let fd = open(&mut vfs, "faasm://data/x", Oflags::empty(), WRITE).unwrap();
    vfs.filestat_set_size(fd, 3).unwrap();
    vfs.close(fd).unwrap();
    assert_eq!(tree.carry_out(&mut vfs), 3);
    let texts = ["new", "data/y", "data/x"].map(|path| tree.text(path).unwrap());
    assert_eq!(texts, ["", "", "old"]);
}

#[test]
fn a_file_that_was_only_opened_for_writing_is_left_alone() {
    let (tree, mut vfs) = library();
    let fd = open(&mut vfs, "faasm://data/x", Oflags::CREAT, RDWR).unwrap();
    assert_eq!(text_of(&mut vfs, fd).unwrap(), "old x");
    vfs.close(fd).unwrap();
    assert_eq!(tree.carry_out(&mut vfs), 0);
}

#[test]
fn the_last_of_two_writers_to_close_wins() {
    let (tree, mut one) = library();
    let mut two = vfs_over(tree.clone());
    let first = open(&mut one, "faasm://data/x", Oflags::TRUNC, WRITE).unwrap();
    let second = open(&mut two, "faasm://data/x", Oflags::TRUNC, WRITE).unwrap();
    two.write(second, b"two").unwrap();
    two.close(second).unwrap();
    tree.carry_out(&mut two);
    assert_eq!(tree.text("data/x").unwrap(), "two");
    one.write(first, b"one").unwrap();
    one.close(first).unwrap();
    tree.carry_out(&mut one);
    assert_eq!(tree.text("data/x").unwrap(), "one");
}

#[test]
fn the_last_of_several_descriptors_publishes_by_close_and_by_renumbering() {
    let (tree, mut vfs) = library();
    let fd = open(&mut vfs, "faasm://data/x", Oflags::TRUNC, WRITE).unwrap();
    let copy = vfs.dup(fd).unwrap();
    vfs.write(fd, b"by ").unwrap();
    vfs.close(fd).unwrap();
    assert_eq!(tree.carry_out(&mut vfs), 0);
    vfs.write(copy, b"both").unwrap();
    let other = open(&mut vfs, "mine", Oflags::CREAT, RDWR).unwrap();
    vfs.renumber(other, copy).unwrap();
    assert_eq!(tree.carry_out(&mut vfs), 1);
    assert_eq!(tree.text("data/x").unwrap(), "by both");
}

#[test]
fn a_finished_call_publishes_what_is_open_and_a_dropped_one_does_not() {
    let (tree, mut vfs) = library();
    let fd = open(&mut vfs, "faasm://data/x", Oflags::TRUNC, WRITE).unwrap();
    vfs.write(fd, b"lost").unwrap();
    drop(vfs);
    assert_eq!(tree.text("data/x").unwrap(), "old x");

    let mut vfs = vfs_over(tree.clone());
    for (path, data) in [("faasm://data/x", "kept"), ("faasm://data/y", "as well")] {
        let fd = open(&mut vfs, path, Oflags::TRUNC, WRITE).unwrap();
        vfs.write(fd, data.as_bytes()).unwrap();
    }
    assert_eq!(vfs.finish(), None);
    assert_eq!(vfs.kind(Vfs::ROOT), Err(Errno::Badf));
    assert_eq!(tree.carry_out(&mut vfs), 2);
    assert_eq!(tree.text("data/x").unwrap(), "kept");
    assert_eq!(tree.text("data/y").unwrap(), "as well");
}

#[test]
fn a_draft_stays_charged_until_it_is_published() {
    let tree = MemoryTree::writable(&[]);
    let account = Account::new(u64::MAX);
    let mut vfs = Vfs::new(tree.clone(), account.clone(), Limits::default());
    let fd = open(&mut vfs, "faasm://big", Oflags::CREAT, WRITE).unwrap();
    vfs.write(fd, &[1; 1_000_000]).unwrap();
    vfs.close(fd).unwrap();
    assert!(vfs.scratch_bytes() > 1_000_000);
    let change = vfs.next_change().unwrap();
    assert_eq!(vfs.scratch_bytes(), 0);
    drop(vfs);
    assert!(account.used() > 1_000_000);
    tree.apply(change);
    assert_eq!(account.used(), 0);
    assert_eq!(tree.text("big").unwrap().len(), 1_000_000);
}

#[test]
fn names_of_the_shared_tree_change_at_once() {
    let (tree, mut vfs) = library();
    let mut step = |operation: &mut dyn FnMut(&mut Vfs) -> Result<(), Errno>| {
        operation(&mut vfs).unwrap();
        assert_eq!(tree.carry_out(&mut vfs), 1);
        names(&mut vfs, "faasm://").unwrap()
    };
    let root = Vfs::ROOT;
    step(&mut |vfs| vfs.path_create_directory(root, "faasm://made"));
    step(&mut |vfs| vfs.path_rename(root, "faasm://data/x", root, "faasm://made/z"));
    let left = step(&mut |vfs| vfs.path_unlink_file(root, "faasm://data/y"));
    assert_eq!(left, ["data", "made"]);
    let left = step(&mut |vfs| vfs.path_remove_directory(root, "faasm://data"));
    assert_eq!(left, ["made"]);
    let left = step(&mut |vfs| vfs.path_rename(root, "faasm://made", root, "faasm://moved"));
    assert_eq!(left, ["moved"]);
    assert_eq!(text(&mut vfs, "moved/z").unwrap(), "old x");
}

#[test]
fn what_posix_forbids_is_refused_before_anything_is_asked() {
    let (tree, mut vfs) = library();
    let root = Vfs::ROOT;
    let remove = vfs.path_remove_directory(root, "faasm://data");
    assert_eq!(remove, Err(Errno::Notempty));
    assert_eq!(
        vfs.path_unlink_file(root, "faasm://data"),
        Err(Errno::Isdir)
    );
    assert_eq!(vfs.path_unlink_file(root, "faasm://no"), Err(Errno::Noent));
    let make = vfs.path_create_directory(root, "faasm://data");
    assert_eq!(make, Err(Errno::Exist));
    let into_itself = vfs.path_rename(root, "faasm://data", root, "faasm://data/d");
    assert_eq!(into_itself, Err(Errno::Inval));
    let exclusive = open(
        &mut vfs,
        "faasm://data/x",
        Oflags::CREAT | Oflags::EXCL,
        RDWR,
    );
    assert_eq!(exclusive, Err(Errno::Exist));
    let nowhere = open(&mut vfs, "faasm://no/file", Oflags::CREAT, RDWR);
    assert_eq!(nowhere, Err(Errno::Noent));
    assert_eq!(
        open(&mut vfs, "faasm://data", Oflags::empty(), RDWR),
        Err(Errno::Isdir)
    );
    assert_eq!(tree.carry_out(&mut vfs), 0);
}

#[test]
fn what_the_shared_tree_does_not_have_is_refused() {
    let (_, mut vfs) = library();
    let (root, shared) = (Vfs::ROOT, "faasm://data/x");
    put(&mut vfs, "mine", "").unwrap();
    let across = vfs.path_rename(root, "mine", root, "faasm://z");
    assert_eq!(across, Err(Errno::Xdev));
    assert_eq!(vfs.path_rename(root, shared, root, "z"), Err(Errno::Xdev));
    let link = vfs.path_link(root, Symlinks::Follow, shared, root, "faasm://z");
    assert_eq!(link, Err(Errno::Perm));
    let link = vfs.path_symlink("x", root, "faasm://data/link");
    assert_eq!(link, Err(Errno::Perm));
    let now = SetTimes {
        atim: TimeChange::Now,
        mtim: TimeChange::Now,
    };
    let fd = open(&mut vfs, shared, Oflags::empty(), RDWR).unwrap();
    assert_eq!(vfs.filestat_set_times(fd, now), Err(Errno::Perm));
    assert!(vfs.next_change().is_none());
}

#[test]
fn a_change_is_refused_while_the_last_one_waits() {
    let (tree, mut vfs) = library();
    vfs.path_unlink_file(Vfs::ROOT, "faasm://data/x").unwrap();
    let second = vfs.path_unlink_file(Vfs::ROOT, "faasm://data/y");
    assert_eq!(second, Err(Errno::Again));
    let change = vfs.next_change().unwrap();
    assert!(matches!(change, SharedChange::Unlink { path } if path == "data/x"));
    vfs.path_unlink_file(Vfs::ROOT, "faasm://data/y").unwrap();
    assert_eq!(tree.carry_out(&mut vfs), 1);
}

#[test]
fn only_a_draft_of_a_file_that_is_to_be_new_is_exclusive() {
    let (_, mut vfs) = library();
    let new = Oflags::CREAT | Oflags::EXCL;
    let ways = [
        ("faasm://new", new, true),
        ("faasm://new", Oflags::CREAT, false),
        ("faasm://data/x", Oflags::CREAT | Oflags::TRUNC, false),
        ("faasm://data/x", Oflags::TRUNC | Oflags::EXCL, false),
    ];
    for (path, oflags, exclusive) in ways {
        let fd = open(&mut vfs, path, oflags, RDWR).unwrap();
        vfs.close(fd).unwrap();
        let change = vfs.next_change().unwrap();
        let SharedChange::Publish(draft) = change else {
            panic!("{change:?}");
        };
        assert_eq!(draft.is_exclusive(), exclusive, "{path} {oflags:?}");
    }
}

#[test]
fn a_draft_is_a_file_like_any_other_to_its_descriptors() {
    let (_, mut vfs) = library();
    let fd = open(&mut vfs, "faasm://data/x", Oflags::empty(), RDWR).unwrap();
    let stat = vfs.filestat_get(fd).unwrap();
    let shared = vfs.path_filestat_get(Vfs::ROOT, "faasm://data/x", Symlinks::Follow);
    assert_eq!(Ok(stat), shared);
    assert_eq!(vfs.seek(fd, -1, Whence::End), Ok(4));
    vfs.write(fd, b"abc").unwrap();
    assert_eq!(vfs.filestat_get(fd).unwrap().size, 7);
    vfs.sync(fd).unwrap();
}
