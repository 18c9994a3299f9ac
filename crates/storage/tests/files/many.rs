//! As many files as a data set of small ones has.

use std::fs;
use std::path::Path;
use std::time::Instant;

use faasm_database::testing::SmallDisk;
use faasm_model::ContentHash;

use crate::common::open;
use crate::helpers::{bytes, path, put};

const FILES: usize = 100_000;

/// Distinct bodies among them.
const BODIES: usize = 1000;

fn at(number: usize) -> String {
    format!("set/{}/{number}", number % 100)
}

fn body(number: usize) -> String {
    format!("{:07}", number % BODIES)
}

/// Stores `FILES` files as puts would have, a thousand to a directory, without the syncs.
/// `template` is the record of the file `a/pattern`, which contains `pattern`.
fn fill(dir: &Path, template: &str) {
    let [records, contents] = ["files", "content"].map(|name| dir.join("objects").join(name));
    for number in 0..BODIES {
        let hash = ContentHash::of(body(number).as_bytes());
        fs::write(contents.join(hash.to_string()), body(number)).unwrap();
    }
    let template_hash = ContentHash::of(b"pattern").to_string();
    for number in 0..FILES {
        let name = ContentHash::of(at(number).as_bytes());
        let hash = ContentHash::of(body(number).as_bytes());
        let record = template.replace("a/pattern", &at(number));
        let record = record.replace(&template_hash, &hash.to_string());
        fs::write(records.join(format!("{name}.json")), record).unwrap();
    }
}

#[tokio::test]
async fn a_hundred_thousand_files_are_loaded_listed_and_opened() {
    // In memory if possible: all that is slow here is to make the files.
    let disk = SmallDisk::mount(2048);
    let temp = tempfile::tempdir().unwrap();
    let dir = disk.as_ref().map_or(temp.path(), SmallDisk::path);
    put(&open(dir).await, "a/pattern", "pattern").await.unwrap();
    let name = format!("{}.json", ContentHash::of(b"a/pattern"));
    fill(
        dir,
        &fs::read_to_string(dir.join("objects/files").join(name)).unwrap(),
    );

    let start = Instant::now();
    let storage = open(dir).await;
    eprintln!("{FILES} files: loaded in {:?}", start.elapsed());
    let shared = storage.files();
    assert_eq!(shared.usage().files, FILES as u64 + 1);

    let start = Instant::now();
    let listed = shared.list(Some(&path("set/42")), None, 1000).unwrap();
    assert_eq!((listed.items.len(), listed.next), (1000, None));
    let listed = shared.list(Some(&path("set")), None, 1000).unwrap();
    assert_eq!((listed.items.len(), listed.next), (100, None));
    eprintln!("1,100 entries listed in {:?}", start.elapsed());

    let start = Instant::now();
    for number in (0..FILES).step_by(10) {
        let file = shared.open(&path(&at(number))).unwrap();
        assert_eq!(bytes(&file).unwrap(), body(number).as_bytes());
    }
    let opened = FILES / 10;
    eprintln!("{opened} files opened and read in {:?}", start.elapsed());
}
