//! Scratch files that go to disk.

mod common;

use std::sync::Arc;

use common::{Account, MemoryTree, RDWR, open, spill_above};
use faasm_vfs::{EmptyTree, Errno, Fd, Limits, Oflags, Spill, Vfs};

const CHUNK: u64 = 64 * 1024;

fn spilling(account: &Arc<Account>, max_scratch_bytes: u64, above: u64) -> Vfs {
    let limits = Limits {
        max_scratch_bytes,
        ..Limits::default()
    };
    Vfs::new(Arc::new(EmptyTree), account.clone(), limits).with_spill(spill_above(above))
}

fn file(vfs: &mut Vfs, path: &str) -> Fd {
    open(vfs, path, Oflags::CREAT, RDWR).expect("it can be opened")
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

#[test]
fn a_file_beyond_the_threshold_costs_little_memory_and_reads_as_written() {
    let account = Account::new(u64::MAX);
    let mut vfs = spilling(&account, 64 << 20, 1 << 20);
    let fd = file(&mut vfs, "big");
    let data = pattern(8 << 20);
    assert_eq!(vfs.write(fd, &data), Ok(data.len()));
    assert!(
        account.used() < (1 << 20) + (64 << 10),
        "{}",
        account.used()
    );
    assert!(vfs.spilled_bytes() >= 7 << 20);
    let mut read = vec![0; data.len()];
    assert_eq!(vfs.pread(fd, &mut read, 0), Ok(data.len()));
    assert!(read == data);
    vfs.filestat_set_size(fd, 0).unwrap();
    assert_eq!(vfs.spilled_bytes(), 0);
    drop(vfs);
    assert_eq!(account.used(), 0);
}

#[test]
fn what_was_cut_off_reads_as_zeros_when_the_file_grows_again() {
    let mut vfs = spilling(&Account::new(u64::MAX), 1 << 20, 0);
    let fd = file(&mut vfs, "f");
    vfs.write(fd, &pattern(1000)).unwrap();
    vfs.filestat_set_size(fd, 10).unwrap();
    vfs.pwrite(fd, b"end", 500).unwrap();
    let mut read = vec![7; 600];
    assert_eq!(vfs.pread(fd, &mut read, 0), Ok(503));
    assert_eq!(&read[..10], &pattern(10));
    assert!(read[10..500].iter().all(|&byte| byte == 0));
    assert_eq!(&read[500..503], b"end");
}

#[test]
fn room_on_disk_is_used_again_without_showing_what_was_there() {
    let mut vfs = spilling(&Account::new(u64::MAX), 300_000, 0);
    for _ in 0..100 {
        let fd = file(&mut vfs, "f");
        vfs.write(fd, &[1; 200_000]).unwrap();
        vfs.path_unlink_file(Vfs::ROOT, "f").unwrap();
        vfs.close(fd).unwrap();
    }
    let fd = file(&mut vfs, "g");
    vfs.pwrite(fd, b"x", 100).unwrap();
    let mut read = [7; 101];
    assert_eq!(vfs.pread(fd, &mut read, 0), Ok(101));
    assert!(read[..100].iter().all(|&byte| byte == 0));
}

#[test]
fn the_limit_holds_for_memory_and_disk_together() {
    let account = Account::new(u64::MAX);
    let mut vfs = spilling(&account, 10 * CHUNK, 2 * CHUNK);
    let fd = file(&mut vfs, "f");
    let written = vfs.write(fd, &vec![1; 20 * CHUNK as usize]).unwrap() as u64;
    assert!((8 * CHUNK..10 * CHUNK).contains(&written), "{written}");
    let rest = vfs.pwrite(fd, &[1; CHUNK as usize], 15 * CHUNK);
    assert_eq!(rest, Err(Errno::Nospc));
    assert!(vfs.scratch_bytes() + vfs.spilled_bytes() <= 10 * CHUNK);
    assert_eq!(vfs.allocate(fd, 0, 30 * CHUNK), Err(Errno::Nospc));
}

#[test]
fn a_budget_without_room_sends_data_to_disk() {
    let account = Account::new(10_000);
    let mut vfs = spilling(&account, 64 << 20, u64::MAX);
    let fd = file(&mut vfs, "f");
    assert_eq!(vfs.write(fd, &pattern(1 << 20)), Ok(1 << 20));
    assert!(account.used() <= 10_000);
}

#[test]
fn small_files_that_grow_move_to_disk() {
    let account = Account::new(u64::MAX);
    let mut vfs = spilling(&account, 64 << 20, 100_000);
    for round in 0..40_u64 {
        for number in 0..100 {
            let fd = file(&mut vfs, &number.to_string());
            vfs.pwrite(fd, &pattern(1000), round * 1000).unwrap();
            vfs.close(fd).unwrap();
        }
    }
    assert!(account.used() < 150_000, "{}", account.used());
    let fd = file(&mut vfs, "42");
    let mut read = vec![0; 40_000];
    assert_eq!(vfs.pread(fd, &mut read, 0), Ok(40_000));
    assert!(read.chunks(1000).all(|piece| piece == pattern(1000)));
}

#[test]
fn a_sparse_file_of_eight_gibibytes_is_cheap() {
    let account = Account::new(u64::MAX);
    let mut vfs = spilling(&account, 1 << 20, 0);
    let fd = file(&mut vfs, "sparse");
    let end = 8 << 30;
    vfs.filestat_set_size(fd, end).unwrap();
    vfs.pwrite(fd, b"middle", end / 2).unwrap();
    vfs.pwrite(fd, b"end", end).unwrap();
    assert_eq!(vfs.filestat_get(fd).unwrap().size, end + 3);
    assert_eq!(vfs.spilled_bytes(), 2 * CHUNK);
    let mut read = [0; 8];
    assert_eq!(vfs.pread(fd, &mut read, end / 2), Ok(8));
    assert_eq!(&read, b"middle\0\0");
}

#[test]
fn a_draft_on_disk_outlives_its_call() {
    let tree = MemoryTree::writable(&[]);
    let vfs = Vfs::new(tree.clone(), Account::new(u64::MAX), Limits::default());
    let mut vfs = vfs.with_spill(spill_above(0));
    let fd = file(&mut vfs, "faasm://f");
    vfs.write(fd, &[b'x'; 200_000]).unwrap();
    assert_eq!(vfs.finish(), None);
    let change = vfs.next_change().unwrap();
    drop(vfs);
    tree.apply(change);
    assert_eq!(tree.text("f").unwrap(), "x".repeat(200_000));
}

#[test]
fn a_directory_that_cannot_be_used_is_an_error_only_once_it_is_needed() {
    let directory = tempfile::tempdir().unwrap();
    let spill = Spill {
        directory: directory.path().join("missing").into(),
        above: 10_000,
    };
    let account = Account::new(u64::MAX);
    let vfs = Vfs::new(Arc::new(EmptyTree), account.clone(), Limits::default());
    let mut vfs = vfs.with_spill(spill);
    let fd = file(&mut vfs, "f");
    assert_eq!(vfs.write(fd, &[1; 1000]), Ok(1000));
    assert_eq!(vfs.pwrite(fd, &[1; 60_000], 0), Err(Errno::Io));
    assert_eq!(account.used(), vfs.scratch_bytes());
}
