//! Listing directories and walking trees.

use faasm_database::testing::SmallDisk;
use faasm_storage::{Error, Metadata, Storage};

use crate::common::open;
use crate::helpers::{path, put};

/// The names in all pages of a directory's list; those of directories end with `/`.
fn list(storage: &Storage, directory: Option<&str>, limit: usize) -> Vec<String> {
    let directory = directory.map(path);
    let mut names = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = storage
            .files()
            .list(directory.as_ref(), after.as_deref(), limit);
        let page = page.unwrap();
        assert!(page.items.len() <= limit);
        names.extend(page.items.into_iter().map(|entry| match entry.metadata {
            Metadata::Directory => entry.name + "/",
            Metadata::File(_) => entry.name,
        }));
        match page.next {
            Some(next) => after = Some(next),
            None => return names,
        }
    }
}

async fn sample(storage: &Storage) {
    for at in [
        "a.txt", "a/x", "a/b/y", "a/b/z", "a/b.c", "c", "a b", "ä/q", "a/b/d/e",
    ] {
        put(storage, at, at.to_owned()).await.unwrap();
    }
}

#[tokio::test]
async fn a_list_has_each_entry_once_sorted_and_with_its_kind() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    assert!(list(&storage, None, 10).is_empty());
    sample(&storage).await;
    for limit in [1, 2, 3, 1000] {
        let root = ["a/", "a b", "a.txt", "c", "ä/"];
        assert_eq!(list(&storage, None, limit), root, "{limit}");
        assert_eq!(list(&storage, Some("a"), limit), ["b/", "b.c", "x"]);
        assert_eq!(list(&storage, Some("a/b"), limit), ["d/", "y", "z"]);
    }
}

#[tokio::test]
async fn a_list_goes_on_behind_any_name_even_of_what_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    sample(&storage).await;
    for (after, first) in [
        ("", Some("b")),
        ("aaa", Some("b")),
        ("b/y", Some("x")),
        ("b\0y", Some("b.c")),
        ("b", Some("b.c")),
        ("x", None),
        ("\u{10ffff}", None),
    ] {
        let page = storage
            .files()
            .list(Some(&path("a")), Some(after), 1)
            .unwrap();
        let name = page.items.first().map(|entry| entry.name.as_str());
        assert_eq!(name, first, "{after:?}");
    }
}

#[tokio::test]
async fn a_walk_has_all_files_below_a_directory_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    sample(&storage).await;
    let all = storage.files().walk(None, None, 1000).unwrap().items;
    assert_eq!(all.len(), 9);
    assert!(all.is_sorted_by_key(|record| record.path.clone()));
    for limit in [1, 2, 5] {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = storage
                .files()
                .walk(Some(&path("a")), after.as_ref(), limit)
                .unwrap();
            found.extend(page.items.iter().map(|record| record.path.to_string()));
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        assert_eq!(found, ["a/b/d/e", "a/b/y", "a/b/z", "a/b.c", "a/x"]);
    }
    let walk = |after: &str| {
        storage
            .files()
            .walk(Some(&path("a/b")), Some(&path(after)), 9)
    };
    assert_eq!(walk("a").unwrap().items.len(), 3);
    assert_eq!(walk("a/b/d").unwrap().items.len(), 3);
    assert_eq!(walk("c").unwrap().items.len(), 0);
}

#[tokio::test]
async fn a_page_of_a_walk_passes_over_so_many_directories_and_no_more() {
    // In memory if possible: all that is slow here is to make the directories.
    let disk = SmallDisk::mount(64);
    let temp = tempfile::tempdir().unwrap();
    let storage = open(disk.as_ref().map_or(temp.path(), SmallDisk::path)).await;
    let shared = storage.files();
    for number in 0..1500 {
        let directory = path(&format!("made-{number:04}"));
        shared.create_directory(directory).await.unwrap();
    }
    put(&storage, "z", "z").await.unwrap();
    let first = shared.walk(None, None, 10).unwrap();
    assert_eq!(first.items, []);
    assert_eq!(first.next, Some(path("made-0999")));
    let second = shared.walk(None, first.next.as_ref(), 10).unwrap();
    assert_eq!((second.items.len(), second.next), (1, None));
}

#[tokio::test]
async fn what_is_no_directory_has_no_list() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    sample(&storage).await;
    let list = |at| storage.files().list(Some(&path(at)), None, 10).map(|_| ());
    assert!(matches!(list("nothing"), Err(Error::NotFound(_))));
    assert!(matches!(list("a.txt"), Err(Error::NotADirectory(_))));
    assert!(matches!(list("a.txt/b"), Err(Error::NotFound(_))));
    let walk = storage.files().walk(Some(&path("a.txt")), None, 10);
    assert!(matches!(walk, Err(Error::NotADirectory(_))));
}
