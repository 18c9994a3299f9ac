//! Zip archives as lower trees.
#[path = "../common/mod.rs"]
mod common;
mod hostile;
mod zip;

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use common::walk::{Contents, walk};
use common::{Account, names, put, text};
use faasm_vfs::{Archive, ArchiveError, ArchiveLimits, Errno, Limits, Lower, ReadAt, Vfs};
use proptest::prelude::*;
use zip::{Part, deflated, stored, zip};

fn unpack(archive: &[u8]) -> Result<Archive, ArchiveError> {
    Archive::unpack(&archive, &ArchiveLimits::default(), Vec::new())
}

fn open(archive: Vec<u8>) -> Result<Archive, ArchiveError> {
    Archive::open(Arc::new(archive), &ArchiveLimits::default())
}

fn library() -> Vec<Part> {
    vec![
        stored("os.py", b"import sys"),
        stored("json/decoder.py", b"decode"),
        stored("json/__init__.py", b""),
        stored("empty/", b""),
        stored("a/b/c/d", b"deep"),
    ]
}

#[test]
fn the_files_of_an_archive_and_the_directories_that_they_imply_are_a_tree() {
    let archive = zip(&library());
    for archive in [unpack(&archive).unwrap(), open(archive).unwrap()] {
        let contents = walk(&archive, 1);
        let paths: Vec<&str> = contents.keys().map(String::as_str).collect();
        let expected = [
            "a",
            "a/b",
            "a/b/c",
            "a/b/c/d",
            "empty",
            "json",
            "json/__init__.py",
            "json/decoder.py",
            "os.py",
        ];
        assert_eq!(paths, expected);
        assert_eq!(contents["os.py"].as_deref(), Some(&b"import sys"[..]));
        assert_eq!(contents["a/b/c/d"].as_deref(), Some(&b"deep"[..]));
        assert_eq!(contents["empty"], None);
        let noon = 315_576_000_000_000_000;
        assert_eq!(archive.metadata("os.py").unwrap().mtime, noon);
        assert_eq!(archive.open("json").err(), Some(Errno::Isdir));
        assert_eq!(archive.open("jso").err(), Some(Errno::Noent));
    }
}

#[test]
fn an_archive_of_nothing_is_an_empty_tree() {
    assert!(walk(&unpack(&zip(&[])).unwrap(), 10).is_empty());
}

#[test]
fn archives_that_known_tools_make_can_be_unpacked() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/archive");
    for name in ["deflated", "stored", "streamed", "commented"] {
        let file = File::open(seeds.join(name)).unwrap();
        let into = tempfile::tempfile().unwrap();
        let archive = Archive::unpack(&file, &ArchiveLimits::default(), into).unwrap();
        let contents = walk(&archive, 2);
        let text = contents["package/greeting.txt"].clone().unwrap();
        assert_eq!(text, b"hello ".repeat(100), "{name}");
        assert!(contents.contains_key("function.py"), "{name}");
    }
}

#[test]
fn a_stored_archive_is_read_where_it_lies() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), zip(&library())).unwrap();
    let bytes = Arc::new(file.reopen().unwrap());
    let archive = Archive::open(bytes, &ArchiveLimits::default()).unwrap();
    let open = archive.open("os.py").unwrap();
    let mut buf = [0; 6];
    assert_eq!(open.read_at(&mut buf, 7), Ok(3));
    assert_eq!(&buf[..3], b"sys");
    // The file is damaged after all, which is no reason to take what follows for its bytes.
    file.as_file().set_len(20).unwrap();
    assert_eq!(open.read_at(&mut buf, 7), Err(Errno::Io));
}

#[test]
fn bytes_may_come_in_any_pieces() {
    struct Drops(Vec<u8>);

    impl ReadAt for Drops {
        fn size(&self) -> io::Result<u64> {
            self.0.size()
        }

        fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
            let len = buf.len().min(1 + offset as usize % 3);
            self.0.read_at(&mut buf[..len], offset)
        }
    }

    let parts = [
        deflated("zeros", &[0; 200_000]),
        stored("stored", &[7; 70_000]),
    ];
    let drops = Drops(zip(&parts));
    let archive = Archive::unpack(&drops, &ArchiveLimits::default(), Vec::new()).unwrap();
    let contents = walk(&archive, 1);
    assert_eq!(contents["zeros"], Some(vec![0; 200_000]));
    assert_eq!(contents["stored"], Some(vec![7; 70_000]));
}

#[test]
fn an_archive_that_cannot_be_read_is_not_taken_for_a_damaged_one() {
    struct Broken;

    impl ReadAt for Broken {
        fn size(&self) -> io::Result<u64> {
            Ok(1000)
        }

        fn read_at(&self, _: &mut [u8], _: u64) -> io::Result<usize> {
            Err(ErrorKind::PermissionDenied.into())
        }
    }

    let opened = Archive::open(Arc::new(Broken), &ArchiveLimits::default());
    assert!(matches!(opened, Err(ArchiveError::Read(_))));
}

#[test]
fn a_call_writes_above_an_archive_like_above_any_tree() {
    let archive = open(zip(&library())).unwrap();
    let account = Account::new(u64::MAX);
    let mut vfs = Vfs::new(Arc::new(archive), account, Limits::default());
    assert_eq!(text(&mut vfs, "json/decoder.py").unwrap(), "decode");
    put(&mut vfs, "json/cache/x", "").unwrap_err();
    put(&mut vfs, "json/mine.py", "mine").unwrap();
    let expected = ["__init__.py", "decoder.py", "mine.py"];
    assert_eq!(names(&mut vfs, "json").unwrap(), expected);
    assert_eq!(names(&mut vfs, "faasm://json").unwrap(), expected[..2]);
    let refused = put(&mut vfs, "faasm://json/decoder.py", "");
    assert_eq!(refused, Err(Errno::Rofs));
}

/// Files at paths of which none leads through another.
fn files() -> impl Strategy<Value = Contents> {
    let path = prop::collection::vec(prop::sample::select(vec!["a", "a-", "b", "é"]), 1..5);
    let file = (path, prop::collection::vec(any::<u8>(), 0..50));
    prop::collection::vec(file, 0..20).prop_map(|files| {
        let mut contents = Contents::new();
        for (names, bytes) in files {
            let path = names.join("/");
            let parents: Vec<String> = (1..names.len()).map(|n| names[..n].join("/")).collect();
            let is_file = |path| matches!(contents.get(path), Some(Some(_)));
            if contents.contains_key(&path) || parents.iter().any(is_file) {
                continue;
            }
            contents.extend(parents.into_iter().map(|path| (path, None)));
            contents.insert(path, Some(bytes));
        }
        contents
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_was_packed_is_what_is_there(files in files(), page in 1..5_usize, named in any::<u32>()) {
        let parts: Vec<Part> = files
            .iter()
            .enumerate()
            .filter_map(|(n, (path, bytes))| match bytes {
                Some(bytes) if n % 2 == 0 => Some(stored(path, bytes)),
                Some(bytes) => Some(deflated(path, bytes)),
                // Some directories have entries, others are only implied.
                None if named >> (n % 32) & 1 == 1 => Some(stored(format!("{path}/"), b"")),
                None => None,
            })
            .rev()
            .collect();
        let archive = unpack(&zip(&parts)).unwrap();
        prop_assert_eq!(walk(&archive, page), files);
    }
}
