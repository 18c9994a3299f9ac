//! Archives that nobody should have made.

use std::io::{self, Read};

use faasm_python::Error;
use proptest::prelude::*;
use tar::EntryType;

use crate::made::{Files, Home, add, archive, gzip, header};

/// Expects that the archive is refused for a reason with these words, and that nothing
/// is installed.
#[track_caller]
fn refused(archive: &[u8], why: &str) {
    let home = Home::new();
    let error = home.install(archive).unwrap_err();
    assert!(matches!(error, Error::BadArchive { .. }), "{error}");
    assert!(error.to_string().contains(why), "{why}: {error}");
    assert_eq!(home.entries(), [".lock"], "{why}");
}

fn gunzip(archive: &[u8]) -> Vec<u8> {
    let mut tar = Vec::new();
    let mut gzip = flate2::read::GzDecoder::new(archive);
    gzip.read_to_end(&mut tar).unwrap();
    tar
}

/// The archive of a runtime and then an entry more.
fn with(name: &str, kind: EntryType, content: &[u8]) -> Vec<u8> {
    archive(|tar| {
        for (name, content) in &Files::new("x").0 {
            add(tar, name, EntryType::Regular, content);
        }
        add(tar, name, kind, content);
    })
}

#[test]
fn names_that_do_not_belong_in_an_archive_are_refused() {
    for name in [
        "more",
        "../more",
        "/etc/passwd",
        "./LICENSE",
        "python.wasm/",
        "cache/x",
        "lib.zip ",
        "",
    ] {
        refused(
            &with(name, EntryType::Regular, b"x"),
            "does not belong in it",
        );
    }
}

#[test]
fn what_is_not_an_ordinary_file_is_refused() {
    for kind in [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Directory,
        EntryType::Fifo,
        EntryType::Char,
        EntryType::Block,
        EntryType::GNUSparse,
        EntryType::GNULongName,
        EntryType::XHeader,
        EntryType::XGlobalHeader,
        EntryType::Continuous,
    ] {
        refused(&with("LICENSE", kind, b""), "is not an ordinary file");
    }
    let mut linked = Files::new("x");
    linked.0.retain(|(name, _)| name != "LICENSE");
    let linked = archive(|tar| {
        for (name, content) in &linked.0 {
            add(tar, name, EntryType::Regular, content);
        }
        add(tar, "LICENSE", EntryType::Symlink, b"");
    });
    refused(&linked, "is not an ordinary file");
}

#[test]
fn a_file_must_be_there_once_and_be_what_the_manifest_says() {
    for name in ["LICENSE", "lib.zip", "python.wasm"] {
        let mut missing = Files::new("x");
        missing.0.retain(|(is, _)| is != name);
        refused(&missing.archive(), &format!("has no {name}"));
        let mut longer = Files::new("x");
        longer.content(name).push(0);
        refused(&longer.archive(), "by the manifest");
        let mut changed = Files::new("x");
        changed.content(name)[1] ^= 1;
        refused(&changed.archive(), &format!("{name} has not the hash"));
    }
    let mut files = Files::new("x");
    let license = files.content("LICENSE").clone();
    refused(
        &with("LICENSE", EntryType::Regular, &license),
        "two of LICENSE",
    );
    let manifest = files.content("manifest.json").clone();
    let twice = with("manifest.json", EntryType::Regular, &manifest);
    refused(&twice, "does not belong in it");
    files.0.rotate_left(1);
    refused(&files.archive(), "first file is not manifest.json");
    let mut other = Files::new("x");
    other.content("manifest.json").truncate(10);
    refused(&other.archive(), "its manifest is not in the form of one");
}

#[test]
fn what_is_no_archive_or_not_all_of_one_is_refused() {
    refused(b"", "");
    refused(b"hello", "");
    refused(&gzip(b""), "empty");
    refused(&gzip(&[0; 1024]), "empty");
    refused(&gzip(&[7; 1024]), "");
    let whole = Files::new("x").archive();
    for length in [1, 17, whole.len() / 2, whole.len() - 9, whole.len() - 1] {
        refused(&whole[..length], "");
    }
}

#[test]
fn what_follows_the_last_file_is_refused() {
    let whole = Files::new("x").archive();
    refused(&[&whole[..], b"x"].concat(), "something follows");
    refused(&[&whole[..], &whole[..]].concat(), "something follows");
    let tar = gunzip(&whole);
    refused(&gzip(&[&tar[..], b"x"].concat()), "something follows");
    let endless = [&tar[..], &vec![0; 8 << 20]].concat();
    refused(&gzip(&endless), "something follows");
    let padded = [&tar[..], &[0; 10_240]].concat();
    Home::new().install(&gzip(&padded)).unwrap();
}

/// Claims of sizes that nobody has the bytes for.
#[test]
fn a_size_that_is_only_claimed_is_not_believed() {
    for size in [1 << 20, 1 << 33, u64::MAX >> 1, u64::MAX] {
        let claimed = archive(|tar| {
            let header = header("manifest.json", EntryType::Regular, size);
            tar.append(&header, &vec![b' '; 1 << 17][..]).unwrap();
        });
        refused(&claimed, "");
    }
    let claimed = archive(|tar| {
        let mut files = Files::new("x");
        add(
            tar,
            "manifest.json",
            EntryType::Regular,
            files.content("manifest.json"),
        );
        let header = header("LICENSE", EntryType::Regular, 1 << 40);
        tar.append(&header, io::empty()).unwrap();
    });
    refused(&claimed, "bytes, and 5 by the manifest");
}

#[test]
fn a_manifest_that_promises_the_moon_is_refused_before_anything_is_written() {
    let mut files = Files::new("x");
    let manifest = files.content("manifest.json");
    let text = String::from_utf8(manifest.clone()).unwrap();
    *manifest = text.replace("100000", "9999999999999").into_bytes();
    refused(&files.archive(), "python.wasm is larger");
    *files.content("manifest.json") = text.replace("\"test\"", "\"../../x\"").into_bytes();
    refused(&files.archive(), "its name is not made of");
    *files.content("manifest.json") = text.replace("\"abi\":2", "\"abi\":1").into_bytes();
    let error = Home::new().install(&files.archive()).unwrap_err();
    assert!(
        matches!(error, Error::OtherInterface { found: 1, .. }),
        "{error}"
    );
}

#[test]
fn a_runtime_that_is_installed_stays_when_another_one_is_refused() {
    let home = Home::new();
    let installed = home.install(&Files::new("x").archive()).unwrap().runtime;
    let mut bad = Files::new("y");
    bad.content("python.wasm")[0] ^= 1;
    assert!(home.install(&bad.archive()).is_err());
    let current = home.store.current().unwrap().unwrap();
    assert_eq!(current.id(), installed.id());
    current.verify().unwrap();
    assert_eq!(home.entries().len(), 3, "{:?}", home.entries());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Bytes that flip, go and come, before or after compression: what is installed is the
    /// runtime, or nothing.
    #[test]
    fn a_damaged_archive_installs_the_very_runtime_or_nothing(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 1..4),
        inside in any::<bool>(),
    ) {
        let mut bytes = Files::new("x").archive();
        if inside {
            bytes = gunzip(&bytes);
        }
        for (at, byte, kind) in edits {
            // Behind that there is only the content of the large file.
            let at = at.index(bytes.len().min(6000));
            match kind {
                0 => bytes[at] ^= byte,
                1 => { bytes.remove(at); }
                _ => bytes.insert(at, byte),
            }
        }
        if inside {
            bytes = gzip(&bytes);
        }
        let home = Home::new();
        match home.install(&bytes) {
            Ok(installed) => {
                installed.runtime.verify().unwrap();
                prop_assert_eq!(std::fs::read(installed.runtime.library()).unwrap(), b"PK");
            }
            Err(_) => prop_assert!(home.store.current().unwrap().is_none()),
        }
    }
}
