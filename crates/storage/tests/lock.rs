//! One server to a data directory.

mod common;

use std::fs;

use common::open;
use faasm_storage::{DataDirLock, Error};

#[test]
fn a_second_server_is_refused_and_told_who_the_first_is() {
    let dir = tempfile::tempdir().unwrap();
    let first = DataDirLock::acquire(dir.path(), "starting, with a rather long note").unwrap();
    first.update("serving on 127.0.0.1:8080").unwrap();
    let refused = DataDirLock::acquire(dir.path(), "second").unwrap_err();
    assert!(matches!(refused, Error::Locked { .. }));
    let message = refused.to_string();
    let pid = format!("process {}", std::process::id());
    assert!(message.contains(&pid), "{message}");
    assert!(message.contains("127.0.0.1:8080;"), "{message}");
    drop(first);
    DataDirLock::acquire(dir.path(), "third").unwrap();
}

#[test]
fn the_lock_file_of_a_dead_process_is_no_obstacle() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("lock"), "process 1: long dead").unwrap();
    DataDirLock::acquire(dir.path(), "alive").unwrap();
    let text = fs::read_to_string(dir.path().join("lock")).unwrap();
    assert!(text.contains("alive") && !text.contains("dead"), "{text}");
}

#[tokio::test]
async fn the_directory_stays_locked_while_the_storage_is_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let clone = storage.clone();
    drop(storage);
    assert!(DataDirLock::acquire(dir.path(), "").is_err());
    drop(clone);
    assert!(DataDirLock::acquire(dir.path(), "").is_ok());
}
