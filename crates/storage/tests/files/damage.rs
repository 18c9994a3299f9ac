//! What crashes and bad disks leave behind.

use std::fs::{self, File};
use std::os::unix::fs::symlink;

use faasm_storage::Error;

use crate::common::{files, open};
use crate::helpers::{
    bytes, content, content_file, contents, path, put, record_file, unwritable_record,
};

#[tokio::test]
async fn leftovers_of_a_killed_process_are_cleared_at_start() {
    let dir = tempfile::tempdir().unwrap();
    put(&open(dir.path()).await, "x", "kept").await.unwrap();
    let staged = format!("{}#7", content_file(dir.path(), "staged").display());
    fs::write(content_file(dir.path(), "orphan"), "orphan").unwrap();
    fs::write(staged, "sta").unwrap();
    let storage = open(dir.path()).await;
    assert_eq!(contents(dir.path()), 1);
    assert_eq!(content(&storage, "x").await.unwrap(), b"kept");
}

#[tokio::test]
async fn damaged_records_are_left_out_and_nothing_is_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    for at in ["good", "torn", "newer", "moved", "huge", "gone", "short"] {
        put(&storage, at, at.to_owned()).await.unwrap();
    }
    drop(storage);
    let record = |at| record_file(dir.path(), at);
    let json = fs::read_to_string(record("newer")).unwrap();
    let newer = json.replace(r#""version":1"#, r#""version":2"#);
    assert_ne!(newer, json);
    fs::write(record("newer"), newer).unwrap();
    fs::write(record("torn"), &json[..json.len() / 2]).unwrap();
    fs::rename(record("moved"), record("elsewhere")).unwrap();
    fs::write(record("huge"), vec![b' '; 1 << 20]).unwrap();
    fs::write(record("hostile"), json.replace("\"newer\"", "\"../x\"")).unwrap();
    fs::remove_file(content_file(dir.path(), "gone")).unwrap();
    fs::write(content_file(dir.path(), "short"), "sho").unwrap();
    let before = (
        files(&dir.path().join("objects/files")),
        contents(dir.path()),
    );
    let storage = open(dir.path()).await;
    assert_eq!(storage.files().usage().files, 1);
    assert_eq!(content(&storage, "good").await.unwrap(), b"good");
    let after = (
        files(&dir.path().join("objects/files")),
        contents(dir.path()),
    );
    assert_eq!(after, before);
    for at in ["gone", "short", "torn"] {
        put(&storage, at, at.to_owned()).await.unwrap();
        assert_eq!(content(&storage, at).await.unwrap(), at.as_bytes());
    }
}

#[tokio::test]
async fn too_few_bytes_are_an_error_and_putting_them_again_repairs_them() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    put(&storage, "x", "content").await.unwrap();
    let stored = content_file(dir.path(), "content");
    for damage in [Some("conten"), Some(""), Some("content and more"), None] {
        match damage {
            Some(damage) => fs::write(&stored, damage).unwrap(),
            None => fs::remove_file(&stored).unwrap(),
        }
        let opened = storage.files().open(&path("x"));
        assert!(
            matches!(opened, Err(Error::DamagedFile { .. })),
            "{damage:?}"
        );
        put(&storage, "x", "content").await.unwrap();
        assert_eq!(content(&storage, "x").await.unwrap(), b"content");
    }
}

#[tokio::test]
async fn bytes_that_vanish_under_an_open_file_are_an_error_and_never_zeros() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    put(&storage, "x", "content").await.unwrap();
    let file = storage.files().open(&path("x")).unwrap();
    let stored = File::options()
        .write(true)
        .open(content_file(dir.path(), "content"));
    stored.unwrap().set_len(3).unwrap();
    assert!(matches!(bytes(&file), Err(Error::DamagedFile { .. })));
    assert_eq!(file.read_at(&mut [0; 7], 0).unwrap(), 3);
}

#[tokio::test]
async fn bytes_that_changed_are_found_by_reading_all_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    put(&storage, "x", "content").await.unwrap();
    fs::write(content_file(dir.path(), "content"), "c0ntent").unwrap();
    let read = content(&storage, "x").await;
    assert!(matches!(read, Err(Error::DamagedFile { .. })));
    put(&storage, "x", "content").await.unwrap();
    assert_eq!(content(&storage, "x").await.unwrap(), b"content");
}

#[tokio::test]
async fn a_link_in_the_place_of_bytes_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    put(&storage, "x", "content").await.unwrap();
    let stored = content_file(dir.path(), "content");
    fs::rename(&stored, dir.path().join("moved")).unwrap();
    symlink(dir.path().join("moved"), &stored).unwrap();
    assert!(matches!(
        storage.files().open(&path("x")),
        Err(Error::Io { .. })
    ));
}

#[tokio::test]
async fn what_is_the_record_of_nothing_that_is_known_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    storage.files().create_directory(path("d")).await.unwrap();
    storage.files().create_directory(path("e")).await.unwrap();
    drop(storage);
    fs::write(record_file(dir.path(), "d"), r#"{"version":1,"path":"d"}"#).unwrap();
    let storage = open(dir.path()).await;
    assert_eq!(storage.files().metadata(Some(&path("d"))), None);
    assert_eq!(storage.files().usage().files, 1);
    // It does not stand in the way of what is made now.
    storage.files().create_directory(path("d")).await.unwrap();
    drop(storage);
    assert_eq!(open(dir.path()).await.files().usage().files, 2);
}

#[tokio::test]
async fn a_directory_below_a_newer_file_is_not_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    storage.files().create_directory(path("a")).await.unwrap();
    storage.files().create_directory(path("a/b")).await.unwrap();
    let kept = fs::read(record_file(dir.path(), "a/b")).unwrap();
    storage.files().delete_tree(&path("a")).await.unwrap();
    put(&storage, "x", "newer").await.unwrap();
    storage.files().rename(&path("x"), path("a")).await.unwrap();
    drop(storage);
    fs::write(record_file(dir.path(), "a/b"), kept).unwrap();
    let storage = open(dir.path()).await;
    assert_eq!(storage.files().usage().files, 1);
    assert_eq!(content(&storage, "a").await.unwrap(), b"newer");
}

#[tokio::test]
async fn of_a_file_and_a_directory_with_one_path_the_newer_is_loaded() {
    for newer in ["a", "a/b/c"] {
        let dir = tempfile::tempdir().unwrap();
        let older = if newer == "a" { "a/b/c" } else { "a" };
        let storage = open(dir.path()).await;
        put(&storage, older, "older").await.unwrap();
        let kept = fs::read(record_file(dir.path(), older)).unwrap();
        storage.files().delete(&path(older)).await.unwrap();
        put(&storage, newer, "newer").await.unwrap();
        drop(storage);
        // As a put leaves it that failed in its very last step.
        fs::write(record_file(dir.path(), older), kept).unwrap();
        fs::write(content_file(dir.path(), "older"), "older").unwrap();
        let storage = open(dir.path()).await;
        assert_eq!(storage.files().usage().files, 1);
        assert_eq!(content(&storage, newer).await.unwrap(), b"newer");
    }
}

#[tokio::test]
async fn what_a_failed_change_left_on_disk_is_gone_when_the_path_is_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let shared = storage.files();
    put(&storage, "d/model", "body").await.unwrap();
    let record = fs::read_to_string(record_file(dir.path(), "d/model")).unwrap();
    let record = record.replace("d/model", "d/x");
    let obstacle = unwritable_record(dir.path(), "d/x");
    put(&storage, "d/x", "body").await.unwrap_err();
    assert_eq!(shared.get(&path("d/x")), None);
    // Nobody knows what is on the disk, and nobody claims that it is gone.
    shared.delete(&path("d/x")).await.unwrap_err();
    fs::remove_dir(&obstacle).unwrap();
    // As if the record had come there after all.
    fs::write(&obstacle, record).unwrap();
    assert!(!shared.delete(&path("d/x")).await.unwrap());
    assert!(!obstacle.exists());
    assert!(shared.delete(&path("d/model")).await.unwrap());
    assert_eq!(contents(dir.path()), 0);

    let obstacle = unwritable_record(dir.path(), "made");
    shared.create_directory(path("made")).await.unwrap_err();
    fs::remove_dir(&obstacle).unwrap();
    fs::write(&obstacle, "").unwrap();
    let removed = shared.remove_directory(&path("made")).await;
    assert!(matches!(removed, Err(Error::NotFound(_))));
    assert!(!obstacle.exists());
}

#[tokio::test]
async fn what_a_failed_put_may_have_left_keeps_its_bytes_until_the_next_one() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let obstacle = unwritable_record(dir.path(), "x");
    for body in ["one", "other"] {
        put(&storage, "x", body).await.unwrap_err();
    }
    assert_eq!(storage.files().usage().files, 0);
    assert_eq!(contents(dir.path()), 2);
    fs::remove_dir(obstacle).unwrap();
    put(&storage, "x", "third").await.unwrap();
    assert_eq!(contents(dir.path()), 1);
    drop(storage);
    let storage = open(dir.path()).await;
    assert_eq!(content(&storage, "x").await.unwrap(), b"third");
}
