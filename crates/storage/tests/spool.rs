//! Receiving bodies.

mod common;

use std::os::unix::fs::MetadataExt;

use bytes::Bytes;
use common::{NO_LIMIT, files, open};
use faasm_model::ContentHash;
use faasm_storage::Error;

const PIECE: usize = 100_000;

#[tokio::test]
async fn a_body_is_kept_and_hashed_as_it_came() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let body: Vec<u8> = (0..1_000_000_u32).map(|i| (i % 253) as u8).collect();
    let mut writer = storage.spool().create(1_000_000);
    for piece in body.chunks(PIECE) {
        writer.write(Bytes::copy_from_slice(piece)).await.unwrap();
    }
    let spooled = writer.finish().await.unwrap();
    assert_eq!(spooled.size(), 1_000_000);
    assert_eq!(spooled.hash(), ContentHash::of(&body));
    assert_eq!(std::fs::read(spooled.path()).unwrap(), body);
    drop(spooled);
    assert!(files(&dir.path().join("spool")).is_empty());
}

#[tokio::test]
async fn zeros_take_no_place_on_the_disk_and_are_still_there() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let mut all = vec![0; 40 << 20];
    let mut writer = storage.spool().create(NO_LIMIT);
    // Pages with something at both ends, and in the middle, of what is empty.
    for at in [0, 9 << 20, (9 << 20) + 12_345, 30 << 20, (40 << 20) - 1] {
        all[at] = 1;
    }
    for end in [all.len(), all.len() - 1] {
        for piece in all[..end].chunks(PIECE) {
            writer.write(Bytes::copy_from_slice(piece)).await.unwrap();
        }
        let spooled = writer.finish().await.unwrap();
        assert_eq!(spooled.size(), end as u64);
        assert_eq!(spooled.hash(), ContentHash::of(&all[..end]));
        assert!(std::fs::read(spooled.path()).unwrap() == all[..end]);
        let on_disk = std::fs::metadata(spooled.path()).unwrap().blocks() * 512;
        assert!(on_disk < 1 << 20, "{on_disk} bytes");
        writer = storage.spool().create(NO_LIMIT);
    }
}

#[tokio::test]
async fn a_body_that_ends_half_way_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let mut writer = storage.spool().create(NO_LIMIT);
    for _ in 0..10 {
        writer.write(vec![1; PIECE].into()).await.unwrap();
    }
    assert_eq!(files(&dir.path().join("spool")).len(), 1);
    drop(writer);
    assert!(files(&dir.path().join("spool")).is_empty());
}

#[tokio::test]
async fn one_byte_over_the_limit_is_refused_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let mut writer = storage.spool().create(500_000);
    writer.write(vec![1; 500_000].into()).await.unwrap();
    let refused = writer.write(vec![1].into()).await.unwrap_err();
    assert!(matches!(refused, Error::TooLarge { limit: 500_000 }));
    assert!(refused.to_string().contains("500000 bytes"), "{refused}");
    assert!(files(&dir.path().join("spool")).is_empty());
    assert!(matches!(writer.finish().await, Err(Error::Interrupted)));
}

#[tokio::test]
async fn an_empty_body_is_a_body() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let spooled = storage.spool().create(0).finish().await.unwrap();
    assert_eq!(spooled.size(), 0);
    assert_eq!(spooled.hash(), ContentHash::of(b""));
}
