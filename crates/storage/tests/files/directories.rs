//! Making and removing directories.

use std::path::Path;

use faasm_storage::{Error, Files, Metadata};

use crate::common::{files, open};
use crate::helpers::{contents, is_conflict, path, put};

async fn make(shared: &Files, at: &str) -> Result<(), Error> {
    shared.create_directory(path(at)).await
}

fn is_directory(shared: &Files, at: &str) -> bool {
    shared.metadata(Some(&path(at))) == Some(Metadata::Directory)
}

fn records(dir: &Path) -> usize {
    files(&dir.join("objects/files")).len()
}

#[tokio::test]
async fn a_directory_that_was_made_is_there_until_it_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    make(storage.files(), "a").await.unwrap();
    make(storage.files(), "a/b").await.unwrap();
    put(&storage, "a/b/x", "x").await.unwrap();
    storage.files().delete(&path("a/b/x")).await.unwrap();
    drop(storage);
    let storage = open(dir.path()).await;
    let shared = storage.files();
    assert!(is_directory(shared, "a/b"));
    shared.remove_directory(&path("a/b")).await.unwrap();
    assert_eq!(shared.metadata(Some(&path("a/b"))), None);
    assert!(is_directory(shared, "a"));
    drop(storage);
    let storage = open(dir.path()).await;
    assert_eq!(storage.files().metadata(Some(&path("a/b"))), None);
    storage.files().remove_directory(&path("a")).await.unwrap();
    assert_eq!(storage.files().usage().files, 0);
    assert_eq!(records(dir.path()), 0);
}

#[tokio::test]
async fn a_directory_is_made_in_one_and_where_nothing_is() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let shared = storage.files();
    put(&storage, "file", "x").await.unwrap();
    put(&storage, "not/made", "x").await.unwrap();
    make(shared, "made").await.unwrap();
    for there in ["file", "not", "made", "not/made"] {
        let refused = make(shared, there).await;
        assert!(matches!(refused, Err(Error::Exists(at)) if at == path(there)));
    }
    let refused = make(shared, "nothing/x").await;
    assert!(matches!(refused, Err(Error::NotFound(at)) if at == path("nothing")));
    let refused = make(shared, "file/x").await;
    assert!(matches!(refused, Err(Error::NotADirectory(at)) if at == path("file")));
    make(shared, "not/too").await.unwrap();
    shared.delete(&path("not/made")).await.unwrap();
    // It was not made, but something is still in it.
    assert!(is_directory(shared, "not"));
    shared.remove_directory(&path("not/too")).await.unwrap();
    assert_eq!(shared.metadata(Some(&path("not"))), None);
}

#[tokio::test]
async fn only_an_empty_directory_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let shared = storage.files();
    make(shared, "made").await.unwrap();
    make(shared, "made/inner").await.unwrap();
    put(&storage, "not/made", "x").await.unwrap();
    for full in ["made", "not"] {
        let refused = shared.remove_directory(&path(full)).await;
        assert!(matches!(refused, Err(Error::NotEmpty(at)) if at == path(full)));
    }
    let refused = shared.remove_directory(&path("not/made")).await;
    assert!(matches!(refused, Err(Error::NotADirectory(_))));
    let refused = shared.remove_directory(&path("nothing")).await;
    assert!(matches!(refused, Err(Error::NotFound(_))));
    assert!(is_directory(shared, "made/inner"));
}

#[tokio::test]
async fn a_file_cannot_have_the_path_of_an_empty_directory() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let shared = storage.files();
    make(shared, "a").await.unwrap();
    put(&storage, "x", "x").await.unwrap();
    assert!(is_conflict(put(&storage, "a", "file").await, "a"));
    assert!(is_conflict(shared.rename(&path("x"), path("a")).await, "a"));
    let directory = path("a");
    assert_eq!(shared.get(&directory), None);
    let opened = shared.open(&directory).map(|_| ());
    assert!(matches!(opened, Err(Error::IsADirectory(_))));
    let deleted = shared.delete(&directory).await;
    assert!(matches!(deleted, Err(Error::IsADirectory(_))));
    assert!(is_directory(shared, "a"));
}

#[tokio::test]
async fn directories_are_listed_beside_files_and_not_walked() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let shared = storage.files();
    put(&storage, "d/b", "x").await.unwrap();
    for at in ["d/a", "d/b.c", "d/c", "d/c/inner"] {
        make(shared, at).await.unwrap();
    }
    put(&storage, "d/c/x", "x").await.unwrap();
    for limit in [1, 2, 9] {
        let (mut names, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = shared.list(Some(&path("d")), after.as_deref(), limit);
            let page = page.unwrap();
            names.extend(page.items.into_iter().map(|entry| entry.name));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(names, ["a", "b", "b.c", "c"], "{limit}");
    }
    assert!(
        shared
            .list(Some(&path("d/a")), None, 9)
            .unwrap()
            .items
            .is_empty()
    );
    let walked = shared.walk(None, None, 9).unwrap().items;
    let walked: Vec<_> = walked.iter().map(|record| record.path.as_str()).collect();
    assert_eq!(walked, ["d/b", "d/c/x"]);
}

#[tokio::test]
async fn a_tree_is_deleted_with_its_directories() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let shared = storage.files();
    for at in ["tree", "tree/empty", "tree/full", "trees"] {
        make(shared, at).await.unwrap();
    }
    for number in 0..300 {
        let at = format!("tree/full/{number}");
        put(&storage, &at, at.clone()).await.unwrap();
    }
    assert_eq!(shared.delete_tree(&path("tree")).await.unwrap(), 300);
    assert_eq!(shared.metadata(Some(&path("tree"))), None);
    assert!(is_directory(shared, "trees"));
    assert_eq!(shared.delete_tree(&path("trees")).await.unwrap(), 0);
    assert_eq!(shared.usage().files, 0);
    assert_eq!((records(dir.path()), contents(dir.path())), (0, 0));
}
