//! Reading files.

use faasm_storage::Error;
use futures::TryStreamExt;

use crate::common::open;
use crate::helpers::{bytes, contents, path, put};

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
    assert_eq!(contents(dir.path()), 0);
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
