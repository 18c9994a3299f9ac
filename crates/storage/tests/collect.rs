//! What nothing in a data directory refers to any more.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use faasm_model::ContentHash;
use faasm_storage::{Collected, Storage};

const HOUR: Duration = Duration::from_secs(3600);

/// Makes a file as old as if it had been written two hours ago.
fn age(path: &Path) {
    let file = fs::File::open(path).unwrap();
    file.set_modified(SystemTime::now() - 2 * HOUR).unwrap();
}

/// What so many runs do, the last of them.
async fn collect(storage: &Storage, runs: usize) -> Collected {
    let mut collector = storage.collector().unwrap();
    let mut last = Collected::default();
    for _ in 0..runs {
        last = collector.run(HOUR).await.unwrap();
    }
    last
}

#[tokio::test]
async fn what_others_have_left_of_functions_that_are_gone_is_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let storage = common::open(dir.path()).await;
    common::put(&storage, "u/f", "code").await;
    let shared = dir.path().join("objects/artifacts/engine");
    fs::create_dir_all(&shared).unwrap();
    let [used, unused] = ["code", "gone"].map(|source| ContentHash::of(source.as_bytes()));
    let path = |hash| shared.join(format!("{hash}.cwasm"));
    for hash in [used, unused] {
        fs::write(path(hash), "native").unwrap();
    }
    assert_eq!(collect(&storage, 2).await, Collected::default());
    age(&path(used));
    age(&path(unused));
    assert_eq!(collect(&storage, 1).await, Collected::default());
    let deleted = Collected {
        objects: 1,
        bytes: 6,
        left_out: 0,
    };
    assert_eq!(collect(&storage, 2).await, deleted);
    assert_eq!(common::files(&shared), [format!("{used}.cwasm")]);
    assert_eq!(common::code_of(&storage, "u/f").await.unwrap(), "code");
}

#[tokio::test]
async fn what_a_record_that_was_left_out_may_name_stays() {
    let dir = tempfile::tempdir().unwrap();
    let storage = common::open(dir.path()).await;
    common::put(&storage, "u/f", "code").await;
    common::put(&storage, "u/g", "other").await;
    drop(storage);
    let objects = dir.path().join("objects");
    let code = |body: &str| {
        let hash = ContentHash::of(body.as_bytes());
        objects.join(format!("code/{hash}.wasm"))
    };
    age(&code("code"));
    age(&code("other"));
    let record = objects.join("functions/u/f.json");
    let whole = fs::read(&record).unwrap();
    // One that cannot be read, and one that can be and whose content is not what it says.
    let shorter = String::from_utf8(whole.clone()).unwrap();
    let shorter = shorter.replace("\"size\":4", "\"size\":3");
    for damaged in [&whole[..9], shorter.as_bytes()] {
        fs::write(&record, damaged).unwrap();
        let storage = common::open(dir.path()).await;
        assert_eq!(common::code_of(&storage, "u/f").await, None);
        let left_out = Collected {
            left_out: 1,
            ..Collected::default()
        };
        assert_eq!(collect(&storage, 3).await, left_out);
        assert!(code("code").exists());
    }
    fs::write(&record, whole).unwrap();
    let storage = common::open(dir.path()).await;
    assert_eq!(collect(&storage, 3).await, Collected::default());
    assert_eq!(common::code_of(&storage, "u/f").await.unwrap(), "code");
}
