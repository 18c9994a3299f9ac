//! What a hostile guest cannot have.

mod common;

use std::sync::Arc;

use common::{Account, MemoryTree, RDWR, empty_vfs, open, put, text};
use faasm_vfs::{Errno, Fd, Limits, Oflags, Rights, Symlinks, Vfs};

fn limited(limits: Limits, account: &Arc<Account>) -> Vfs {
    Vfs::new(
        Arc::new(MemoryTree::new(&[("lower", "text")], &[])),
        account.clone(),
        limits,
    )
}

#[test]
fn everything_charged_is_given_back_on_drop() {
    let account = Account::new(u64::MAX);
    let mut vfs = limited(Limits::default(), &account);
    let fd = open(&mut vfs, "f", Oflags::CREAT, RDWR).unwrap();
    vfs.write(fd, &[1; 1_000_000]).unwrap();
    vfs.path_create_directory(Vfs::ROOT, "d").unwrap();
    vfs.path_unlink_file(Vfs::ROOT, "lower").unwrap();
    assert_eq!(account.used(), vfs.scratch_bytes());
    assert!(account.used() > 1_000_000);
    drop(vfs);
    assert_eq!(account.used(), 0);
}

#[test]
fn a_full_layer_refuses_more_and_goes_on_when_there_is_room_again() {
    let account = Account::new(u64::MAX);
    let mut vfs = limited(
        Limits {
            max_scratch_bytes: 1 << 20,
            ..Limits::default()
        },
        &account,
    );
    let fd = open(&mut vfs, "f", Oflags::CREAT, RDWR).unwrap();
    let written = vfs.write(fd, &vec![1; 2 << 20]).unwrap();
    assert!(written < 1 << 20);
    assert_eq!(vfs.write(fd, &vec![1; 2 << 20]), Err(Errno::Nospc));
    assert!(account.used() <= 1 << 20);
    vfs.filestat_set_size(fd, 0).unwrap();
    assert_eq!(vfs.pwrite(fd, &[1; 1000], 0), Ok(1000));
}

#[test]
fn an_account_that_refuses_is_a_full_layer_and_reading_goes_on() {
    let account = Account::new(0);
    let mut vfs = limited(Limits::default(), &account);
    assert_eq!(
        open(&mut vfs, "new", Oflags::CREAT, RDWR),
        Err(Errno::Nospc)
    );
    assert_eq!(vfs.path_create_directory(Vfs::ROOT, "d"), Err(Errno::Nospc));
    assert_eq!(vfs.path_unlink_file(Vfs::ROOT, "lower"), Err(Errno::Nospc));
    assert_eq!(
        vfs.path_rename(Vfs::ROOT, "lower", Vfs::ROOT, "x"),
        Err(Errno::Nospc)
    );
    assert_eq!(vfs.path_symlink("lower", Vfs::ROOT, "x"), Err(Errno::Nospc));
    let fd = open(&mut vfs, "lower", Oflags::empty(), RDWR).unwrap();
    assert_eq!(vfs.write(fd, b"x"), Err(Errno::Nospc));
    assert_eq!(vfs.readdir(Vfs::ROOT, 0).err(), Some(Errno::Nomem));
    assert_eq!(text(&mut vfs, "lower").unwrap(), "text");
}

#[test]
fn a_million_empty_files_do_not_fit() {
    let account = Account::new(u64::MAX);
    let mut vfs = limited(
        Limits {
            max_inodes: u32::MAX,
            max_scratch_bytes: 1 << 20,
            ..Limits::default()
        },
        &account,
    );
    let made = (0..1_000_000)
        .take_while(|n| put(&mut vfs, &n.to_string(), "").is_ok())
        .count();
    assert!((1_000..5_000).contains(&made), "{made}");

    let mut vfs = limited(
        Limits {
            max_inodes: 10,
            ..Limits::default()
        },
        &account,
    );
    let made = (0..100)
        .take_while(|n| put(&mut vfs, &n.to_string(), "").is_ok())
        .count();
    assert_eq!(made, 10);
    vfs.path_unlink_file(Vfs::ROOT, "3").unwrap();
    assert_eq!(put(&mut vfs, "again", ""), Ok(()));
}

#[test]
fn listings_of_many_descriptors_are_charged_and_given_back() {
    let account = Account::new(u64::MAX);
    let mut vfs = limited(Limits::default(), &account);
    for n in 0..100 {
        put(&mut vfs, &format!("tmp/{n}"), "").unwrap();
    }
    let before = account.used();
    let fd = open(&mut vfs, "tmp", Oflags::DIRECTORY, Rights::empty()).unwrap();
    for _ in 0..3 {
        assert_eq!(vfs.readdir(fd, 0).unwrap().count(), 102);
    }
    assert!((before + 1..before + 20_000).contains(&account.used()));
    vfs.close(fd).unwrap();
    assert_eq!(account.used(), before);
}

#[test]
fn descriptors_are_bounded_and_a_refused_open_makes_no_file() {
    let account = Account::new(u64::MAX);
    let mut vfs = limited(
        Limits {
            max_fds: 6,
            ..Limits::default()
        },
        &account,
    );
    assert_eq!(open(&mut vfs, "a", Oflags::CREAT, RDWR), Ok(Fd(4)));
    assert_eq!(open(&mut vfs, "a", Oflags::CREAT, RDWR), Ok(Fd(5)));
    assert_eq!(open(&mut vfs, "b", Oflags::CREAT, RDWR), Err(Errno::Mfile));
    vfs.close(Fd(4)).unwrap();
    assert_eq!(
        open(&mut vfs, "b", Oflags::empty(), RDWR),
        Err(Errno::Noent)
    );
}

#[test]
fn far_writes_fail_and_far_sizes_cost_nothing() {
    let mut vfs = empty_vfs();
    let fd = open(&mut vfs, "f", Oflags::CREAT, RDWR).unwrap();
    let before = vfs.scratch_bytes();
    for offset in [1 << 40, 1 << 50, i64::MAX as u64] {
        assert_eq!(vfs.pwrite(fd, b"x", offset), Err(Errno::Fbig));
    }
    assert_eq!(vfs.pwrite(fd, b"x", u64::MAX), Err(Errno::Inval));
    assert_eq!(vfs.filestat_set_size(fd, u64::MAX), Err(Errno::Fbig));
    assert_eq!(vfs.allocate(fd, 0, 1 << 39), Err(Errno::Nospc));
    assert_eq!(vfs.allocate(fd, u64::MAX, u64::MAX), Err(Errno::Fbig));
    vfs.filestat_set_size(fd, 1 << 40).unwrap();
    assert_eq!(vfs.scratch_bytes(), before);
    vfs.filestat_set_size(fd, 0).unwrap();
    vfs.allocate(fd, 10, 100_000).unwrap();
    assert_eq!(vfs.filestat_get(fd).unwrap().size, 100_010);
    assert!(vfs.scratch_bytes() > 100_000);
}

#[test]
fn bad_names_and_paths_say_why() {
    let mut vfs = empty_vfs();
    let mut stat = |path: &[u8]| {
        vfs.path_filestat_get(Vfs::ROOT, path, Symlinks::Follow)
            .err()
    };
    assert_eq!(stat(b""), Some(Errno::Noent));
    assert_eq!(stat(b"a\0"), Some(Errno::Inval));
    assert_eq!(stat(b"\xc3\x28"), Some(Errno::Ilseq));
    assert_eq!(stat(&[b'a'; 256]), Some(Errno::Nametoolong));
    assert_eq!(stat(&b"./".repeat(2048)), Some(Errno::Nametoolong));
    assert_eq!(stat(&b"./".repeat(2047)), None);
}

#[test]
fn very_deep_directories_are_walked_and_dropped() {
    let mut vfs = empty_vfs();
    let mut at = Vfs::ROOT;
    for _ in 0..20_000 {
        vfs.path_create_directory(at, "d").unwrap();
        let options = faasm_vfs::OpenOptions::default();
        let next = vfs.path_open(at, "d", options).unwrap();
        if at != Vfs::ROOT {
            vfs.close(at).unwrap();
        }
        at = next;
    }
    assert_eq!(vfs.path_rename(Vfs::ROOT, "d", at, "d"), Err(Errno::Inval));
}
