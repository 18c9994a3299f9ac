//! What the tests of shared files share.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use faasm_model::{ContentHash, SharedPath};
use faasm_storage::{Error, FileRecord, FilesOptions, OpenFile, Result, Storage};
use futures::TryStreamExt;

use crate::common::{files, spooled};

pub fn path(text: &str) -> SharedPath {
    SharedPath::new(text).unwrap()
}

pub async fn put(storage: &Storage, at: &str, body: impl Into<Bytes>) -> Result<Arc<FileRecord>> {
    let body = spooled(storage, body).await?;
    storage.files().put(path(at), body).await
}

/// All of an open file, read as guests do.
pub fn bytes(file: &OpenFile) -> Result<Vec<u8>> {
    let mut all = vec![0; usize::try_from(file.len()).unwrap()];
    let mut done = 0;
    while done < all.len() {
        done += file.read_at(&mut all[done..], done as u64)?;
    }
    Ok(all)
}

/// All of the file at a path, read as guests do and as HTTP does.
pub async fn content(storage: &Storage, at: &str) -> Result<Vec<u8>> {
    let file = storage.files().open(&path(at))?;
    let read = bytes(&file)?;
    let pieces: Vec<_> = storage
        .files()
        .read(file, 0..u64::MAX)
        .try_collect()
        .await?;
    assert_eq!(pieces.concat(), read);
    Ok(read)
}

/// Waits until there are no more stored contents than `expected`: those that are replaced go
/// a little later.
pub async fn contents_become(dir: &Path, expected: usize) {
    let start = Instant::now();
    while contents(dir) > expected && start.elapsed() < Duration::from_secs(30) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(contents(dir), expected);
}

/// The number of stored contents.
pub fn contents(dir: &Path) -> usize {
    files(&dir.join("objects/content")).len()
}

/// Where equal content is stored.
pub fn content_file(dir: &Path, body: &str) -> PathBuf {
    dir.join("objects/content")
        .join(ContentHash::of(body.as_bytes()).to_string())
}

/// Where the record of what is at a path is stored.
pub fn record_file(dir: &Path, at: &str) -> PathBuf {
    let name = format!("{}.json", ContentHash::of(at.as_bytes()));
    dir.join("objects/files").join(name)
}

/// Puts a directory in the place of a path's record, so that the disk can neither write it
/// nor delete it nor say what is there.
pub fn unwritable_record(dir: &Path, at: &str) -> PathBuf {
    let record = record_file(dir, at);
    if record.exists() {
        std::fs::remove_file(&record).unwrap();
    }
    std::fs::create_dir_all(&record).unwrap();
    record
}

/// Whether a file was refused because of what is at `obstacle`.
pub fn is_conflict<T>(result: Result<T>, obstacle: &str) -> bool {
    matches!(result, Err(Error::Conflict { obstacle: found, .. }) if found == path(obstacle))
}

pub fn quota(max_files: u64, max_bytes: u64) -> FilesOptions {
    FilesOptions {
        max_bytes,
        max_files,
        ..FilesOptions::default()
    }
}
