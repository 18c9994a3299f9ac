//! Archives that mean harm, or were damaged.

use std::sync::Arc;

use faasm_vfs::{Archive, ArchiveError, ArchiveLimits, EntryProblem};
use proptest::prelude::*;

use crate::common::walk::walk;
use crate::zip::{Part, deflated, end, stored, zip};
use crate::{open, unpack};

/// What an archive is refused for, if it is for an entry; its name as well.
fn problem(parts: &[Part]) -> Option<(String, EntryProblem)> {
    match unpack(&zip(parts)).err() {
        Some(ArchiveError::Entry { name, problem }) => Some((name, problem)),
        Some(other) => panic!("{other}"),
        None => None,
    }
}

fn limited(archive: &[u8], limits: ArchiveLimits) -> Option<ArchiveError> {
    Archive::unpack(&archive, &limits, Vec::new()).err()
}

#[track_caller]
fn assert_problem(part: Part, expected: EntryProblem) {
    let name = String::from_utf8_lossy(&part.listed.name).into_owned();
    let found = problem(&[stored("before", b"b"), part, stored("behind", b"b")]);
    assert_eq!(found, Some((name, expected)));
}

#[test]
fn an_entry_that_would_leave_the_archive_is_refused() {
    for (name, problem) in [
        ("../x", EntryProblem::Dots),
        ("a/../../x", EntryProblem::Dots),
        ("..", EntryProblem::Dots),
        ("a//", EntryProblem::Dots),
        ("/etc/passwd", EntryProblem::Absolute),
        ("/", EntryProblem::Absolute),
        ("..\\x", EntryProblem::Backslash),
        ("a\0b", EntryProblem::Control),
    ] {
        assert_problem(stored(name, b""), problem);
    }
    let name = [b'a', 0xff];
    let found = problem(&[stored(name, b"")]);
    assert_eq!(found, Some(("a\u{fffd}".to_owned(), EntryProblem::NotUtf8)));
}

#[test]
fn an_entry_that_is_no_plain_file_is_refused() {
    let with_mode = |mode| {
        let mut part = stored("special", b"/etc/passwd");
        part.mode = mode;
        part
    };
    assert_problem(with_mode(0o120_777), EntryProblem::Symlink);
    for mode in [0o010_644, 0o020_666, 0o060_600, 0o140_755, 0o040_755] {
        assert_problem(with_mode(mode), EntryProblem::Special);
    }
    assert_eq!(problem(&[with_mode(0o104_755)]), None);
}

#[test]
fn an_entry_that_cannot_be_unpacked_says_why() {
    let file = || deflated("file", &b"text".repeat(100));
    for flag in [1 << 0, 1 << 6, 1 << 13] {
        assert_problem(file().both(|it| it.flags = flag), EntryProblem::Encrypted);
        let mut only_before = file();
        only_before.local.flags = flag;
        assert_problem(only_before, EntryProblem::Encrypted);
    }
    assert_problem(file().both(|it| it.method = 12), EntryProblem::Method(12));
    assert_problem(file().both(|it| it.len = u32::MAX), EntryProblem::Zip64);
    let mut only_before = file();
    only_before.local.packed_len = u32::MAX;
    assert_problem(only_before, EntryProblem::Zip64);
    let opened = open(zip(&[file()]));
    let compressed = EntryProblem::Compressed;
    assert!(matches!(opened, Err(ArchiveError::Entry { problem, .. }) if problem == compressed));
}

#[test]
fn an_entry_that_is_described_in_two_ways_is_refused() {
    let changes: [fn(&mut Part); 7] = [
        |it| it.local.name = b"fine".to_vec(),
        |it| it.local.name = b"file/".to_vec(),
        |it| it.local.method = 0,
        |it| it.local.checksum ^= 1,
        |it| it.local.len += 1,
        |it| it.local.packed_len -= 1,
        |it| it.at = Some(10_000),
    ];
    for change in changes {
        let mut part = deflated("file", b"text");
        change(&mut part);
        assert_problem(part, EntryProblem::Header);
    }
    let directory_with_bytes = stored("directory/", b"x");
    assert_problem(directory_with_bytes, EntryProblem::Header);
    let patch = stored("patch", b"x").both(|it| it.flags = 1 << 5);
    assert_problem(patch, EntryProblem::Header);
    // What was not known before the bytes is in the list alone.
    let mut streamed = deflated("file", b"text").both(|it| it.flags = 1 << 3);
    (
        streamed.local.checksum,
        streamed.local.packed_len,
        streamed.local.len,
    ) = (0, 0, 0);
    assert_eq!(problem(&[streamed]), None);
}

#[test]
fn bytes_that_are_not_what_was_packed_are_refused() {
    let text = b"text".repeat(100);
    let file = || deflated("file", &text);
    let longer = file().both(|it| it.len += 1);
    assert_problem(longer, EntryProblem::Size);
    let shorter = file().both(|it| it.len -= 1);
    assert_problem(shorter, EntryProblem::Size);
    let other = file().both(|it| it.checksum ^= 1);
    assert_problem(other, EntryProblem::Checksum);
    let mut damaged = file();
    damaged.packed[0] = 0xff;
    assert_problem(damaged, EntryProblem::Damaged);
    let mut cut = file().both(|it| it.packed_len -= 1);
    cut.packed.pop();
    assert_problem(cut, EntryProblem::Damaged);
    let mut followed = file().both(|it| it.packed_len += 1);
    followed.packed.push(0);
    assert_problem(followed, EntryProblem::Damaged);
}

#[test]
fn a_path_leads_to_one_thing() {
    let twice = [stored("a/b", b"1"), stored("a/b", b"2")];
    let found = Some(("a/b".to_owned(), EntryProblem::Duplicate));
    assert_eq!(problem(&twice), found);
    let file_and_directory = [stored("a/b", b"1"), stored("a/b/", b"")];
    assert_eq!(problem(&file_and_directory), found);
    let conflict = Some(("a/b/c/d".to_owned(), EntryProblem::Conflict));
    let (file, below) = (stored("a/b", b"1"), stored("a/b/c/d", b"2"));
    assert_eq!(problem(&[file.clone(), below.clone()]), conflict);
    assert_eq!(problem(&[below, file]), conflict);
}

#[test]
fn entries_do_not_share_bytes() {
    let whole = zip(&[stored("a", b"first"), stored("b", b"second")]);
    let second = zip(&[stored("a", b"first")]).len() as u32 - 22 - 52;
    let again = |at| {
        let mut part = stored("b", b"second");
        part.at = Some(at);
        zip(&[stored("a", b"first"), part])
    };
    assert_eq!(whole, again(second));
    // Quoting: an entry in the bytes of another.
    let inner = zip(&[deflated("b", &[0; 1000])]);
    let mut quoted = deflated("b", &[0; 1000]);
    quoted.at = Some(30 + 1 + 4);
    let overlap = Some(("b".to_owned(), EntryProblem::Overlap));
    assert_eq!(problem(&[stored("a", &inner), quoted]), overlap);
    let into_list = stored("b", b"second").both(|it| (it.len, it.packed_len) = (50, 50));
    assert_eq!(problem(&[into_list]), overlap);
}

#[test]
fn a_bomb_is_refused_before_it_goes_off() {
    let limits = ArchiveLimits {
        max_bytes: 1 << 20,
        ..ArchiveLimits::default()
    };
    let half = deflated("half", &[0; 1 << 19]);
    let other = deflated("other", &[0; 1 << 19]);
    assert!(limited(&zip(&[half.clone(), other.clone()]), limits).is_none());
    let one_more = [half, other, stored("more", b"1")];
    let found = limited(&zip(&one_more), limits);
    assert!(matches!(found, Some(ArchiveError::TooLarge { limit }) if limit == 1 << 20));
    // One that says that it is small.
    let liar = deflated("bomb", &[0; 10 << 20]).both(|it| it.len = 1000);
    assert_eq!(
        problem(&[liar]),
        Some(("bomb".to_owned(), EntryProblem::Size))
    );
}

#[test]
fn directories_that_are_only_implied_count() {
    let limits = ArchiveLimits {
        max_entries: 10,
        max_depth: 9,
        max_path_bytes: 17,
        ..ArchiveLimits::default()
    };
    let deep = |top: &str| stored(top.to_owned() + &"/d".repeat(8), b"");
    assert!(limited(&zip(&[deep("a")]), limits).is_none());
    for parts in [vec![deep("a"), deep("b")], vec![stored("x", b""); 11]] {
        let found = limited(&zip(&parts), limits);
        assert!(matches!(
            found,
            Some(ArchiveError::TooManyEntries { limit: 10 })
        ));
    }
    for (path, expected) in [
        ("d/".repeat(9) + "/", EntryProblem::LongPath { limit: 17 }),
        ("e/".repeat(10), EntryProblem::LongPath { limit: 17 }),
    ] {
        let found = limited(&zip(&[stored(path, b"")]), limits);
        assert!(
            matches!(found, Some(ArchiveError::Entry { problem, .. }) if problem == expected),
            "{found:?}"
        );
    }
}

#[test]
fn what_is_no_whole_archive_says_so() {
    let archive = zip(&[stored("a", b"text")]);
    let list = archive.len() - 22 - 52;
    assert!(matches!(unpack(b"").err(), Some(ArchiveError::NotAZip)));
    assert!(matches!(unpack(b"PK").err(), Some(ArchiveError::NotAZip)));
    for len in 4..archive.len() {
        let cut = unpack(&archive[..len]).err();
        assert!(matches!(cut, Some(ArchiveError::Truncated)), "{len}");
    }
    let prefixed = [b"#!x\n".as_slice(), &archive].concat();
    assert!(matches!(
        unpack(&prefixed).err(),
        Some(ArchiveError::Directory)
    ));
    for (count, len, start, expected) in [
        (2, 52, list as u32, "Directory"),
        (0, 52, list as u32, "Directory"),
        (1, 51, list as u32 + 1, "Directory"),
        (1, 53, list as u32, "Directory"),
        (u16::MAX, 52, list as u32, "Zip64"),
        (1, u32::MAX, list as u32, "Zip64"),
        (1, 52, u32::MAX, "Zip64"),
    ] {
        let other = [&archive[..archive.len() - 22], &end(count, len, start)].concat();
        let found = unpack(&other).err().map(|error| format!("{error:?}"));
        assert_eq!(found.as_deref(), Some(expected));
    }
    let mut split = archive.clone();
    split[list + 52 + 4] = 1;
    assert!(matches!(unpack(&split).err(), Some(ArchiveError::Split)));
    let (entries, end) = archive.split_at(archive.len() - 22);
    let located = [entries, b"PK\x06\x07", &[0; 16], end].concat();
    assert!(matches!(unpack(&located).err(), Some(ArchiveError::Zip64)));
}

#[test]
fn a_message_names_the_entry_and_says_what_to_do() {
    let error = unpack(&zip(&[stored("a\nb\u{1b}[2J", b"")])).err().unwrap();
    assert_eq!(
        error.to_string(),
        "\"a\\nb\\u{1b}[2J\" in the zip archive has a control character in its path; rename it"
    );
    let error = unpack(&zip(&[stored("n".repeat(60_000), b"")]))
        .err()
        .unwrap();
    assert!(error.to_string().len() < 400);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_damaged_archive_is_refused_or_still_a_tree(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let parts = [
            deflated("json/decoder.py", &b"decode".repeat(9)),
            stored("json/", b""),
            stored("os.py", b"import sys"),
        ];
        let mut archive = zip(&parts);
        for (at, byte) in damage {
            let at = at.index(archive.len());
            archive[at] = byte;
        }
        if let Ok(unpacked) = unpack(&archive) {
            walk(&unpacked, 2);
        }
        if let Ok(opened) = Archive::open(Arc::new(archive), &ArchiveLimits::default()) {
            walk(&opened, 2);
        }
    }
}
