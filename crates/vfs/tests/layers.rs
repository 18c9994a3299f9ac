//! The scratch layer over a lower tree, and `faasm://`.

mod common;

use common::{MemoryTree, RDWR, empty_vfs, names, open, put, text, text_of, vfs_over};
use faasm_vfs::{Errno, Filetype, Oflags, Rights, SetTimes, Symlinks, TimeChange, Vfs};

fn library() -> Vfs {
    vfs_over(MemoryTree::new(
        &[
            ("data/x", "lower x"),
            ("data/y", "lower y"),
            ("data/deep/z", "lower z"),
        ],
        &["empty"],
    ))
}

#[test]
fn a_call_starts_with_an_empty_tmp_and_the_lower_tree() {
    let mut vfs = library();
    assert_eq!(names(&mut vfs, "/").unwrap(), ["data", "empty", "tmp"]);
    assert!(names(&mut vfs, "tmp").unwrap().is_empty());
    assert_eq!(text(&mut vfs, "data/deep/z").unwrap(), "lower z");
    assert_eq!(vfs.scratch_bytes(), 0, "reading is free");
}

#[test]
fn any_path_can_be_written_and_the_shared_file_stays() {
    let mut vfs = library();
    let fd = open(&mut vfs, "data/x", Oflags::empty(), RDWR).unwrap();
    vfs.write(fd, b"LOWER").unwrap();
    assert_eq!(text(&mut vfs, "data/x").unwrap(), "LOWER x");
    assert_eq!(text(&mut vfs, "faasm://data/x").unwrap(), "lower x");
    assert_eq!(names(&mut vfs, "data").unwrap(), ["deep", "x", "y"]);
}

#[test]
fn one_descriptor_sees_what_another_writes_to_a_lower_file() {
    let mut vfs = library();
    let reader = open(&mut vfs, "data/x", Oflags::empty(), Rights::FD_READ).unwrap();
    put(&mut vfs, "data/x", "new").unwrap();
    assert_eq!(text_of(&mut vfs, reader).unwrap(), "new");
}

#[test]
fn a_removed_lower_file_is_gone_and_can_be_made_again() {
    let mut vfs = library();
    vfs.path_unlink_file(Vfs::ROOT, "data/x").unwrap();
    assert_eq!(text(&mut vfs, "data/x"), Err(Errno::Noent));
    assert_eq!(names(&mut vfs, "data").unwrap(), ["deep", "y"]);
    assert_eq!(text(&mut vfs, "/faasm://data/x").unwrap(), "lower x");
    put(&mut vfs, "data/x", "mine").unwrap();
    assert_eq!(text(&mut vfs, "data/x").unwrap(), "mine");
}

#[test]
fn a_renamed_lower_directory_takes_its_files_along_and_copies_nothing() {
    let mut vfs = library();
    let before = vfs
        .path_filestat_get(Vfs::ROOT, "data/deep/z", Symlinks::Follow)
        .unwrap();
    vfs.path_rename(Vfs::ROOT, "data", Vfs::ROOT, "tmp/moved")
        .unwrap();
    assert_eq!(text(&mut vfs, "tmp/moved/deep/z").unwrap(), "lower z");
    assert_eq!(text(&mut vfs, "data/x"), Err(Errno::Noent));
    let after = vfs
        .path_filestat_get(Vfs::ROOT, "tmp/moved/deep/z", Symlinks::Follow)
        .unwrap();
    assert_eq!(before, after);
    assert_eq!(
        names(&mut vfs, "tmp/moved/deep/../../..").unwrap(),
        ["empty", "tmp"]
    );
    assert!(vfs.scratch_bytes() < 1024);
}

#[test]
fn a_directory_made_in_place_of_a_removed_lower_one_is_empty() {
    let mut vfs = library();
    vfs.path_rename(Vfs::ROOT, "data", Vfs::ROOT, "old")
        .unwrap();
    vfs.path_create_directory(Vfs::ROOT, "data").unwrap();
    assert!(names(&mut vfs, "data").unwrap().is_empty());
    assert_eq!(names(&mut vfs, "old").unwrap(), ["deep", "x", "y"]);
}

#[test]
fn a_lower_directory_can_be_removed_once_its_entries_are() {
    let mut vfs = library();
    assert_eq!(
        vfs.path_remove_directory(Vfs::ROOT, "data/deep"),
        Err(Errno::Notempty)
    );
    vfs.path_unlink_file(Vfs::ROOT, "data/deep/z").unwrap();
    vfs.path_remove_directory(Vfs::ROOT, "data/deep").unwrap();
    assert_eq!(names(&mut vfs, "data").unwrap(), ["x", "y"]);
}

#[test]
fn an_open_lower_directory_sees_what_is_made_in_it() {
    let mut vfs = library();
    let fd = open(&mut vfs, "data", Oflags::DIRECTORY, Rights::empty()).unwrap();
    put(&mut vfs, "data/new", "n").unwrap();
    assert!(vfs.readdir(fd, 0).unwrap().any(|entry| entry.name == "new"));
    vfs.path_filestat_get(fd, "new", Symlinks::Follow).unwrap();
}

#[test]
fn the_shared_tree_refuses_every_change() {
    let mut vfs = library();
    let shared = "faasm://data/x";
    assert_eq!(
        open(&mut vfs, shared, Oflags::empty(), RDWR),
        Err(Errno::Rofs)
    );
    assert_eq!(
        open(&mut vfs, shared, Oflags::TRUNC, Rights::FD_READ),
        Err(Errno::Rofs)
    );
    assert_eq!(
        open(&mut vfs, "faasm://new", Oflags::CREAT, RDWR),
        Err(Errno::Rofs)
    );
    assert_eq!(vfs.path_unlink_file(Vfs::ROOT, shared), Err(Errno::Rofs));
    assert_eq!(
        vfs.path_create_directory(Vfs::ROOT, "faasm://d"),
        Err(Errno::Rofs)
    );
    assert_eq!(
        vfs.path_remove_directory(Vfs::ROOT, "faasm://empty"),
        Err(Errno::Rofs)
    );
    assert_eq!(
        vfs.path_rename(Vfs::ROOT, shared, Vfs::ROOT, "z"),
        Err(Errno::Rofs)
    );
    put(&mut vfs, "mine", "").unwrap();
    assert_eq!(
        vfs.path_rename(Vfs::ROOT, "mine", Vfs::ROOT, "faasm://z"),
        Err(Errno::Rofs)
    );
    let link = vfs.path_link(Vfs::ROOT, Symlinks::Follow, shared, Vfs::ROOT, "z");
    assert_eq!(link, Err(Errno::Rofs));
    let now = SetTimes {
        atim: TimeChange::Now,
        mtim: TimeChange::Now,
    };
    let fd = open(&mut vfs, shared, Oflags::empty(), Rights::FD_READ).unwrap();
    assert_eq!(vfs.filestat_set_times(fd, now), Err(Errno::Rofs));
}

#[test]
fn a_directory_of_the_shared_tree_stays_in_it() {
    let mut vfs = library();
    put(&mut vfs, "data/x", "mine").unwrap();
    put(&mut vfs, "data/scratch", "mine").unwrap();
    let fd = open(&mut vfs, "faasm://data", Oflags::DIRECTORY, Rights::empty()).unwrap();
    let listed: Vec<String> = vfs
        .readdir(fd, 0)
        .unwrap()
        .map(|e| e.name.to_owned())
        .collect();
    assert_eq!(listed, [".", "..", "deep", "x", "y"]);
    let stat = vfs
        .path_filestat_get(fd, "../../../data/x", Symlinks::Follow)
        .unwrap();
    assert_eq!((stat.size, stat.dev), (7, 2));
    // The `tmp` of a call is no shared one.
    assert_eq!(text(&mut vfs, "faasm://tmp"), Err(Errno::Noent));
}

#[test]
fn a_symbolic_link_may_lead_to_the_root_or_into_the_shared_tree() {
    let mut vfs = library();
    vfs.path_symlink("/data/x", Vfs::ROOT, "tmp/absolute")
        .unwrap();
    vfs.path_symlink("faasm://data/x", Vfs::ROOT, "tmp/shared")
        .unwrap();
    put(&mut vfs, "data/x", "mine").unwrap();
    assert_eq!(text(&mut vfs, "tmp/absolute").unwrap(), "mine");
    assert_eq!(text(&mut vfs, "tmp/shared").unwrap(), "lower x");
}

#[test]
fn inode_numbers_survive_writing_and_renaming_and_differ_between_files() {
    let mut vfs = library();
    let ino = |vfs: &mut Vfs, path: &str| {
        vfs.path_filestat_get(Vfs::ROOT, path, Symlinks::Follow)
            .unwrap()
            .ino
    };
    let x = ino(&mut vfs, "data/x");
    put(&mut vfs, "data/x", "mine").unwrap();
    vfs.path_rename(Vfs::ROOT, "data/x", Vfs::ROOT, "tmp/x")
        .unwrap();
    assert_eq!(ino(&mut vfs, "tmp/x"), x);
    put(&mut vfs, "data/x", "another").unwrap();
    let all = [
        ino(&mut vfs, "data/x"),
        ino(&mut vfs, "data/y"),
        x,
        ino(&mut vfs, "/"),
    ];
    let distinct: std::collections::BTreeSet<u64> = all.into_iter().collect();
    assert_eq!(distinct.len(), all.len());
}

#[test]
fn times_of_lower_files_are_theirs_until_set() {
    let mut vfs = library();
    let stat = vfs
        .path_filestat_get(Vfs::ROOT, "data/x", Symlinks::Follow)
        .unwrap();
    assert_eq!((stat.mtim, stat.filetype), (42, Filetype::RegularFile));
    let times = SetTimes {
        atim: TimeChange::At(5),
        mtim: TimeChange::Keep,
    };
    vfs.path_filestat_set_times(Vfs::ROOT, "data/x", Symlinks::Follow, times)
        .unwrap();
    let stat = vfs
        .path_filestat_get(Vfs::ROOT, "data/x", Symlinks::Follow)
        .unwrap();
    assert_eq!((stat.atim, stat.mtim), (5, 42));
    assert!(stat.ctim > 42);
}

#[test]
fn dot_dot_at_the_root_is_the_root() {
    let mut vfs = empty_vfs();
    put(&mut vfs, "file", "here").unwrap();
    assert_eq!(text(&mut vfs, "../../tmp/../../file").unwrap(), "here");
    assert_eq!(text(&mut vfs, "/../file").unwrap(), "here");
}

#[test]
fn no_file_is_created_by_a_name_with_a_slash_be_it_a_links() {
    let mut vfs = empty_vfs();
    put(&mut vfs, "file", "").unwrap();
    for (target, link) in [
        ("file/", "a"),
        ("missing/", "b"),
        ("c/", "c"),
        ("tmp/", "d"),
    ] {
        vfs.path_symlink(target, Vfs::ROOT, link).unwrap();
        for path in [link, target] {
            let made = open(&mut vfs, path, Oflags::CREAT, RDWR);
            assert_eq!(made, Err(Errno::Isdir), "{path}");
        }
    }
    vfs.path_symlink("none/x/", Vfs::ROOT, "e").unwrap();
    let made = open(&mut vfs, "e", Oflags::CREAT, RDWR);
    assert_eq!(made, Err(Errno::Noent));
}

#[test]
fn forty_links_are_followed_and_forty_one_are_not() {
    let mut vfs = empty_vfs();
    put(&mut vfs, "0", "end").unwrap();
    for n in 1..=41 {
        vfs.path_symlink((n - 1).to_string(), Vfs::ROOT, n.to_string())
            .unwrap();
    }
    assert_eq!(text(&mut vfs, "40").unwrap(), "end");
    assert_eq!(text(&mut vfs, "41"), Err(Errno::Loop));
    vfs.path_symlink("self", Vfs::ROOT, "self").unwrap();
    assert_eq!(text(&mut vfs, "self"), Err(Errno::Loop));
}
