//! Opening and closing for a long time. It measures the process, so it is alone here.

mod common;

use std::sync::Arc;

use common::{Account, MemoryTree, RDWR, open};
use faasm_vfs::{Fd, Limits, Oflags, Rights, Vfs};

/// Bytes of memory that the process has touched.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux has it");
    let pages = statm.split(' ').nth(1).and_then(|text| text.parse().ok());
    4096 * pages.unwrap_or(0_u64)
}

fn open_and_close(vfs: &mut Vfs, tree: &MemoryTree, times: u32) {
    for n in 0..times {
        let fd = match n % 4 {
            0 => open(vfs, "a/x", Oflags::empty(), RDWR),
            1 => open(vfs, "faasm://a/x", Oflags::empty(), Rights::FD_READ),
            2 => open(vfs, "faasm://a/x", Oflags::TRUNC, RDWR),
            _ => open(vfs, "a", Oflags::DIRECTORY, Rights::empty()),
        };
        let fd = fd.expect("it can be opened");
        assert_eq!(fd, Fd(4));
        let copy = vfs.dup(fd).expect("it is open");
        if n % 4 == 3 {
            assert_eq!(vfs.readdir(fd, 0).map(Iterator::count), Ok(3));
        }
        assert_eq!((vfs.close(fd), vfs.close(copy)), (Ok(()), Ok(())));
        tree.carry_out(vfs);
    }
}

#[test]
fn a_million_opens_and_closes_leave_nothing_behind() {
    let tree = MemoryTree::writable(&[("a/x", "text")]);
    let account = Account::new(u64::MAX);
    let mut vfs = Vfs::new(Arc::clone(&tree) as _, account.clone(), Limits::default());
    open_and_close(&mut vfs, &tree, 10_000);
    let before = resident();
    open_and_close(&mut vfs, &tree, 1_000_000);
    assert_eq!(account.used(), 0);
    let grown = resident().saturating_sub(before);
    assert!(grown < 4 << 20, "{grown} bytes more are in use");
}
