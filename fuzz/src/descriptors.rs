//! The table of descriptors against a simple model of it.

use std::collections::BTreeMap;

use faasm_vfs::{Errno, Fd, FdFlags, FdKind, Limits, Vfs, Whence};

use super::common::{Account, spill_above};
use super::input::Input;
use super::watched::Watched;

/// None is relative, so that these are all files that an input can make.
const PATHS: [&str; 8] = [
    "/lower",
    "/a/lower",
    "faasm://lower",
    "faasm://new",
    "/mine",
    "/tmp/mine",
    "/a",
    "/",
];
const MAX_FDS: u32 = 16;
/// Descriptors that an input can name: some more than there can be.
const NUMBERS: u32 = 24;

/// What should be open: the number of an open file by descriptor, and positions by open file.
struct Model {
    open: BTreeMap<u32, usize>,
    positions: Vec<u64>,
}

/// Runs an input.
///
/// # Panics
/// If the filesystem does what it must not.
pub fn run(data: &[u8]) {
    let tree = Watched::new();
    let account = Account::new(8 << 20);
    let limits = Limits {
        max_fds: MAX_FDS,
        max_scratch_bytes: 4 << 20,
        ..Limits::default()
    };
    let vfs = Vfs::new(tree.clone(), account.clone(), limits);
    let mut vfs = vfs.with_spill(spill_above(100_000));
    let mut model = Model::new();
    let mut input = Input::new(data);
    while let Some(operation) = input.operation(b"ocdnrwstaluk") {
        model.run(&mut vfs, operation, &mut input);
        if operation != b'k' {
            tree.carry_out(&mut vfs);
        }
        model.check(&mut vfs);
        assert_eq!(account.used(), vfs.scratch_bytes());
    }
    remove_all(&mut vfs);
    let _ = vfs.finish();
    tree.carry_out(&mut vfs);
    assert_eq!(account.used(), vfs.scratch_bytes());
    drop(vfs);
    assert_eq!(account.used(), 0);
}

/// Removes every file, if there is still a descriptor to start from.
fn remove_all(vfs: &mut Vfs) {
    let start = (0..MAX_FDS).find(|&fd| vfs.kind(Fd(fd)) == Ok(FdKind::Directory));
    let Some(start) = start else { return };
    for fd in (0..MAX_FDS).filter(|&fd| fd != start) {
        // Some are closed.
        let _ = vfs.close(Fd(fd));
    }
    while vfs.next_change().is_some() {}
    for path in PATHS {
        // Some are gone, some are directories.
        let _ = vfs.path_unlink_file(Fd(start), path);
        drop(vfs.next_change());
    }
    assert_eq!(vfs.spilled_bytes(), 0);
    // What is left are notes of what was removed.
    assert!(vfs.scratch_bytes() < 2048, "{}", vfs.scratch_bytes());
}

/// What was open is closed, even if a draft was too large and is lost.
fn assert_closed(closed: Result<(), Errno>, was_open: bool) {
    match was_open {
        true => assert!(
            matches!(closed, Ok(()) | Err(Errno::Nospc | Errno::Fbig)),
            "{closed:?}"
        ),
        false => assert_eq!(closed, Err(Errno::Badf)),
    }
}

impl Model {
    fn new() -> Self {
        Self {
            open: (0..4).map(|fd| (fd, fd as usize)).collect(),
            positions: vec![0; 4],
        }
    }

    fn lowest_free(&self) -> u32 {
        (0..).find(|fd| !self.open.contains_key(fd)).unwrap_or(0)
    }

    fn run(&mut self, vfs: &mut Vfs, operation: u8, input: &mut Input<'_>) {
        let number = input.number();
        let fd = Fd(number);
        match operation {
            b'c' | b'k' => {
                let was_open = self.open.remove(&number).is_some();
                assert_closed(vfs.close(fd), was_open);
            }
            b'd' => self.duplicate(vfs, number),
            b'n' => self.renumber(vfs, number, input.number()),
            b'r' => drop(vfs.read(fd, &mut vec![0; input.amount()])),
            b'w' => drop(vfs.write(fd, &vec![b'w'; input.amount()])),
            b's' => drop(vfs.seek(fd, input.amount() as i64 - 1000, Whence::Cur)),
            b't' => drop(vfs.filestat_set_size(fd, input.amount() as u64)),
            b'a' => drop(vfs.fdstat_set_flags(fd, FdFlags::APPEND)),
            b'l' => drop(
                vfs.readdir(fd, u64::from(input.number()))
                    .map(Iterator::count),
            ),
            b'u' => drop(vfs.path_unlink_file(fd, input.choice(&PATHS))),
            _ => self.open(vfs, fd, input),
        }
        // Whatever moved this position, moved it for all that share it.
        if let (Some(&file), Ok(position)) = (self.open.get(&number), vfs.tell(fd)) {
            self.positions[file] = position;
        }
    }

    fn open(&mut self, vfs: &mut Vfs, directory: Fd, input: &mut Input<'_>) {
        let path = input.choice(&PATHS);
        let options = input.open_options();
        if let Ok(opened) = vfs.path_open(directory, path, options) {
            assert_eq!(opened.0, self.lowest_free());
            assert!(self.open.len() < MAX_FDS as usize);
            self.open.insert(opened.0, self.positions.len());
            self.positions.push(0);
        }
    }

    fn duplicate(&mut self, vfs: &mut Vfs, number: u32) {
        let free = self.lowest_free();
        let expected = match self.open.get(&number) {
            None => Err(Errno::Badf),
            Some(_) if free >= MAX_FDS => Err(Errno::Mfile),
            Some(&file) => {
                self.open.insert(free, file);
                Ok(Fd(free))
            }
        };
        assert_eq!(vfs.dup(Fd(number)), expected);
    }

    fn renumber(&mut self, vfs: &mut Vfs, from: u32, to: u32) {
        let are_open = [from, to].iter().all(|fd| self.open.contains_key(fd));
        if are_open && let Some(file) = self.open.remove(&from) {
            self.open.insert(to, file);
        }
        assert_closed(vfs.renumber(Fd(from), Fd(to)), are_open);
    }

    fn check(&self, vfs: &mut Vfs) {
        for number in 0..NUMBERS {
            let file = self.open.get(&number);
            assert_eq!(vfs.kind(Fd(number)).is_ok(), file.is_some(), "{number}");
            if let (Some(&file), Ok(position)) = (file, vfs.tell(Fd(number))) {
                assert_eq!(position, self.positions[file], "{number}");
            }
        }
    }
}
