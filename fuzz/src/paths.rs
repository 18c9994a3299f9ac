//! Paths of every kind, in every operation that takes one.

use faasm_vfs::{Errno, Fd, Limits, SetTimes, Symlinks, TimeChange, Vfs};

use super::common::Account;
use super::input::Input;
use super::watched::Watched;

/// Operations of one input at most, each of which makes one directory at most.
const OPERATIONS: usize = 100;
/// Enough `..` to lead up from the deepest of them.
const UP: usize = OPERATIONS + 10;

/// Runs an input.
///
/// # Panics
/// If the filesystem does what it must not.
pub fn run(data: &[u8]) {
    let tree = Watched::new();
    let account = Account::new(1 << 20);
    let limits = Limits {
        max_fds: 12,
        max_inodes: 500,
        ..Limits::default()
    };
    let mut vfs = Vfs::new(tree.clone(), account.clone(), limits);
    let mut input = Input::new(data);
    for _ in 0..OPERATIONS {
        let Some(operation) = input.operation(b"mosrludtx") else {
            break;
        };
        let at = Fd(input.number());
        let path = input.path();
        // It fails more often than not; what counts is what can be reached afterwards.
        let _ = run_one(&mut vfs, operation, at, &path, &mut input);
        tree.carry_out(&mut vfs);
        check_reach(&mut vfs, at, path);
        assert_eq!(account.used(), vfs.scratch_bytes());
    }
    let _ = vfs.finish();
    tree.carry_out(&mut vfs);
    assert_eq!(account.used(), vfs.scratch_bytes());
    drop(vfs);
    assert_eq!(account.used(), 0);
}

fn run_one(
    vfs: &mut Vfs,
    operation: u8,
    at: Fd,
    path: &[u8],
    input: &mut Input<'_>,
) -> Result<(), Errno> {
    match operation {
        b'm' => vfs.path_create_directory(at, path),
        b's' => vfs.path_symlink(input.path(), at, path),
        b'r' => vfs.path_rename(at, path, Fd(input.number()), input.path()),
        b'l' => {
            let to = Fd(input.number());
            vfs.path_link(at, Symlinks::Follow, path, to, input.path())
        }
        b'u' => vfs.path_unlink_file(at, path),
        b'd' => vfs.path_remove_directory(at, path),
        b't' => {
            let times = SetTimes {
                mtim: TimeChange::Now,
                ..SetTimes::default()
            };
            vfs.path_filestat_set_times(at, path, Symlinks::NoFollow, times)
        }
        b'x' => vfs.close(Fd(4 + at.0 % 8)),
        _ => {
            let fd = vfs.path_open(at, path, input.open_options())?;
            vfs.write(fd, path).map(|_| ())
        }
    }
}

/// From wherever a path leads, enough `..` lead to a root, not beyond.
fn check_reach(vfs: &mut Vfs, at: Fd, mut path: Vec<u8>) {
    let Ok(reached) = vfs.path_filestat_get(at, &path, Symlinks::Follow) else {
        return;
    };
    assert!(matches!(reached.dev, 1 | 2));
    path.extend_from_slice(b"/");
    path.extend_from_slice(&b"../".repeat(UP));
    let Ok(top) = vfs.path_filestat_get(at, &path, Symlinks::Follow) else {
        return;
    };
    let root = if top.dev == 1 { "/" } else { "faasm://" };
    let root = vfs.path_filestat_get(at, root, Symlinks::Follow);
    assert_eq!(
        root.map(|root| (root.dev, root.ino)),
        Ok((top.dev, top.ino))
    );
}
