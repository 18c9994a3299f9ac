//! Limits of all files together.

use std::path::Path;

use faasm_storage::{DataDirLock, Error, FilesOptions, Storage, Usage};

use crate::common::spooled;
use crate::helpers::{contents, path, put, quota};

async fn open(dir: &Path, options: FilesOptions) -> Storage {
    let lock = DataDirLock::acquire(dir, "a test").unwrap();
    Storage::open_with(lock, options).await.unwrap()
}

fn is_quota<T>(result: Result<T, Error>, of: &str) -> bool {
    matches!(result, Err(Error::Quota { unit, .. }) if unit == of)
}

#[tokio::test]
async fn what_would_be_too_much_is_refused_and_nothing_of_it_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path(), quota(3, 10)).await;
    put(&storage, "a", "12345").await.unwrap();
    put(&storage, "b", "54321").await.unwrap();
    assert!(is_quota(put(&storage, "c", "x").await, "bytes"));
    put(&storage, "c", "").await.unwrap();
    assert!(is_quota(put(&storage, "d", "").await, "files"));
    assert!(is_quota(put(&storage, "a", "123456").await, "bytes"));
    assert_eq!(
        storage.files().usage(),
        Usage {
            files: 3,
            bytes: 10
        }
    );
    assert_eq!(contents(dir.path()), 3);
}

#[tokio::test]
async fn a_delete_and_a_smaller_version_make_room_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path(), quota(2, 10)).await;
    for _ in 0..5 {
        put(&storage, "a", "1234567890").await.unwrap();
        put(&storage, "a", "0987654321").await.unwrap();
        put(&storage, "a", "12345").await.unwrap();
        put(&storage, "b", "12345").await.unwrap();
        storage.files().delete(&path("a")).await.unwrap();
        put(&storage, "c/d", "54321").await.unwrap();
        storage.files().delete_tree(&path("c")).await.unwrap();
        storage.files().delete(&path("b")).await.unwrap();
        assert_eq!(storage.files().usage(), Usage::default());
    }
}

#[tokio::test]
async fn a_directory_that_was_made_counts_and_one_that_was_not_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path(), quota(3, 10)).await;
    let shared = storage.files();
    put(&storage, "not/made/a", "").await.unwrap();
    shared.create_directory(path("b")).await.unwrap();
    shared.create_directory(path("b/c")).await.unwrap();
    assert!(is_quota(shared.create_directory(path("d")).await, "files"));
    assert!(is_quota(put(&storage, "d", "").await, "files"));
    drop(storage);
    let storage = open(dir.path(), quota(3, 10)).await;
    let shared = storage.files();
    assert!(is_quota(shared.create_directory(path("d")).await, "files"));
    shared.remove_directory(&path("b/c")).await.unwrap();
    shared.create_directory(path("d")).await.unwrap();
}

#[tokio::test]
async fn a_file_is_renamed_where_there_is_no_room_for_another() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path(), quota(1, 10)).await;
    put(&storage, "a", "1234567890").await.unwrap();
    for (from, to) in [("a", "b"), ("b", "c/d")] {
        storage.files().rename(&path(from), path(to)).await.unwrap();
    }
    assert!(is_quota(put(&storage, "e", "").await, "files"));
    assert_eq!(storage.files().usage().bytes, 10);
}

#[tokio::test]
async fn a_put_that_fails_gives_its_room_back() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path(), quota(9, 10)).await;
    let body = spooled(&storage, "1234567890").await.unwrap();
    std::fs::remove_file(body.path()).unwrap();
    let failed = storage.files().put(path("a"), body).await;
    assert!(matches!(failed, Err(Error::Io { .. })));
    put(&storage, "a/b", "1234567890").await.unwrap();
}

#[tokio::test]
async fn files_beyond_a_lowered_quota_stay_and_may_shrink() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path(), quota(9, 100)).await;
    put(&storage, "a", "1234567890").await.unwrap();
    put(&storage, "b", "1234567890").await.unwrap();
    drop(storage);
    let storage = open(dir.path(), quota(1, 10)).await;
    assert_eq!(
        storage.files().usage(),
        Usage {
            files: 2,
            bytes: 20
        }
    );
    assert!(is_quota(put(&storage, "c", "").await, "files"));
    assert!(is_quota(put(&storage, "a", "12345678901").await, "bytes"));
    put(&storage, "a", "1234567").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_puts_together_stay_within_the_quota_and_use_it_up() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path(), quota(100, 50)).await;
    let tasks: Vec<_> = (0..20)
        .map(|task| {
            let storage = storage.clone();
            tokio::spawn(async move { put(&storage, &format!("d/{task}"), "1234567890").await })
        })
        .collect();
    let mut stored = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => stored += 1,
            refused => assert!(is_quota(refused, "bytes")),
        }
    }
    assert_eq!(stored, 5);
    assert_eq!(
        storage.files().usage(),
        Usage {
            files: 5,
            bytes: 50
        }
    );
}
