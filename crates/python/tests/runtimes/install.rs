//! Installing from archives, streams and directories, and removing.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Barrier;

use faasm_python::{Error, Outcome, Runtime};

use crate::made::{Files, Home, sha256};

#[test]
fn the_last_runtime_installed_is_the_current_one_and_the_others_stay() {
    let home = Home::new();
    let first = home.install(&Files::new("first").archive()).unwrap();
    assert_eq!(first.outcome, Outcome::Added);
    let runtime = first.runtime;
    assert_eq!((runtime.name(), runtime.version()), ("test", "1.0"));
    assert_eq!(fs::read(runtime.library()).unwrap(), b"PK");
    let second = home
        .install(&Files::new("second").archive())
        .unwrap()
        .runtime;
    assert_eq!(home.store.current().unwrap().unwrap().id(), second.id());
    assert_eq!(home.store.names().unwrap().len(), 2);
    // Who opened the first through `current` still has it.
    runtime.verify().unwrap();
    let again = home.install(&Files::new("first").archive()).unwrap();
    assert_eq!(again.outcome, Outcome::Kept);
    assert_eq!(home.store.current().unwrap().unwrap().id(), runtime.id());
    let link = fs::read_link(home.store.dir().join("current")).unwrap();
    assert_eq!(link, Path::new(runtime.dir().file_name().unwrap()));
}

#[test]
fn a_runtime_is_found_where_it_is_installed_first() {
    let (mine, theirs, none) = (Home::new(), Home::new(), Home::new());
    theirs.install(&Files::new("x").archive()).unwrap();
    let search = |homes: &[&Home]| {
        let data_homes = homes.iter().map(|home| home.path().to_owned()).collect();
        Runtime::find_in(&faasm_python::Search { data_homes })
    };
    assert!(search(&[&none]).unwrap().is_none());
    let found = search(&[&mine, &theirs]).unwrap().unwrap();
    assert!(
        found
            .dir()
            .starts_with(theirs.path().canonicalize().unwrap())
    );
    // Something broken is not passed over in silence.
    fs::create_dir_all(mine.store.dir()).unwrap();
    symlink("nowhere", mine.store.dir().join("current")).unwrap();
    let error = search(&[&mine, &theirs]).unwrap_err();
    assert!(matches!(error, Error::BadRuntime { .. }), "{error}");
}

#[test]
fn an_archive_must_have_the_checksum_that_was_asked_for() {
    let home = Home::new();
    let (path, bytes) = (home.path().join("a.tar.gz"), Files::new("x").archive());
    fs::write(&path, &bytes).unwrap();
    let (right, wrong) = (sha256(&bytes), sha256(b"other"));
    let beside = home.path().join("a.tar.gz.sha256");
    let install = |sha256| home.store.install_archive(&path, sha256, &mut |_| {});
    let differs = |installed| matches!(installed, Err(Error::Checksum { .. }));
    assert!(differs(install(Some(wrong))));
    fs::write(&beside, format!("{wrong}  a.tar.gz\n")).unwrap();
    assert!(differs(install(None)));
    assert!(home.store.current().unwrap().is_none());
    // What is asked for on the command line counts for more.
    install(Some(right)).unwrap();
    fs::write(&beside, format!("{right} *a.tar.gz\n")).unwrap();
    install(None).unwrap();
    for bad in ["", "hello", "ba7816bf a.tar.gz"] {
        fs::write(&beside, bad).unwrap();
        assert!(matches!(install(None), Err(Error::NoChecksum(_))));
    }
    let stream = home
        .store
        .install_stream("a pipe", &bytes[..], Some(wrong), &mut |_| {});
    assert!(differs(stream));
    // Another file altogether is called that, and not a broken archive.
    let other = home
        .store
        .install_stream("a pipe", &b"x"[..], Some(right), &mut |_| {});
    assert!(differs(other));
}

#[test]
fn a_directory_is_installed_as_a_copy() {
    let home = Home::new();
    let from = home.path().join("built");
    let mut files = Files::new("x");
    files.write(&from);
    fs::create_dir(from.join("cache")).unwrap();
    let install = || home.store.install_dir(&from, &mut |_| {});
    let installed = install().unwrap().runtime;
    assert!(!installed.cache_dir().exists());
    files.content("lib.zip")[0] ^= 1;
    files.write(&from);
    let error = install().unwrap_err().to_string();
    assert!(error.contains("lib.zip has not the hash"), "{error}");
    installed.verify().unwrap();
    fs::remove_file(from.join("LICENSE")).unwrap();
    assert!(matches!(install(), Err(Error::BadRuntime { .. })));
}

#[test]
fn installs_at_the_same_time_take_turns_and_all_succeed() {
    let home = Home::new();
    let archives = ["a", "b", "c"].map(|tag| Files::new(tag).archive());
    let start = Barrier::new(12);
    std::thread::scope(|scope| {
        for n in 0..12 {
            let (home, archive, start) = (&home, &archives[n % 3], &start);
            scope.spawn(move || {
                start.wait();
                home.install(archive).unwrap();
                home.store.current().unwrap().unwrap().verify().unwrap();
            });
        }
    });
    assert_eq!(home.store.names().unwrap().len(), 3);
    assert_eq!(home.entries().len(), 5, "{:?}", home.entries());
}

#[test]
fn a_removed_runtime_is_gone_and_with_it_the_link_to_it() {
    let home = Home::new();
    let old = home.install(&Files::new("old").archive()).unwrap().runtime;
    let new = home.install(&Files::new("new").archive()).unwrap().runtime;
    assert_eq!(home.store.remove(old.id()).unwrap(), old.dir());
    assert_eq!(home.store.current().unwrap().unwrap().id(), new.id());
    let unknown = home.store.remove(old.id()).unwrap_err().to_string();
    assert!(unknown.contains(new.id()), "{unknown}");
    home.store.remove(new.id()).unwrap();
    assert!(home.store.current().unwrap().is_none());
    assert_eq!(home.entries(), [".lock"]);
}
