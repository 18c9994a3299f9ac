//! Putting, replacing and deleting files.

use std::os::unix::fs::MetadataExt;

use faasm_model::ContentHash;
use faasm_storage::{Error, Metadata};

use crate::common::{abandon, files, open, spooled};
use crate::helpers::{content, content_file, contents, contents_become, is_conflict, path, put};

#[tokio::test]
async fn a_file_that_is_replaced_is_seen_by_the_next_open() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let old = put(&storage, "data/x", "old").await.unwrap();
    assert_eq!(content(&storage, "data/x").await.unwrap(), b"old");
    let new = put(&storage, "/data/x", "newer").await.unwrap();
    assert_eq!(content(&storage, "data/x").await.unwrap(), b"newer");
    assert_eq!(storage.files().get(&path("data/x")), Some(new.clone()));
    assert_eq!((new.size, new.hash), (5, ContentHash::of(b"newer")));
    assert!(new.modified_ns > old.modified_ns);
    contents_become(dir.path(), 1).await;
    assert!(files(&dir.path().join("spool")).is_empty());
}

#[tokio::test]
async fn files_are_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let large = vec![7; 9 << 20];
    put(&storage, "a/b/large", large.clone()).await.unwrap();
    put(&storage, "empty", "").await.unwrap();
    put(&storage, "gone", "gone").await.unwrap();
    assert!(storage.files().delete(&path("gone")).await.unwrap());
    let (before, usage) = (
        storage.files().walk(None, None, 10).unwrap(),
        storage.files().usage(),
    );
    drop(storage);
    let storage = open(dir.path()).await;
    assert_eq!(storage.files().walk(None, None, 10).unwrap(), before);
    assert_eq!(storage.files().usage(), usage);
    assert_eq!((usage.files, usage.bytes), (2, 9 << 20));
    assert_eq!(content(&storage, "a/b/large").await.unwrap(), large);
    assert_eq!(content(&storage, "empty").await.unwrap(), b"");
    assert_eq!(contents(dir.path()), 2);
}

#[tokio::test]
async fn wild_paths_are_kept_apart_and_none_leaves_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let long = format!("{0}/{0}/{0}/{0}", "ü".repeat(127));
    let deep = "d/".repeat(511) + "f";
    let wild = [
        "etc/passwd",
        "ETC/passwd",
        ".hidden/a..b",
        ".../..json",
        "%2e%2e/%2fetc%2fpasswd",
        "..%2f..%2fx",
        "a\\..\\b",
        "x#1",
        "x.json#22",
        "files/content",
        "C:/con",
        " /  ",
        "*?<>|\"'`$(id)",
        "\u{202e}gnp",
        "日本/語",
        long.as_str(),
        deep.as_str(),
    ];
    for at in wild {
        put(&storage, at, at.to_owned()).await.unwrap();
    }
    drop(storage);
    let storage = open(dir.path()).await;
    for at in wild {
        assert_eq!(content(&storage, at).await.unwrap(), at.as_bytes());
        assert!(storage.files().delete(&path(at)).await.unwrap(), "{at}");
        assert!(!storage.files().delete(&path(at)).await.unwrap(), "{at}");
    }
    assert_eq!(contents(dir.path()), 0);
    assert!(files(&dir.path().join("objects/files")).is_empty());
    assert_eq!(
        files(dir.path()),
        ["cache", "keys", "lock", "objects", "spool"]
    );
}

#[tokio::test]
async fn a_directory_is_there_as_long_as_something_is_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let shared = storage.files();
    put(&storage, "a/b/x", "x").await.unwrap();
    for directory in ["a", "a/b"] {
        let found = shared.metadata(Some(&path(directory)));
        assert_eq!(found, Some(Metadata::Directory), "{directory}");
    }
    assert_eq!(shared.metadata(Some(&path("a/b/x/y"))), None);
    shared.delete(&path("a/b/x")).await.unwrap();
    assert_eq!(shared.metadata(Some(&path("a"))), None);
    assert_eq!(shared.metadata(None), Some(Metadata::Directory));
    put(&storage, "a", "now a file").await.unwrap();
    assert_eq!(content(&storage, "a").await.unwrap(), b"now a file");
}

#[tokio::test]
async fn a_file_and_a_directory_cannot_have_one_path() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    put(&storage, "a/b", "file").await.unwrap();
    put(&storage, "a/b.c", "beside it").await.unwrap();
    for (at, in_the_way, kind) in [("a", "a", "a directory"), ("a/b/c/d", "a/b", "a file")] {
        let refused = put(&storage, at, "refused").await.unwrap_err();
        let Error::Conflict { obstacle, .. } = &refused else {
            panic!("{refused}");
        };
        assert_eq!(obstacle, &path(in_the_way));
        assert!(refused.to_string().contains(kind), "{refused}");
    }
    assert_eq!(contents(dir.path()), 2);
    let refused = storage.files().delete(&path("a")).await;
    assert!(matches!(refused, Err(Error::IsADirectory(_))));
}

#[tokio::test]
async fn a_new_file_is_put_only_where_nothing_is() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    put(&storage, "d/x", "first").await.unwrap();
    let put_new = async |at: &str| {
        let body = spooled(&storage, format!("new {at}")).await.unwrap();
        storage.files().put_new(path(at), body).await
    };
    for there in ["d", "d/x"] {
        let refused = put_new(there).await;
        assert!(matches!(refused, Err(Error::Exists(at)) if at == path(there)));
    }
    assert!(is_conflict(put_new("d/x/y").await, "d/x"));
    assert_eq!(content(&storage, "d/x").await.unwrap(), b"first");
    assert_eq!(contents(dir.path()), 1);
    let race = futures::future::join_all((0..8).map(|_| put_new("d/y"))).await;
    assert_eq!(race.iter().filter(|put| put.is_ok()).count(), 1, "{race:?}");
    assert_eq!(content(&storage, "d/y").await.unwrap(), b"new d/y");
    storage.files().delete(&path("d/x")).await.unwrap();
    put_new("d/x").await.unwrap();
}

#[tokio::test]
async fn a_body_is_moved_into_place_and_not_copied() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let body = spooled(&storage, "body").await.unwrap();
    let received = std::fs::metadata(body.path()).unwrap().ino();
    storage.files().put(path("x"), body).await.unwrap();
    let stored = std::fs::metadata(content_file(dir.path(), "body")).unwrap();
    assert_eq!(stored.ino(), received);
    assert!(files(&dir.path().join("spool")).is_empty());
}

#[tokio::test]
async fn equal_content_is_stored_once_and_kept_until_nothing_needs_it() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    for at in ["a", "b/c", "b/c"] {
        put(&storage, at, "same").await.unwrap();
    }
    assert_eq!(contents(dir.path()), 1);
    assert_eq!(storage.files().usage().bytes, 8);
    storage.files().delete(&path("a")).await.unwrap();
    assert_eq!(content(&storage, "b/c").await.unwrap(), b"same");
    put(&storage, "b/c", "other").await.unwrap();
    contents_become(dir.path(), 1).await;
}

#[tokio::test]
async fn a_put_whose_caller_goes_away_is_all_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    for round in 0..20 {
        let body = spooled(&storage, format!("round {round}")).await.unwrap();
        abandon(storage.files().put(path("x"), body), round).await;
    }
    put(&storage, "x", "last").await.unwrap();
    assert_eq!(content(&storage, "x").await.unwrap(), b"last");
    assert_eq!(storage.files().usage().bytes, 4);
}

#[tokio::test]
async fn a_tree_is_deleted_and_its_neighbours_stay() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    for number in 0..600 {
        let at = format!("tree/{}/{number}", number % 7);
        put(&storage, &at, at.clone()).await.unwrap();
    }
    put(&storage, "tree.txt", "stays").await.unwrap();
    put(&storage, "trees/x", "stays as well").await.unwrap();
    let shared = storage.files();
    assert_eq!(shared.delete_tree(&path("tree")).await.unwrap(), 600);
    assert_eq!(shared.metadata(Some(&path("tree"))), None);
    assert_eq!(shared.usage().files, 2);
    assert_eq!(contents(dir.path()), 2);
    let again = shared.delete_tree(&path("tree")).await;
    assert!(matches!(again, Err(Error::NotFound(_))));
    let file = shared.delete_tree(&path("tree.txt")).await;
    assert!(matches!(file, Err(Error::NotADirectory(_))));
    drop(storage);
    assert_eq!(open(dir.path()).await.files().usage().files, 2);
}
