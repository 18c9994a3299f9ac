//! What the behaviour tests share.
#![allow(dead_code, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use faasm_model::{FunctionName, Name};
use faasm_storage::{
    DataDirLock, Error, FilesOptions, Result, SpooledFile, Storage, StorageOptions,
};

pub const NO_LIMIT: u64 = u64::MAX;

pub async fn open(dir: &Path) -> Storage {
    open_with(dir, FilesOptions::default()).await
}

/// Waits until what went on in the directory has come to its end.
pub async fn open_with(dir: &Path, options: FilesOptions) -> Storage {
    let mut lock = DataDirLock::acquire(dir, "a test");
    while let Err(Error::Locked { .. }) = lock {
        tokio::time::sleep(Duration::from_millis(1)).await;
        lock = DataDirLock::acquire(dir, "a test");
    }
    let options = StorageOptions {
        files: options,
        ..StorageOptions::default()
    };
    Storage::open_with(lock.unwrap(), options).await.unwrap()
}

pub async fn spooled(storage: &Storage, body: impl Into<Bytes>) -> Result<SpooledFile> {
    let mut writer = storage.spool().create(NO_LIMIT);
    writer.write(body.into()).await?;
    writer.finish().await
}

pub async fn put(storage: &Storage, name: &str, body: impl Into<Bytes>) {
    let body = spooled(storage, body).await.unwrap();
    storage
        .functions()
        .put(function(name), body, None)
        .await
        .unwrap();
}

pub async fn code_of(storage: &Storage, name: &str) -> Option<Bytes> {
    let record = storage.functions().get(&function(name))?;
    Some(storage.functions().code(&record).await.unwrap())
}

/// Starts a change and goes away, the later the higher the round.
pub async fn abandon(change: impl Future, round: u64) {
    let _ = tokio::time::timeout(Duration::from_micros(round * 100), change).await;
}

/// `user/function` as a name.
pub fn function(text: &str) -> FunctionName {
    let (user, function) = text.split_once('/').unwrap();
    FunctionName::new(user, function).unwrap()
}

pub fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// The names of the files in `dir`, sorted.
pub fn files(dir: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
