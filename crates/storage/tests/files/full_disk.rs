//! A disk with no room left.

use faasm_database::testing::SmallDisk;
use faasm_storage::Error;

use crate::common::{files, open, spooled};
use crate::helpers::{content, contents, path, put};

#[tokio::test]
async fn a_full_disk_refuses_a_put_and_harms_nothing() {
    let Some(disk) = SmallDisk::mount(1) else {
        return;
    };
    let storage = open(disk.path()).await;
    put(&storage, "x", "small").await.unwrap();
    // None for the content, then one for the content and none for the record.
    for left in [0, 4096] {
        let body = spooled(&storage, "another").await.unwrap();
        let filler = disk.fill(left).unwrap();
        let refused = storage.files().put(path("y"), body).await.unwrap_err();
        assert!(matches!(refused, Error::NoSpace { .. }), "{refused}");
        assert_eq!(storage.files().get(&path("y")), None);
        assert_eq!(contents(disk.path()), 1);
        assert_eq!(storage.files().usage().bytes, 5);
        assert!(files(&disk.path().join("spool")).is_empty());
        std::fs::remove_file(filler).unwrap();
    }
    let filler = disk.fill(0).unwrap();
    assert_eq!(content(&storage, "x").await.unwrap(), b"small");
    assert!(storage.files().delete(&path("x")).await.unwrap());
    std::fs::remove_file(filler).unwrap();
    put(&storage, "y", "another").await.unwrap();
    assert_eq!(content(&storage, "y").await.unwrap(), b"another");
}
