//! Scripts of file operations, each a line for the guest's program.

use proptest::prelude::*;
use proptest::sample::select;

/// The first offset that 32 bits cannot say.
const FAR: i64 = 1 << 32;

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        40 => select(vec!["a", "b", "c", "d"]).prop_map(str::to_owned),
        2 => Just("..".to_owned()),
        2 => Just(".".to_owned()),
        1 => Just("n".repeat(255)),
        1 => Just("n".repeat(256)),
        1 => Just("ä ö".to_owned()),
    ]
}

/// Few names, so that operations meet; with every way to write them. None is empty: of that,
/// wasi-libc makes `.`.
fn path() -> impl Strategy<Value = String> {
    let names = (select(vec![1, 1, 1, 2, 2, 3]), [name(), name(), name()]);
    let names = names.prop_map(|(count, names)| names[..count].to_vec());
    let between = select(vec!["/", "/", "/", "//"]);
    let before = select(vec!["", "", "", "./", "/"]);
    let ending = prop_oneof![20 => Just(""), 1 => Just("/"), 1 => Just("/."), 1 => Just("/..")];
    let path = (before, names, between, ending)
        .prop_map(|(before, names, between, end)| format!("{before}{}{end}", names.join(between)));
    prop_oneof![
        60 => path,
        1 => Just("long/".repeat(1000)),
    ]
}

fn target() -> impl Strategy<Value = String> {
    let names = prop::collection::vec(select(vec!["a", "b", "c", "d"]), 1..3);
    prop_oneof![
        20 => names.prop_map(|names| names.join("/")),
        2 => select(vec!["/a", "/b/c", "/.", "..", ".", "../a", "a/", "b/."]).prop_map(str::to_owned),
        1 => Just(String::new()),
    ]
}

/// In the first chunk, between two of 64 KiB, and where 32 bits no longer do.
fn length() -> impl Strategy<Value = i64> {
    prop_oneof![12 => 0..40_i64, 4 => 65_500..65_600_i64, 2 => FAR - 30..FAR + 30]
}

/// As well as before the start.
fn offset() -> impl Strategy<Value = i64> {
    prop_oneof![18 => length(), 1 => -30..0_i64]
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![8 => 0..60_usize, 1 => 4_090..4_100_usize, 1 => 65_530..65_540_usize, 1 => Just(200_000)]
}

fn open_flags() -> impl Strategy<Value = String> {
    let flag = |letter| prop_oneof![4 => Just(""), 1 => Just(letter)];
    let access = select(vec!["r", "w", "b", "b"]);
    // What creating a directory by opening it does depends on the version of Linux.
    let create = prop_oneof![2 => Just(""), 9 => Just("c"), 1 => Just("cx"), 1 => Just("d")];
    (access, create, flag("t"), flag("a"), flag("n"))
        .prop_map(|(access, create, t, a, n)| format!("{access}{create}{t}{a}{n}"))
}

fn whence() -> impl Strategy<Value = char> {
    select(vec!['s', 's', 'c', 'e'])
}

/// One of those that are open, or none.
fn descriptor() -> impl Strategy<Value = i32> {
    prop_oneof![20 => 0..8_i32, 1 => Just(-1)]
}

/// What is written begins with it.
fn seed() -> impl Strategy<Value = u8> {
    0..26_u8
}

/// When a file was accessed and changed, in seconds.
fn times() -> impl Strategy<Value = String> {
    let accessed = prop_oneof![
        3 => (1..900_000_u32).prop_map(|seconds| seconds.to_string()),
        1 => Just("omit".to_owned()),
    ];
    (accessed, 1..900_000_u32).prop_map(|(accessed, changed)| format!("{accessed}\t{changed}"))
}

fn on_paths() -> impl Strategy<Value = String> {
    let one = || {
        let operation = select(vec![
            "mkdir", "mkdir", "mkdir", "rmdir", "unlink", "remove", "stat", "lstat", "list",
        ]);
        (operation, path()).prop_map(|(operation, path)| format!("{operation}\t{path}"))
    };
    prop_oneof![
        14 => one(),
        8 => (path(), open_flags()).prop_map(|(path, flags)| format!("open\t{path}\t{flags}")),
        6 => (path(), path()).prop_map(|(from, to)| format!("rename\t{from}\t{to}")),
        3 => (path(), path()).prop_map(|(from, to)| format!("link\t{from}\t{to}")),
        4 => (target(), path()).prop_map(|(target, path)| format!("symlink\t{target}\t{path}")),
        2 => (path(), select(vec![1, 2, 4096]))
            .prop_map(|(path, size)| format!("readlink\t{path}\t{size}")),
        // wasi-libc opens the file before it looks at the length.
        2 => (path(), length()).prop_map(|(path, size)| format!("truncate\t{path}\t{size}")),
        2 => (path(), select(vec!["", "r", "w", "rw"]))
            .prop_map(|(path, mode)| format!("access\t{path}\t{mode}")),
        2 => (path(), times(), 0..2_u8)
            .prop_map(|(path, times, nofollow)| format!("utime\t{path}\t{times}\t{nofollow}")),
    ]
}

fn on_descriptors() -> impl Strategy<Value = String> {
    let one = select(vec![
        "close", "close", "dup", "fstat", "fstat", "fstat", "flags", "sync", "datasync",
    ]);
    let write = select(vec!["write", "write", "writev"]);
    prop_oneof![
        7 => (one, descriptor()).prop_map(|(operation, fd)| format!("{operation}\t{fd}")),
        3 => (descriptor(), size()).prop_map(|(fd, n)| format!("read\t{fd}\t{n}")),
        // Linux reads nothing into nothing from a directory, too.
        2 => (descriptor(), size()).prop_map(|(fd, n)| format!("readv\t{fd}\t{}", n.max(1))),
        8 => (write, descriptor(), size(), seed())
            .prop_map(|(write, fd, n, seed)| format!("{write}\t{fd}\t{n}\t{seed}")),
        3 => (descriptor(), size(), offset())
            .prop_map(|(fd, n, at)| format!("pread\t{fd}\t{n}\t{at}")),
        3 => (descriptor(), size(), seed(), offset())
            .prop_map(|(fd, n, seed, at)| format!("pwrite\t{fd}\t{n}\t{seed}\t{at}")),
        3 => (descriptor(), offset(), whence())
            .prop_map(|(fd, to, whence)| format!("seek\t{fd}\t{to}\t{whence}")),
        2 => (descriptor(), offset()).prop_map(|(fd, size)| format!("ftruncate\t{fd}\t{size}")),
        2 => (descriptor(), 1..70_000_u32, 0..2_u8)
            .prop_map(|(fd, size, page)| format!("map\t{fd}\t{size}\t{page}")),
        1 => (descriptor(), 0..100_000_i64, 0..100_i64)
            .prop_map(|(fd, from, size)| format!("allocate\t{fd}\t{from}\t{size}")),
        1 => (descriptor(), 0..2_u8).prop_map(|(fd, on)| format!("append\t{fd}\t{on}")),
        1 => (descriptor(), times()).prop_map(|(fd, times)| format!("futime\t{fd}\t{times}")),
    ]
}

fn fopen() -> impl Strategy<Value = String> {
    let modes = select(vec![
        "r", "w", "a", "r+", "w+", "a+", "wx", "w+x", "rb", "?",
    ]);
    (path(), modes, select(vec!["", "n", "l"]))
        .prop_map(|(path, mode, buffer)| format!("fopen\t{path}\t{mode}\t{buffer}"))
}

/// On one of the first `open` streams.
fn on_streams(open: usize) -> impl Strategy<Value = String> {
    let stream = move || 0..open;
    let small = || 0..100_usize;
    // Whether it is an error to write nothing to a stream for reading, the libraries disagree.
    let size = || size().prop_map(|size| size.max(1));
    prop_oneof![
        2 => (stream(), size()).prop_map(|(at, n)| format!("fread\t{at}\t{n}")),
        3 => (stream(), size(), seed()).prop_map(|(at, n, seed)| format!("fwrite\t{at}\t{n}\t{seed}")),
        2 => (stream(), offset(), whence())
            .prop_map(|(at, to, whence)| format!("fseek\t{at}\t{to}\t{whence}")),
        1 => stream().prop_map(|at| format!("ungetc\t{at}")),
        1 => (stream(), small()).prop_map(|(at, n)| format!("fgets\t{at}\t{n}")),
        1 => (stream(), small()).prop_map(|(at, n)| format!("fprintf\t{at}\t{n}")),
    ]
}

/// A tree to begin with, so that fewer operations fail.
const TREE: &[&str] = &[
    "mkdir\ta",
    "mkdir\ta/b",
    "mkdir\tb",
    "open\ta/c\tbc",
    "open\td\tbc",
    "symlink\t../d\tb/d",
    "symlink\ta/b\tc",
];

/// Everything that there is, each operation done before the next.
pub fn mixed() -> impl Strategy<Value = Vec<String>> {
    let operation = prop_oneof![
        20 => on_paths(),
        16 => on_descriptors(),
        5 => fopen(),
        8 => on_streams(3),
        1 => (0..3_usize).prop_map(|at| format!("fclose\t{at}")),
    ];
    let first = prop_oneof![1 => Just(&[][..]), 4 => Just(TREE)];
    (first, prop::collection::vec(operation, 1..150)).prop_map(|(first, mut script)| {
        script.splice(0..0, first.iter().map(|&line| line.to_owned()));
        script
    })
}

/// One stream at a time, whose buffer is not flushed before it is closed.
pub fn buffered() -> impl Strategy<Value = Vec<String>> {
    let session = (fopen(), prop::collection::vec(on_streams(1), 1..30));
    let session = session.prop_map(|(open, mut operations)| {
        operations.insert(0, open);
        operations.push("fclose\t0".to_owned());
        operations
    });
    prop::collection::vec(session, 1..6).prop_map(|sessions| {
        let mut script = vec!["buffered".to_owned()];
        script.extend(sessions.into_iter().flatten());
        script
    })
}
