//! A process that is killed while it changes functions.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use common::{code_of, files, function, open, put};

const DIR: &str = "FAASM_STORAGE_KILL_TEST_DIR";
const ROUNDS: usize = 10;

/// The code of `u/f{slot}` after `round`: both short and long of a part.
fn code(slot: usize, round: usize) -> Vec<u8> {
    format!("{slot} {round};")
        .repeat(1 + 20_000 * slot)
        .into_bytes()
}

/// Not a test of its own: the process that gets killed. It prints `{slot} {round}` once a
/// put has returned, and `{slot} -` once a delete has.
#[tokio::test]
#[ignore = "started by the test below"]
async fn child() {
    let Ok(dir) = std::env::var(DIR) else {
        return;
    };
    let storage = open(Path::new(&dir)).await;
    for round in 0.. {
        let slot = round % 4;
        put(&storage, &format!("u/f{slot}"), code(slot, round)).await;
        writeln!(std::io::stdout(), "\n{slot} {round}").unwrap();
        if round % 7 == 0 {
            let name = function(&format!("u/f{slot}"));
            storage.functions().delete(&name).await.unwrap();
            writeln!(std::io::stdout(), "\n{slot} -").unwrap();
        }
    }
}

#[tokio::test]
async fn what_was_acknowledged_before_a_kill_is_there_after_it() {
    for kill in 0..ROUNDS {
        let dir = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["child", "--exact", "--ignored", "--nocapture"])
            .env(DIR, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledged = [None; 4];
        let mut left = 5 + 3 * kill;
        while let Some(Ok(line)) = lines.next() {
            let words = line
                .split_once(' ')
                .map(|(slot, round)| (slot.parse::<usize>(), round));
            if let Some((Ok(slot), round)) = words {
                acknowledged[slot] = Some(round.parse::<usize>().ok());
                left = left.saturating_sub(1);
            }
            if left == 0 {
                // What is still in the pipe was acknowledged as well, so go on reading.
                let _ = child.kill();
            }
        }
        child.wait().unwrap();
        assert_eq!(left, 0, "the child ended by itself");
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
