//! Drafts of shared files that cannot be written whole.

mod common;

use std::sync::Arc;

use common::{Account, MemoryTree, RDWR, open, spill_above, text_of};
use faasm_vfs::{Errno, Fd, Limits, LostDraft, Oflags, Rights, Spill, Vfs};

/// Bytes that all files of a call may have.
const ROOM: usize = 100_000;
static TOO_MUCH: [u8; 2 * ROOM] = [b'x'; 2 * ROOM];

struct Call {
    tree: Arc<MemoryTree>,
    account: Arc<Account>,
    vfs: Vfs,
}

impl Call {
    fn new() -> Self {
        let tree = MemoryTree::writable(&[("x", "old")]);
        let account = Account::new(u64::MAX);
        let limits = Limits {
            max_scratch_bytes: ROOM as u64,
            ..Limits::default()
        };
        let vfs = Vfs::new(tree.clone(), account.clone(), limits);
        Self { tree, account, vfs }
    }

    fn open(&mut self, oflags: Oflags) -> Fd {
        open(&mut self.vfs, "faasm://x", oflags, RDWR).expect("it can be opened")
    }

    /// Asserts that nothing of the call is left, and that the file is still the old one.
    fn assert_lost(mut self) {
        assert_eq!(self.tree.carry_out(&mut self.vfs), 0);
        assert_eq!(self.tree.text("x").as_deref(), Some("old"));
        assert_eq!(self.account.used(), 0);
        assert!(open(&mut self.vfs, "mine", Oflags::CREAT, RDWR).is_ok());
    }
}

#[test]
fn a_draft_that_a_write_did_not_reach_fails_to_close_and_is_not_published() {
    for oflags in [Oflags::empty(), Oflags::TRUNC] {
        let mut call = Call::new();
        let vfs = &mut call.vfs;
        let fd = open(vfs, "faasm://x", oflags, RDWR).unwrap();
        assert_eq!(vfs.pwrite(fd, b"x", 1 << 40), Err(Errno::Fbig));
        assert_eq!(vfs.close(fd), Err(Errno::Fbig));
        assert_eq!(vfs.close(fd), Err(Errno::Badf));
        call.assert_lost();
    }
}

#[test]
fn a_short_write_loses_the_draft_even_if_later_ones_succeed() {
    let mut call = Call::new();
    let fd = call.open(Oflags::TRUNC);
    assert_eq!(call.vfs.write(fd, &TOO_MUCH), Ok(65_536));
    assert_eq!(call.vfs.pwrite(fd, b"later", 0), Ok(5));
    call.vfs.filestat_set_size(fd, 5).unwrap();
    let copy = call.vfs.dup(fd).unwrap();
    assert_eq!(call.vfs.close(fd), Ok(()));
    assert_eq!(call.vfs.close(copy), Err(Errno::Nospc));
    call.assert_lost();
}

#[test]
fn a_length_that_cannot_be_set_loses_the_draft() {
    let mut call = Call::new();
    let fd = call.open(Oflags::empty());
    assert_eq!(call.vfs.write(fd, b"new"), Ok(3));
    let set = call.vfs.filestat_set_size(fd, (1 << 40) + 1);
    assert_eq!(set, Err(Errno::Fbig));
    assert_eq!(call.vfs.renumber(Vfs::ROOT, fd), Err(Errno::Fbig));
    assert!(call.vfs.dup(fd).is_ok(), "it was moved");
    call.vfs.renumber(fd, Vfs::ROOT).unwrap();
    call.assert_lost();
}

#[test]
fn a_disk_that_fails_loses_the_draft() {
    let directory = tempfile::tempdir().unwrap();
    let mut call = Call::new();
    call.vfs = call.vfs.with_spill(Spill {
        directory: directory.path().join("missing").into(),
        ..spill_above(1000)
    });
    let fd = call.open(Oflags::empty());
    assert_eq!(call.vfs.write(fd, &[1; 10_000]), Err(Errno::Io));
    assert_eq!(call.vfs.close(fd), Err(Errno::Io));
    call.assert_lost();
}

#[test]
fn a_draft_that_is_cut_to_nothing_starts_anew() {
    let mut call = Call::new();
    let fd = call.open(Oflags::empty());
    assert_eq!(call.vfs.write(fd, &TOO_MUCH), Ok(65_536));
    assert_eq!(call.vfs.write(fd, &TOO_MUCH), Err(Errno::Nospc));
    call.vfs.filestat_set_size(fd, 0).unwrap();
    assert_eq!(call.vfs.pwrite(fd, b"new", 0), Ok(3));
    assert_eq!(call.vfs.close(fd), Ok(()));
    assert_eq!(call.tree.carry_out(&mut call.vfs), 1);
    assert_eq!(call.tree.text("x").unwrap(), "new");
    assert_eq!(call.account.used(), 0);
}

#[test]
fn what_changed_nothing_does_not_replace_what_others_have_put_meanwhile() {
    let mut call = Call::new();
    let fd = call.open(Oflags::empty());
    // That there is no room was said, and nothing was to be stored yet.
    assert_eq!(call.vfs.allocate(fd, 0, 1 << 30), Err(Errno::Nospc));
    assert_eq!(call.vfs.write(fd, b""), Ok(0));
    assert_eq!(text_of(&mut call.vfs, fd).unwrap(), "old");
    call.tree.put("x", b"newer");
    assert_eq!(call.vfs.close(fd), Ok(()));
    assert_eq!(call.tree.carry_out(&mut call.vfs), 0);
    assert_eq!(call.tree.text("x").unwrap(), "newer");
    assert_eq!(call.account.used(), 0);
}

#[test]
fn a_call_that_ends_with_a_lost_draft_is_told_and_publishes_the_others() {
    let mut call = Call::new();
    let good = open(
        &mut call.vfs,
        "faasm://good",
        Oflags::CREAT,
        Rights::FD_WRITE,
    )
    .unwrap();
    call.vfs.write(good, b"whole").unwrap();
    for path in ["faasm://x", "faasm://y"] {
        let fd = open(&mut call.vfs, path, Oflags::CREAT, Rights::FD_WRITE).unwrap();
        assert_eq!(call.vfs.pwrite(fd, b"x", 1 << 40), Err(Errno::Fbig));
    }
    let lost = LostDraft {
        path: "x".to_owned(),
        errno: Errno::Fbig,
    };
    assert_eq!(lost.to_string(), "x: file too large");
    assert_eq!(call.vfs.finish(), Some(lost));
    assert_eq!(call.tree.carry_out(&mut call.vfs), 1);
    assert_eq!(call.tree.text("good").unwrap(), "whole");
    assert_eq!(call.tree.text("x").unwrap(), "old");
    assert_eq!(call.account.used(), 0);
}
