//! A process that is killed while it changes files and directories.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use faasm_database::testing::{kill_child, kill_rounds, killed_child, say};
use faasm_storage::{Error, Metadata, Result, Storage};

use crate::common::{files, open};
use crate::helpers::{content, contents, path, put};

/// What is changed in one step. It may turn out to be impossible, and nothing happens.
#[derive(Clone, Debug)]
enum Change {
    Put(String, Vec<u8>),
    Delete(String),
    Rename(String, String),
    Make(String),
    Remove(String),
}

/// All directories that there ever are.
const DIRECTORIES: [&str; 4] = ["d0", "d0/e", "d1", "d1/e"];

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
        let directory = DIRECTORIES[random(4) as usize].to_owned();
        let mut file = || {
            format!(
                "{}/f{}",
                ["d0", "d1", "d1/e"][random(3) as usize],
                random(2)
            )
        };
        let (at, to) = (file(), file());
        let body = format!("body {};", random(5)).repeat([0, 1, 50_000][random(3) as usize]);
        match random(10) {
            0..5 => Change::Put(at, body.into_bytes()),
            5 => Change::Delete(at),
            6 | 7 => Change::Rename(at, to),
            8 => Change::Make(directory),
            _ => Change::Remove(directory),
        }
    })
}

/// Files with their bytes, and directories that were made without.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model(BTreeMap<String, Option<Vec<u8>>>);

impl Model {
    fn has_below(&self, at: &str) -> bool {
        let prefix = format!("{at}/");
        self.0.keys().any(|key| key.starts_with(&prefix))
    }

    fn is_directory(&self, at: &str) -> bool {
        self.0.get(at) == Some(&None) || self.has_below(at)
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Put(at, body) => drop(self.0.insert(at.clone(), Some(body.clone()))),
            Change::Delete(at) => drop(self.0.remove(at)),
            Change::Rename(from, to) => {
                if let Some(body) = self.0.remove(from) {
                    self.0.insert(to.clone(), body);
                }
            }
            Change::Make(at) => {
                let above = at.rsplit_once('/').map(|(above, _)| above);
                if !self.is_directory(at) && above.is_none_or(|above| self.is_directory(above)) {
                    self.0.insert(at.clone(), None);
                }
            }
            Change::Remove(at) => {
                if !self.has_below(at) {
                    self.0.remove(at);
                }
            }
        }
    }

    /// What may be there after `done` changes of a seed and a kill.
    fn possible(seed: u64, done: usize) -> Vec<Self> {
        let mut before = Self::default();
        let mut changes = changes(seed);
        for change in changes.by_ref().take(done) {
            before.apply(&change);
        }
        let next = changes.next().unwrap();
        let mut after = before.clone();
        after.apply(&next);
        let mut possible = vec![before.clone(), after];
        if let Change::Rename(from, to) = next
            && let Some(body) = before.0.get(&from).cloned()
        {
            before.0.insert(to, body);
            possible.push(before);
        }
        possible
    }

    /// Whether this is what `storage` has: the same files, the same directories, and as
    /// many records, thus the same of the directories were made.
    async fn is_in(&self, storage: &Storage, dir: &Path) -> bool {
        let mut found = BTreeMap::new();
        for record in storage.files().walk(None, None, 1000).unwrap().items {
            let at = record.path.to_string();
            let bytes = content(storage, &at).await.unwrap();
            found.insert(at, Some(bytes));
        }
        let files_in = self.0.iter().filter(|(_, body)| body.is_some());
        let is_directory =
            |at: &str| storage.files().metadata(Some(&path(at))) == Some(Metadata::Directory);
        files_in.eq(&found)
            && DIRECTORIES
                .iter()
                .all(|at| is_directory(at) == self.is_directory(at))
            && files(&dir.join("objects/files")).len() == self.0.len()
    }
}

async fn apply(storage: &Storage, change: Change) -> Result<()> {
    let shared = storage.files();
    match change {
        Change::Put(at, body) => put(storage, &at, body).await.map(|_| ()),
        Change::Delete(at) => shared.delete(&path(&at)).await.map(|_| ()),
        Change::Rename(from, to) => shared.rename(&path(&from), path(&to)).await.map(|_| ()),
        Change::Make(at) => shared.create_directory(path(&at)).await,
        Change::Remove(at) => shared.remove_directory(&path(&at)).await,
    }
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
    for (number, change) in changes(seed).enumerate() {
        match apply(&storage, change).await {
            Ok(()) | Err(Error::NotFound(_) | Error::Exists(_) | Error::NotEmpty(_)) => {}
            Err(error) => panic!("{error}"),
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
        let mut found = None;
        for possible in Model::possible(seed, done) {
            if possible.is_in(&storage, &dir).await {
                found = Some(possible);
            }
        }
        let found = found.unwrap_or_else(|| panic!("seed {seed}, change {done}"));
        check_leftovers(&dir, &storage, &found);
    }
}

/// Nothing is on disk that no file needs, and the quota counts what there is.
fn check_leftovers(dir: &Path, storage: &Storage, found: &Model) {
    let bodies = || found.0.values().flatten();
    let distinct: BTreeSet<_> = bodies().collect();
    assert_eq!(contents(dir), distinct.len());
    assert!(files(&dir.join("spool")).is_empty());
    let bytes: usize = bodies().map(Vec::len).sum();
    let usage = storage.files().usage();
    assert_eq!(usage.bytes, bytes as u64);
    assert_eq!(usage.files, found.0.len() as u64);
}
