//! Giving files other paths.

use std::fs;
use std::os::unix::fs::MetadataExt;

use faasm_storage::{Error, Usage};

use crate::common::open;
use crate::helpers::{
    bytes, content, content_file, contents, contents_become, is_conflict, path, put,
};

#[tokio::test]
async fn a_renamed_file_keeps_its_bytes_and_their_time_and_leaves_its_old_path() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let put = put(&storage, "a/x", "body").await.unwrap();
    let inode = || {
        fs::metadata(content_file(dir.path(), "body"))
            .unwrap()
            .ino()
    };
    let before = inode();
    let renamed = storage.files().rename(&path("a/x"), path("b/y")).await;
    let renamed = renamed.unwrap();
    assert_eq!((renamed.size, renamed.hash), (put.size, put.hash));
    assert_eq!(renamed.modified_ns, put.modified_ns);
    assert_eq!(inode(), before);
    drop(storage);
    let storage = open(dir.path()).await;
    assert_eq!(storage.files().get(&path("b/y")), Some(renamed));
    assert_eq!(content(&storage, "b/y").await.unwrap(), b"body");
    assert_eq!(storage.files().metadata(Some(&path("a"))), None);
    assert_eq!(storage.files().usage(), Usage { files: 1, bytes: 4 });
}

#[tokio::test]
async fn the_file_that_was_there_is_replaced_and_an_open_one_stays_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let shared = storage.files();
    put(&storage, "new", "new body").await.unwrap();
    put(&storage, "old", "old").await.unwrap();
    let opened = shared.open(&path("old")).unwrap();
    shared.rename(&path("new"), path("old")).await.unwrap();
    assert_eq!(bytes(&opened).unwrap(), b"old");
    assert_eq!(content(&storage, "old").await.unwrap(), b"new body");
    assert_eq!(shared.get(&path("new")), None);
    contents_become(dir.path(), 1).await;
    assert_eq!(shared.usage(), Usage { files: 1, bytes: 8 });
    // One that has the same bytes is replaced as well.
    put(&storage, "equal", "new body").await.unwrap();
    shared.rename(&path("old"), path("equal")).await.unwrap();
    assert_eq!(content(&storage, "equal").await.unwrap(), b"new body");
    assert_eq!(shared.usage(), Usage { files: 1, bytes: 8 });
}

#[tokio::test]
async fn what_cannot_be_renamed_stays() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let shared = storage.files();
    let record = put(&storage, "d/x", "x").await.unwrap();
    put(&storage, "d/y", "y").await.unwrap();
    let refused = shared.rename(&path("nothing"), path("z")).await;
    assert!(matches!(refused, Err(Error::NotFound(at)) if at == path("nothing")));
    let refused = shared.rename(&path("d"), path("z")).await;
    assert!(matches!(refused, Err(Error::IsADirectory(at)) if at == path("d")));
    for (to, obstacle) in [("d", "d"), ("d/y/z", "d/y"), ("d/x/z", "d/x")] {
        let refused = shared.rename(&path("d/x"), path(to)).await;
        assert!(is_conflict(refused, obstacle), "{to}");
    }
    let same = shared.rename(&path("d/x"), path("d/x")).await.unwrap();
    assert_eq!(same, record);
    assert_eq!(content(&storage, "d/x").await.unwrap(), b"x");
    assert_eq!(shared.usage(), Usage { files: 2, bytes: 2 });
    assert_eq!(contents(dir.path()), 2);
}
