//! A process that is killed while it puts, replaces and deletes files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use faasm_database::testing::{kill_child, kill_rounds, killed_child, say};
use faasm_storage::Storage;

use crate::common::{files, open};
use crate::helpers::{content, contents, path, put};

/// What is changed in one step: a path, and its new bytes unless it is deleted.
struct Change {
    at: String,
    body: Option<Vec<u8>>,
}

/// The changes of a seed, in order: few paths and few bodies, so that files are replaced
/// and share content.
fn changes(seed: u64) -> impl Iterator<Item = Change> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 16) % below
    };
    std::iter::repeat_with(move || {
        let at = format!("d{}/f{}", random(2), random(3));
        let body = format!("body {};", random(5));
        let repeat = [0, 1, 50_000][random(3) as usize];
        let body = (random(4) > 0).then(|| body.repeat(repeat).into_bytes());
        Change { at, body }
    })
}

/// The files after the first `count` changes.
fn expected(seed: u64, count: usize) -> BTreeMap<String, Vec<u8>> {
    let mut tree = BTreeMap::new();
    for Change { at, body } in changes(seed).take(count) {
        match body {
            Some(body) => tree.insert(at, body),
            None => tree.remove(&at),
        };
    }
    tree
}

/// Not a test of its own: the process that gets killed. It says each change that is done.
/// Its directory is named by its seed.
#[tokio::test]
async fn child() {
    let Some(dir) = killed_child() else {
        return;
    };
    let seed = dir.file_name().unwrap().to_str().unwrap().parse().unwrap();
    let storage = open(&dir).await;
    for (number, Change { at, body }) in changes(seed).enumerate() {
        match body {
            Some(body) => put(&storage, &at, body).await.map(|_| ()).unwrap(),
            None => storage
                .files()
                .delete(&path(&at))
                .await
                .map(|_| ())
                .unwrap(),
        }
        say(format_args!("{number}")).unwrap();
    }
}

#[tokio::test]
async fn after_a_kill_every_acknowledged_change_is_there_and_the_next_is_whole() {
    let temp = tempfile::tempdir().unwrap();
    for seed in 0..kill_rounds() as u64 {
        let dir = temp.path().join(seed.to_string());
        let done = kill_child("kill::child", &dir).unwrap().len();
        let storage = open(&dir).await;
        let found = tree(&storage).await;
        let possible = [expected(seed, done), expected(seed, done + 1)];
        assert!(possible.contains(&found), "seed {seed}, change {done}");
        check_leftovers(&dir, &storage, &found);
    }
}

async fn tree(storage: &Storage) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for record in storage.files().walk(None, None, 1000).unwrap().items {
        let at = record.path.to_string();
        let bytes = content(storage, &at).await.unwrap();
        found.insert(at, bytes);
    }
    found
}

/// Nothing is on disk that no file needs, and the quota counts what there is.
fn check_leftovers(dir: &Path, storage: &Storage, found: &BTreeMap<String, Vec<u8>>) {
    let distinct: BTreeSet<_> = found.values().collect();
    assert_eq!(contents(dir), distinct.len());
    assert_eq!(files(&dir.join("objects/files")).len(), found.len());
    assert!(files(&dir.join("spool")).is_empty());
    let bytes: usize = found.values().map(Vec::len).sum();
    assert_eq!(storage.files().usage().bytes, bytes as u64);
}
