//! What crashes and bad disks leave behind.

mod common;

use std::fs;

use common::{code_of, files, function, open, put};
use faasm_model::ContentHash;
use faasm_storage::Error;

#[tokio::test]
async fn leftovers_of_a_killed_process_are_cleared_at_start() {
    let dir = tempfile::tempdir().unwrap();
    put(&open(dir.path()).await, "u/f", "code").await;
    let code = dir.path().join("objects/code");
    fs::write(
        code.join(format!("{}.wasm", ContentHash::of(b"orphan"))),
        "orphan",
    )
    .unwrap();
    fs::write(
        code.join(format!("{}.wasm#1", ContentHash::of(b"torn"))),
        "to",
    )
    .unwrap();
    fs::write(dir.path().join("objects/functions/u/f.json#1"), "{").unwrap();
    fs::write(dir.path().join("spool/half"), "half").unwrap();
    let storage = open(dir.path()).await;
    assert_eq!(files(&code), [format!("{}.wasm", ContentHash::of(b"code"))]);
    assert_eq!(files(&dir.path().join("objects/functions/u")), ["f.json"]);
    assert!(files(&dir.path().join("spool")).is_empty());
    assert_eq!(code_of(&storage, "u/f").await.unwrap(), "code");
}

#[tokio::test]
async fn a_damaged_record_is_left_out_and_neither_it_nor_any_code_is_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    for name in [
        "u/good",
        "u/torn",
        "u/newer",
        "u/renamed",
        "u/huge",
        "u/codeless",
    ] {
        put(&storage, name, name.to_owned()).await;
    }
    drop(storage);
    let records = dir.path().join("objects/functions/u");
    let newer = fs::read_to_string(records.join("newer.json")).unwrap();
    fs::write(
        records.join("newer.json"),
        newer.replace(r#""version":1"#, r#""version":7"#),
    )
    .unwrap();
    fs::write(records.join("torn.json"), &newer[..20]).unwrap();
    fs::rename(records.join("renamed.json"), records.join("another.json")).unwrap();
    fs::write(records.join("huge.json"), vec![b' '; 1 << 20]).unwrap();
    fs::write(records.join("stray"), "?").unwrap();
    let code = dir.path().join("objects/code");
    fs::remove_file(code.join(format!("{}.wasm", ContentHash::of(b"u/codeless")))).unwrap();
    let (records_before, code_before) = (files(&records), files(&code));
    let storage = open(dir.path()).await;
    let listed = storage
        .functions()
        .list(&common::name("u"), None, 100)
        .items;
    assert_eq!(listed.len(), 1);
    assert_eq!(code_of(&storage, "u/good").await.unwrap(), "u/good");
    assert_eq!(files(&records), records_before);
    assert_eq!(files(&code), code_before);
    put(&storage, "u/codeless", "u/codeless").await;
    assert_eq!(code_of(&storage, "u/codeless").await.unwrap(), "u/codeless");
}

#[tokio::test]
async fn changed_code_is_an_error_and_uploading_it_again_repairs_it() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    put(&storage, "u/f", "code").await;
    let blob = dir
        .path()
        .join(format!("objects/code/{}.wasm", ContentHash::of(b"code")));
    let record = storage.functions().get(&function("u/f")).unwrap();
    for damage in ["c0de", "shorter", ""] {
        fs::write(&blob, damage).unwrap();
        let read = storage.functions().code(&record).await;
        assert!(matches!(read, Err(Error::DamagedCode { .. })), "{damage}");
        put(&storage, "u/f", "code").await;
        assert_eq!(code_of(&storage, "u/f").await.unwrap(), "code");
    }
    fs::remove_file(&blob).unwrap();
    let read = storage.functions().read(&record).await;
    assert!(matches!(read, Err(Error::DamagedCode { .. })));
}
