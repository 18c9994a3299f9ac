//! The cache of compiled code.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod common;

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::symlink;

use common::{files, function, open, put};
use faasm_model::ContentHash;
use faasm_storage::{ArtifactKind, Artifacts, Compat, Error};

fn engine(text: &str) -> Compat {
    Compat::new(text).unwrap()
}

fn hash() -> ContentHash {
    ContentHash::of(b"source")
}

fn content(file: Option<File>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    file?.read_to_end(&mut bytes).unwrap();
    Some(bytes)
}

fn get(artifacts: &Artifacts, compat: &str) -> Option<Vec<u8>> {
    content(
        artifacts
            .open(&engine(compat), hash(), ArtifactKind::Code)
            .unwrap(),
    )
}

#[tokio::test]
async fn compiled_code_is_found_for_its_engine_and_source_only() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let artifacts = storage.artifacts();
    assert_eq!(get(artifacts, "v1"), None);
    artifacts
        .put(&engine("v1"), hash(), ArtifactKind::Code, b"native")
        .unwrap();
    assert_eq!(get(artifacts, "v1").unwrap(), b"native");
    assert_eq!(get(artifacts, "v2"), None);
    let other = artifacts
        .open(&engine("v1"), ContentHash::of(b"other"), ArtifactKind::Code)
        .unwrap();
    assert!(other.is_none());
    artifacts
        .put(&engine("v1"), hash(), ArtifactKind::Code, b"better")
        .unwrap();
    assert_eq!(get(artifacts, "v1").unwrap(), b"better");
}

#[tokio::test]
async fn an_image_is_not_taken_for_code() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let artifacts = storage.artifacts();
    let id = ContentHash::of(b"id");
    let image = ArtifactKind::Image(id);
    artifacts
        .put(&engine("v1"), hash(), image, b"image")
        .unwrap();
    assert_eq!(get(artifacts, "v1"), None);
    let cache = dir.path().join("cache/code/v1");
    for suffix in ["", ".mac"] {
        let name = |kind: &str| cache.join(format!("{}.{kind}{suffix}", hash()));
        fs::copy(name(&format!("{id}.image")), name("cwasm")).unwrap();
    }
    assert_eq!(get(artifacts, "v1"), None);
    let kept = artifacts.open(&engine("v1"), hash(), image).unwrap();
    assert_eq!(content(kept).unwrap(), b"image");
    artifacts.remove(hash()).unwrap();
    assert!(fs::read_dir(&cache).unwrap().next().is_none());
}

#[tokio::test]
async fn tampered_code_is_refused_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let cache = dir.path().join("cache/code/v1");
    let (code, mac) = (format!("{}.cwasm", hash()), format!("{}.cwasm.mac", hash()));
    for (file, damage) in [
        (&code, "evil"),
        (&code, ""),
        (&mac, ""),
        (&mac, "x"),
        (&mac, &"x".repeat(32)),
    ] {
        storage
            .artifacts()
            .put(&engine("v1"), hash(), ArtifactKind::Code, b"native")
            .unwrap();
        fs::write(cache.join(file), damage).unwrap();
        assert_eq!(get(storage.artifacts(), "v1"), None, "{file}: {damage}");
        assert!(files(&cache).is_empty());
    }
}

#[tokio::test]
async fn code_moved_to_another_engine_or_source_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let artifacts = storage.artifacts();
    let cache = dir.path().join("cache/code");
    artifacts
        .put(&engine("v1"), hash(), ArtifactKind::Code, b"native")
        .unwrap();
    fs::create_dir(cache.join("v2")).unwrap();
    let other = ContentHash::of(b"other");
    for suffix in ["cwasm", "cwasm.mac"] {
        let from = cache.join(format!("v1/{}.{suffix}", hash()));
        fs::copy(&from, cache.join(format!("v2/{}.{suffix}", hash()))).unwrap();
        fs::copy(&from, cache.join(format!("v1/{other}.{suffix}"))).unwrap();
    }
    assert_eq!(get(artifacts, "v2"), None);
    assert!(
        artifacts
            .open(&engine("v1"), other, ArtifactKind::Code)
            .unwrap()
            .is_none()
    );
    assert_eq!(get(artifacts, "v1").unwrap(), b"native");
}

#[tokio::test]
async fn links_are_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let artifacts = storage.artifacts();
    let cache = dir.path().join("cache/code");
    artifacts
        .put(&engine("v1"), hash(), ArtifactKind::Code, b"native")
        .unwrap();
    symlink(cache.join("v1"), cache.join("v2")).unwrap();
    assert!(
        artifacts
            .open(&engine("v2"), hash(), ArtifactKind::Code)
            .is_err()
    );
    assert!(
        artifacts
            .put(&engine("v2"), hash(), ArtifactKind::Code, b"x")
            .is_err()
    );
    let code = cache.join(format!("v1/{}.cwasm", hash()));
    fs::rename(&code, dir.path().join("moved")).unwrap();
    symlink(dir.path().join("moved"), &code).unwrap();
    assert!(
        artifacts
            .open(&engine("v1"), hash(), ArtifactKind::Code)
            .is_err()
    );
}

#[tokio::test]
async fn code_of_other_engines_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let artifacts = storage.artifacts();
    for compat in ["v1", "v2", "v3"] {
        artifacts
            .put(
                &engine(compat),
                hash(),
                ArtifactKind::Code,
                compat.as_bytes(),
            )
            .unwrap();
    }
    artifacts.retain_compat(&engine("v2")).unwrap();
    assert_eq!(files(&dir.path().join("cache/code")), ["v2"]);
    assert_eq!(get(artifacts, "v2").unwrap(), b"v2");
}

#[tokio::test]
async fn compiled_code_goes_with_the_last_function_that_needs_it() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    put(&storage, "u/f", "source").await;
    put(&storage, "u/g", "source").await;
    storage
        .artifacts()
        .put(&engine("v1"), hash(), ArtifactKind::Code, b"native")
        .unwrap();
    storage.functions().delete(&function("u/f")).await.unwrap();
    assert!(get(storage.artifacts(), "v1").is_some());
    storage.functions().delete(&function("u/g")).await.unwrap();
    assert_eq!(get(storage.artifacts(), "v1"), None);
}

#[tokio::test]
async fn a_restart_keeps_what_functions_need_and_drops_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    put(&storage, "u/f", "source").await;
    storage
        .artifacts()
        .put(&engine("v1"), hash(), ArtifactKind::Code, b"native")
        .unwrap();
    let other = ContentHash::of(b"refused upload");
    storage
        .artifacts()
        .put(&engine("v1"), other, ArtifactKind::Code, b"native")
        .unwrap();
    fs::write(dir.path().join("cache/code/v1/tmp-1-1"), "torn").unwrap();
    drop(storage);
    let storage = open(dir.path()).await;
    assert_eq!(get(storage.artifacts(), "v1").unwrap(), b"native");
    assert_eq!(files(&dir.path().join("cache/code/v1")).len(), 2);
}

#[test]
fn an_engine_version_cannot_lead_out_of_the_cache() {
    for bad in ["", "..", "a/b", "/etc"] {
        assert!(
            matches!(Compat::new(bad), Err(Error::InvalidCompat(_))),
            "{bad}"
        );
    }
}
