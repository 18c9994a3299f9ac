//! A disk with no room left.

use faasm_database::testing::SmallDisk;
use faasm_storage::{Error, Usage};

use crate::common::{files, open, spooled};
use crate::helpers::{content, contents, path, put};

#[tokio::test]
async fn a_full_disk_refuses_changes_and_harms_nothing() {
    let Some(disk) = SmallDisk::mount(1) else {
        return;
    };
    let storage = open(disk.path()).await;
    let shared = storage.files();
    put(&storage, "x", "small").await.unwrap();
    let body = spooled(&storage, "another").await.unwrap();
    let filler = disk.fill(0).unwrap();
    // The content is there already, but its record is not.
    let refused = [
        shared.create_directory(path("y")).await,
        shared.rename(&path("x"), path("y")).await.map(|_| ()),
        shared.put(path("y"), body).await.map(|_| ()),
    ];
    let no_space = |result: &_| matches!(result, Err(Error::NoSpace { .. }));
    assert!(refused.iter().all(no_space), "{refused:?}");
    assert_eq!(shared.metadata(Some(&path("y"))), None);
    assert_eq!(contents(disk.path()), 1);
    assert_eq!(shared.usage(), Usage { files: 1, bytes: 5 });
    assert!(files(&disk.path().join("spool")).is_empty());
    assert_eq!(content(&storage, "x").await.unwrap(), b"small");
    assert!(shared.delete(&path("x")).await.unwrap());
    std::fs::remove_file(filler).unwrap();
    put(&storage, "y", "another").await.unwrap();
    assert_eq!(content(&storage, "y").await.unwrap(), b"another");
}
