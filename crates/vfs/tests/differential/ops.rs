//! The operations, how they are generated, and what they answer.

use faasm_vfs::{Errno, Filetype};
use proptest::prelude::*;

#[derive(Clone, Debug)]
pub enum Op {
    Open {
        at: usize,
        path: String,
        flags: u8,
        follow: bool,
    },
    Close(usize),
    Dup(usize),
    SetAppend(usize, bool),
    Read(usize, usize),
    Write(usize, Vec<u8>),
    Pread(usize, usize, u64),
    Pwrite(usize, Vec<u8>, u64),
    Seek(usize, i64, u8),
    SetSize(usize, u64),
    Stat {
        at: usize,
        path: String,
        follow: bool,
    },
    Fstat(usize),
    Mkdir {
        at: usize,
        path: String,
    },
    Rmdir {
        at: usize,
        path: String,
    },
    Unlink {
        at: usize,
        path: String,
    },
    Rename {
        from: (usize, String),
        to: (usize, String),
    },
    Link {
        from: (usize, String),
        to: (usize, String),
        follow: bool,
    },
    Symlink {
        target: String,
        at: usize,
        path: String,
    },
    Readlink {
        at: usize,
        path: String,
    },
    List {
        at: usize,
        path: String,
    },
}

/// What an operation answered, in words both sides can say.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    Done,
    Number(u64),
    Bytes(Vec<u8>),
    Names(Vec<(String, Filetype)>),
    Stat {
        filetype: Filetype,
        size: u64,
        nlink: u64,
    },
}

pub type Outcome = Result<Answer, Errno>;

/// The first offset that 32 bits cannot say.
const FAR: u64 = 1 << 32;
const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        40 => prop::sample::select(&NAMES[..]).prop_map(str::to_owned),
        1 => Just("n".repeat(255)),
        1 => Just("n".repeat(256)),
    ]
}

/// Names with `.`, `x/..` and doubled slashes between; never above where it starts.
fn path() -> impl Strategy<Value = String> {
    let step = prop_oneof![
        6 => name(),
        1 => Just(".".to_owned()),
        1 => name().prop_map(|name| format!("{name}/..")),
    ];
    (prop::collection::vec(step, 1..4), any::<bool>(), end()).prop_map(|(steps, double, end)| {
        steps.join(if double && steps.len() > 2 { "//" } else { "/" }) + end
    })
}

fn end() -> impl Strategy<Value = &'static str> {
    prop_oneof![8 => Just(""), 1 => Just("/"), 1 => Just("/.")]
}

fn target() -> impl Strategy<Value = String> {
    prop_oneof![
        20 => (prop::collection::vec(prop::sample::select(&NAMES[..]), 1..3), end())
            .prop_map(|(names, end)| names.join("/") + end),
        1 => Just(String::new()),
    ]
}

pub fn op() -> impl Strategy<Value = Op> {
    // Mostly the root, sometimes another open descriptor.
    let at = || prop_oneof![6 => Just(0_usize), 1 => 1..8_usize];
    let open = || 0..8_usize;
    // In the first chunk, between two, and where 32 bits no longer do.
    let offset = || prop_oneof![6 => 0..40_u64, 2 => 65_500..65_600_u64, 1 => FAR - 30..FAR + 30];
    let data = || prop::collection::vec(any::<u8>(), 0..50);
    prop_oneof![
        8 => (at(), path(), any::<u8>(), any::<bool>())
            .prop_map(|(at, path, flags, follow)| Op::Open { at, path, flags, follow }),
        2 => open().prop_map(Op::Close),
        2 => open().prop_map(Op::Dup),
        1 => (open(), any::<bool>()).prop_map(|(fd, append)| Op::SetAppend(fd, append)),
        2 => (open(), 0..60_usize).prop_map(|(fd, n)| Op::Read(fd, n)),
        4 => (open(), data()).prop_map(|(fd, data)| Op::Write(fd, data)),
        3 => (open(), 0..60_usize, offset()).prop_map(|(fd, n, at)| Op::Pread(fd, n, at)),
        3 => (open(), data(), offset()).prop_map(|(fd, data, at)| Op::Pwrite(fd, data, at)),
        2 => (open(), -20..40_i64, 0..3_u8).prop_map(|(fd, by, from)| Op::Seek(fd, by, from)),
        1 => (open(), offset()).prop_map(|(fd, to)| Op::Seek(fd, to.cast_signed(), 0)),
        2 => (open(), offset()).prop_map(|(fd, len)| Op::SetSize(fd, len)),
        4 => (at(), path(), any::<bool>())
            .prop_map(|(at, path, follow)| Op::Stat { at, path, follow }),
        2 => open().prop_map(Op::Fstat),
        6 => (at(), path()).prop_map(|(at, path)| Op::Mkdir { at, path }),
        3 => (at(), path()).prop_map(|(at, path)| Op::Rmdir { at, path }),
        3 => (at(), path()).prop_map(|(at, path)| Op::Unlink { at, path }),
        6 => ((at(), path()), (at(), path())).prop_map(|(from, to)| Op::Rename { from, to }),
        3 => ((at(), path()), (at(), path()), any::<bool>())
            .prop_map(|(from, to, follow)| Op::Link { from, to, follow }),
        4 => (target(), at(), path())
            .prop_map(|(target, at, path)| Op::Symlink { target, at, path }),
        2 => (at(), path()).prop_map(|(at, path)| Op::Readlink { at, path }),
        4 => (at(), path()).prop_map(|(at, path)| Op::List { at, path }),
    ]
}

/// The bits of `Op::Open::flags`: 0–1 access, then create, exclusive, truncate, append, directory.
pub fn has(flags: u8, bit: u8) -> bool {
    flags & 1 << bit != 0
}

pub fn done(result: Result<(), Errno>) -> Outcome {
    result.map(|()| Answer::Done)
}

pub fn count(result: Result<usize, Errno>) -> Outcome {
    result.map(|n| Answer::Number(n as u64))
}

pub fn names(mut names: Vec<(String, Filetype)>) -> Answer {
    names.sort_by(|a, b| a.0.cmp(&b.0));
    Answer::Names(names)
}
