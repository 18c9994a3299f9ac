//! Runtimes that somebody damaged, and installs that somebody killed.

use std::fs;
use std::os::unix::fs::symlink;

use faasm_python::{Error, Outcome, Part, Runtime};

use crate::made::{Files, Home};

#[test]
fn opening_sees_a_missing_file_and_verifying_a_changed_one() {
    let home = Home::new();
    let files = Files::new("x");
    for part in Part::ALL {
        let dir = home.path().join(part.file_name().to_uppercase());
        files.write(&dir);
        let runtime = Runtime::open(&dir).unwrap();
        let path = runtime.path(part);
        let mut content = fs::read(&path).unwrap();
        assert_eq!(content.len() as u64, runtime.size(part));
        content[1] ^= 1;
        fs::write(&path, &content).unwrap();
        let damaged = Runtime::open(&dir).unwrap().verify().unwrap_err();
        assert!(
            matches!(&damaged, Error::Damaged(is) if *is == path),
            "{damaged}"
        );
        content.push(1);
        fs::write(&path, &content).unwrap();
        assert!(matches!(Runtime::open(&dir), Err(Error::Damaged(_))));
        fs::remove_file(&path).unwrap();
        assert!(matches!(Runtime::open(&dir), Err(Error::BadRuntime { .. })));
    }
    let dir = home.path().join("another interface");
    let mut files = files;
    *files.content("manifest.json") = br#"{"abi":7,"of":"the future"}"#.to_vec();
    files.write(&dir);
    let error = Runtime::open(&dir).unwrap_err().to_string();
    assert!(
        error.contains("interface 7") && error.contains("faasm python install"),
        "{error}"
    );
    fs::write(dir.join("manifest.json"), vec![b' '; 1 << 20]).unwrap();
    let error = Runtime::open(&dir).unwrap_err().to_string();
    assert!(error.contains("larger than 65536 bytes"), "{error}");
}

#[test]
fn installing_mends_what_is_damaged_and_leaves_the_rest() {
    let home = Home::new();
    let archive = Files::new("x").archive();
    let runtime = home.install(&archive).unwrap().runtime;
    fs::create_dir(runtime.cache_dir()).unwrap();
    fs::write(runtime.cache_dir().join("code"), "compiled").unwrap();
    let mapped = fs::File::open(runtime.wasm()).unwrap();
    let whole = fs::read(runtime.wasm()).unwrap();
    for damage in ["LICENSE", "lib.zip", "python.wasm", "manifest.json"] {
        fs::write(runtime.dir().join(damage), "damage").unwrap();
        let mended = home.install(&archive).unwrap();
        assert_eq!(mended.outcome, Outcome::Repaired, "{damage}");
        mended.runtime.verify().unwrap();
        fs::remove_file(runtime.dir().join(damage)).unwrap();
        assert_eq!(home.install(&archive).unwrap().outcome, Outcome::Repaired);
    }
    assert_eq!(
        fs::read(runtime.cache_dir().join("code")).unwrap(),
        b"compiled"
    );
    // What a server had mapped was replaced, not rewritten.
    assert_ne!(mapped.metadata().unwrap().len(), 0);
    assert_eq!(fs::read(runtime.wasm()).unwrap(), whole);
}

#[test]
fn what_a_killed_install_left_is_cleared_away() {
    let home = Home::new();
    let dir = home.store.dir();
    for left in [".new", ".old"] {
        Files::new("left").write(&dir.join(left));
    }
    symlink("left", dir.join(".next")).unwrap();
    assert!(home.store.current().unwrap().is_none());
    assert!(home.store.names().unwrap().is_empty());
    home.install(&Files::new("x").archive()).unwrap();
    let entries = home.entries();
    assert!(
        !entries
            .iter()
            .any(|name| [".new", ".old", ".next"].contains(&&**name)),
        "{entries:?}"
    );
}

#[test]
fn what_is_in_the_way_is_named_and_left_alone() {
    let home = Home::new();
    let archive = Files::new("x").archive();
    let current = home.store.dir().join("current");
    fs::create_dir_all(&current).unwrap();
    let error = home.install(&archive).unwrap_err();
    assert!(
        matches!(&error, Error::InTheWay(path) if *path == current),
        "{error}"
    );
    fs::remove_dir(&current).unwrap();
    let runtime = home.install(&archive).unwrap().runtime;
    fs::remove_dir_all(runtime.dir()).unwrap();
    fs::write(runtime.dir(), "mine").unwrap();
    let error = home.install(&archive).unwrap_err();
    assert!(matches!(&error, Error::InTheWay(_)), "{error}");
    assert_eq!(fs::read(runtime.dir()).unwrap(), b"mine");
}
