//! Limits of all files together.

use faasm_storage::{Error, Usage};

use crate::common::{open_with as open, spooled};
use crate::helpers::{contents_become, is_conflict, path, put, quota, unwritable_record};

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
    contents_become(dir.path(), 3).await;
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
async fn what_has_no_place_or_room_is_known_before_it_is_received() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path(), quota(2, 10)).await;
    put(&storage, "a/b", "12345").await.unwrap();
    let check = |at, size| storage.files().check(&path(at), size);
    for (at, size) in [("c", 5), ("a/b", 10), ("a/b", 0)] {
        check(at, size).unwrap();
    }
    assert!(is_quota(check("c", 6), "bytes"));
    assert!(is_quota(check("a/b", 11), "bytes"));
    assert!(is_quota(check("c", u64::MAX), "bytes"));
    assert!(is_conflict(check("a", 1), "a"));
    assert!(is_conflict(check("a/b/c", 1), "a/b"));
    put(&storage, "c", "").await.unwrap();
    assert!(is_quota(check("d", 0), "files"));
    check("c", 5).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_file_never_counts_twice_while_it_is_renamed() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path(), quota(2, 20)).await;
    put(&storage, "a", "1234567890").await.unwrap();
    let renaming = tokio::spawn({
        let storage = storage.clone();
        async move {
            for _ in 0..40 {
                for (from, to) in [("a", "b"), ("b", "a")] {
                    storage.files().rename(&path(from), path(to)).await.unwrap();
                }
            }
        }
    });
    while !renaming.is_finished() {
        assert_eq!(
            storage.files().usage(),
            Usage {
                files: 1,
                bytes: 10
            }
        );
        put(&storage, "c", "0987654321").await.unwrap();
        storage.files().delete(&path("c")).await.unwrap();
    }
    renaming.await.unwrap();
}

#[tokio::test]
async fn a_file_that_cannot_leave_its_old_path_counts_at_both() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path(), quota(9, 99)).await;
    put(&storage, "a", "12345").await.unwrap();
    put(&storage, "b", "123").await.unwrap();
    let obstacle = unwritable_record(dir.path(), "a");
    let failed = storage.files().rename(&path("a"), path("b")).await;
    assert!(matches!(failed, Err(Error::Store { .. })), "{failed:?}");
    let twice = Usage {
        files: 2,
        bytes: 10,
    };
    assert_eq!(storage.files().usage(), twice);
    std::fs::remove_dir(obstacle).unwrap();
    storage.files().rename(&path("a"), path("b")).await.unwrap();
    assert_eq!(storage.files().usage(), Usage { files: 1, bytes: 5 });
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
