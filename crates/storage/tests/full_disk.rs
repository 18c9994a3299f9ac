//! A disk with no room left, played by a small tmpfs. Mounting one needs root.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod common;

use common::{NO_LIMIT, code_of, files, function, open, put, spooled};
use faasm_database::testing::SmallDisk;
use faasm_storage::{Compat, Error};

#[tokio::test]
async fn a_full_disk_refuses_uploads_and_harms_nothing() {
    let Some(disk) = SmallDisk::mount(4) else {
        return;
    };
    let storage = open(disk.path()).await;
    put(&storage, "u/f", "small").await;

    // No room for the body.
    let mut writer = storage.spool().create(NO_LIMIT);
    let refused = loop {
        if let Err(error) = writer.write(vec![7; 1 << 20].into()).await {
            break error;
        }
    };
    assert!(matches!(refused, Error::NoSpace { .. }), "{refused}");
    assert!(files(&disk.path().join("spool")).is_empty());

    assert_eq!(code_of(&storage, "u/f").await.unwrap(), "small");

    // Room for the body is room for the code, but not for what is compiled from it.
    put(&storage, "u/f", vec![7; 5 << 19]).await;
    let compiled = storage.artifacts().put(
        &Compat::new("v1").unwrap(),
        faasm_model::ContentHash::of(b"x"),
        faasm_storage::ArtifactKind::Code,
        &vec![7; 5 << 20],
    );
    assert!(matches!(compiled, Err(Error::NoSpace { .. })));

    assert_eq!(code_of(&storage, "u/f").await.unwrap().len(), 5 << 19);
    assert_eq!(files(&disk.path().join("objects/code")).len(), 1);
    assert!(files(&disk.path().join("spool")).is_empty());
    assert!(files(&disk.path().join("cache/code/v1")).is_empty());
    put(&storage, "u/f", vec![8; 1 << 20]).await;
    assert_eq!(code_of(&storage, "u/f").await.unwrap().len(), 1 << 20);
}

#[tokio::test]
async fn a_record_that_finds_no_room_takes_its_code_with_it() {
    let Some(disk) = SmallDisk::mount(1) else {
        return;
    };
    let storage = open(disk.path()).await;
    put(&storage, "u/f", "small").await;
    let body = spooled(&storage, "another").await.unwrap();
    // The code is there already, but its record is not.
    disk.fill(0).unwrap();
    let refused = storage
        .functions()
        .put(function("u/g"), body, None)
        .await
        .unwrap_err();
    assert!(matches!(refused, Error::NoSpace { .. }), "{refused}");
    assert!(storage.functions().get(&function("u/g")).is_none());
    assert_eq!(files(&disk.path().join("objects/code")).len(), 1);
    assert!(storage.functions().delete(&function("u/f")).await.unwrap());
}
