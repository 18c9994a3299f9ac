//! Reading files.

use std::fs;
use std::path::{Path, PathBuf};

use faasm_database::testing::SmallDisk;
use faasm_storage::{Error, FilesOptions};
use futures::TryStreamExt;

use crate::common::{open, open_with};
use crate::helpers::{bytes, content, content_file, contents_become, path, put};

#[tokio::test]
async fn an_open_file_stays_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let shared = storage.files();
    put(&storage, "x", "old").await.unwrap();
    let first = shared.open(&path("x")).unwrap();
    put(&storage, "x", "newer").await.unwrap();
    let second = shared.open(&path("x")).unwrap();
    shared.delete(&path("x")).await.unwrap();
    // The descriptors are all that is left of them.
    contents_become(dir.path(), 0).await;
    assert_eq!(bytes(&first).unwrap(), b"old");
    assert_eq!(bytes(&second).unwrap(), b"newer");
    assert_eq!((first.len(), first.record().size), (3, 3));
    drop(storage);
    drop(open(dir.path()).await);
    assert_eq!(bytes(&second).unwrap(), b"newer");
}

#[tokio::test]
async fn reads_end_where_the_file_ends() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    put(&storage, "x", "0123456789").await.unwrap();
    let file = storage.files().open(&path("x")).unwrap();
    let mut buf = [b'_'; 6];
    assert_eq!(file.read_at(&mut buf, 7).unwrap(), 3);
    assert_eq!(&buf, b"789___");
    assert_eq!(file.read_at(&mut buf, 10).unwrap(), 0);
    assert_eq!(file.read_at(&mut buf, u64::MAX).unwrap(), 0);
    assert_eq!(file.read_at(&mut [], 0).unwrap(), 0);
}

#[tokio::test]
async fn reading_without_waiting_gives_the_same_bytes_or_none() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    put(&storage, "x", "0123456789").await.unwrap();
    let file = storage.files().open(&path("x")).unwrap();
    let mut buf = [b'_'; 6];
    file.read_at(&mut buf, 0).unwrap();
    for (offset, expected) in [(0, "012345"), (7, "789"), (10, ""), (u64::MAX, "")] {
        // None where the file system cannot say what is in memory.
        if let Some(read) = file.try_read_at(&mut buf, offset).unwrap() {
            assert_eq!(&buf[..read], expected.as_bytes());
        }
    }
}

#[tokio::test]
async fn small_reads_wait_for_nothing_where_the_file_system_cannot_say_what_is_in_memory() {
    let Some(disk) = SmallDisk::mount(4) else {
        return;
    };
    let storage = open(disk.path()).await;
    put(&storage, "x", vec![7; 100_000]).await.unwrap();
    let file = storage.files().open(&path("x")).unwrap();
    // The first may be how that is found out.
    for _ in 0..3 {
        let mut buf = vec![0; 64 << 10];
        let read = file.try_read_at(&mut buf, 5).unwrap();
        assert_eq!(read, Some(buf.len()));
        assert!(buf.iter().all(|&byte| byte == 7));
        let end = file.try_read_at(&mut buf, 99_990).unwrap();
        assert_eq!(end, Some(10));
        assert_eq!(file.try_read_at(&mut buf, 100_000).unwrap(), Some(0));
    }
}

#[tokio::test]
async fn only_so_many_different_files_are_open_at_the_same_time() {
    let dir = tempfile::tempdir().unwrap();
    let options = FilesOptions {
        max_open: 1,
        max_handles: 3,
        ..FilesOptions::default()
    };
    let storage = open_with(dir.path(), options).await;
    for (at, body) in [("a", "1"), ("b", "2"), ("c", "3"), ("d", "4"), ("e", "3")] {
        put(&storage, at, body).await.unwrap();
    }
    let open = |at| storage.files().open(&path(at));
    let [a, b, c] = ["a", "b", "c"].map(|at| open(at).unwrap());
    let clone = a.clone();
    for _ in 0..2 {
        let refused = open("d").unwrap_err();
        assert!(
            matches!(refused, Error::TooManyOpen { limit: 3 }),
            "{refused}"
        );
    }
    assert_eq!(bytes(&open("e").unwrap()).unwrap(), b"3");
    drop(a);
    assert!(matches!(open("d"), Err(Error::TooManyOpen { .. })));
    drop(clone);
    let d = open("d").unwrap();
    assert_eq!(
        [b, c, d].map(|file| bytes(&file).unwrap()),
        ["2", "3", "4"].map(Vec::from)
    );
    assert_eq!(content(&storage, "a").await.unwrap(), b"1");
}

#[tokio::test]
async fn files_are_kept_open_up_to_a_number_and_deleted_ones_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let options = FilesOptions {
        max_open: 3,
        ..FilesOptions::default()
    };
    let storage = open_with(dir.path(), options).await;
    let shared = storage.files();
    for name in ["a", "b", "c", "d", "e"] {
        put(&storage, name, name).await.unwrap();
    }
    for name in ["a", "b", "c", "d", "e", "a", "e"] {
        assert_eq!(content(&storage, name).await.unwrap(), name.as_bytes());
        let open = kept_open(dir.path());
        assert!(open.len() <= 3);
        assert!(open.contains(&content_file(dir.path(), name)));
    }
    shared.delete(&path("a")).await.unwrap();
    put(&storage, "e", "other").await.unwrap();
    for gone in ["a", "e"] {
        let deleted = format!("{} (deleted)", content_file(dir.path(), gone).display());
        // What was replaced goes a little later.
        while kept_open(dir.path()).contains(&PathBuf::from(&deleted)) {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(content(&storage, "e").await.unwrap(), b"other");
}

/// The content files that this process has open.
fn kept_open(dir: &Path) -> Vec<PathBuf> {
    let descriptors = fs::read_dir("/proc/self/fd").unwrap();
    let links = descriptors.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
    let content = dir.join("objects/content");
    links
        .filter(|link| link.starts_with(&content) && *link != content)
        .collect()
}

#[tokio::test]
async fn a_range_is_read_as_far_as_there_is_anything() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let body: Vec<u8> = (0..1_000_003_u32).map(|i| (i % 251) as u8).collect();
    put(&storage, "x", body.clone()).await.unwrap();
    for (start, end) in [
        (0, 0),
        (5, 600_000),
        (999_990, u64::MAX),
        (2_000_000, u64::MAX),
    ] {
        let file = storage.files().open(&path("x")).unwrap();
        let pieces: Vec<_> = storage
            .files()
            .read(file, start..end)
            .try_collect()
            .await
            .unwrap();
        let end = body.len().min(usize::try_from(end).unwrap());
        let expected = body.get(start as usize..end).unwrap_or_default();
        assert_eq!(pieces.concat(), expected, "{start}");
    }
}

#[tokio::test]
async fn what_is_no_file_cannot_be_opened() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    put(&storage, "a/x", "x").await.unwrap();
    let open = |at| storage.files().open(&path(at)).map(|_| ());
    assert!(matches!(open("a"), Err(Error::IsADirectory(_))));
    for at in ["b", "a/y", "a/x/y", "A/x"] {
        assert!(matches!(open(at), Err(Error::NotFound(_))), "{at}");
    }
}
