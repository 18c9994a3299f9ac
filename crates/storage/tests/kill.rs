//! A process that is killed while it changes functions.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod common;

use std::path::Path;

use common::{code_of, files, function, open, put};
use faasm_database::testing::{kill_child, kill_rounds, killed_child, say};

/// The code of `u/f{slot}` after `round`: both short and long of a part.
fn code(slot: usize, round: usize) -> Vec<u8> {
    format!("{slot} {round};")
        .repeat(1 + 20_000 * slot)
        .into_bytes()
}

/// Not a test of its own: the process that gets killed. It says `{slot} {round}` once a
/// put has returned, and `{slot} -` once a delete has.
#[tokio::test]
async fn child() {
    let Some(dir) = killed_child() else {
        return;
    };
    let storage = open(&dir).await;
    for round in 0.. {
        let slot = round % 4;
        put(&storage, &format!("u/f{slot}"), code(slot, round)).await;
        say(format_args!("{slot} {round}")).unwrap();
        if round % 7 == 0 {
            let name = function(&format!("u/f{slot}"));
            storage.functions().delete(&name).await.unwrap();
            say(format_args!("{slot} -")).unwrap();
        }
    }
}

#[tokio::test]
async fn what_was_acknowledged_before_a_kill_is_there_after_it() {
    for _ in 0..kill_rounds() {
        let dir = tempfile::tempdir().unwrap();
        let mut acknowledged = [None; 4];
        for line in kill_child("child", dir.path()).unwrap() {
            let (slot, round) = line.split_once(' ').unwrap();
            acknowledged[slot.parse::<usize>().unwrap()] = Some(round.parse::<usize>().ok());
        }
        check(dir.path(), acknowledged).await;
    }
}

async fn check(dir: &Path, acknowledged: [Option<Option<usize>>; 4]) {
    let storage = open(dir).await;
    let mut functions = 0;
    for (slot, round) in acknowledged.into_iter().enumerate() {
        let found = code_of(&storage, &format!("u/f{slot}")).await;
        functions += usize::from(found.is_some());
        let acknowledged = round.flatten().map(|round| code(slot, round));
        if found.as_deref() == acknowledged.as_deref() {
            continue;
        }
        // The change that the kill interrupted: a put's code is whole, and a delete is
        // of what was put in a round that deletes.
        match found {
            Some(found) => {
                let text = String::from_utf8(found.to_vec()).unwrap();
                let first = text.split(';').next().unwrap();
                let next = first.split_once(' ').unwrap().1.parse().unwrap();
                assert_eq!(text.into_bytes(), code(slot, next));
                assert!(
                    round
                        .flatten()
                        .is_none_or(|acknowledged| next == acknowledged + 4)
                );
            }
            None => assert!(round.flatten().is_some_and(|round| round % 7 == 0)),
        }
    }
    assert_eq!(files(&dir.join("objects/code")).len(), functions);
    assert!(files(&dir.join("spool")).is_empty());
}
