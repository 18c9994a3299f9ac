//! Many at once.

mod common;

use common::{code_of, files, function, open, put, spooled};

/// A body that cannot be mixed with another without its being seen.
fn body(writer: usize, round: usize) -> Vec<u8> {
    let line = format!("{writer}-{round};").into_bytes();
    line.repeat(40_000 + 1000 * writer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_see_one_upload_or_another_and_never_a_mix() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    put(&storage, "u/f", body(0, 0)).await;
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let storage = storage.clone();
            tokio::spawn(async move {
                for round in 0..10 {
                    put(&storage, "u/f", body(writer, round)).await;
                }
            })
        })
        .collect();
    let mut reads = 0;
    while reads < 20 || !writers.iter().all(|writer| writer.is_finished()) {
        let code = code_of(&storage, "u/f").await.unwrap();
        let line = code.split_inclusive(|&b| b == b';').next().unwrap();
        assert!(code.chunks(line.len()).all(|chunk| chunk == line));
        reads += 1;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let in_force = code_of(&storage, "u/f").await.unwrap();
    drop(storage);
    let storage = open(dir.path()).await;
    assert_eq!(code_of(&storage, "u/f").await.unwrap(), in_force);
    assert_eq!(files(&dir.path().join("objects/code")).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn deleting_shared_code_never_breaks_a_concurrent_put_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let storage = storage.clone();
            tokio::spawn(async move {
                let name = format!("u/f{task}");
                for _ in 0..15 {
                    put(&storage, &name, "the same code").await;
                    assert_eq!(code_of(&storage, &name).await.unwrap(), "the same code");
                    assert!(storage.functions().delete(&function(&name)).await.unwrap());
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    put(&storage, "u/last", "other").await;
    assert_eq!(files(&dir.path().join("objects/code")).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_memory_says_after_racing_changes_is_what_the_disk_says() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let tasks: Vec<_> = (0..6)
        .map(|task| {
            let storage = storage.clone();
            tokio::spawn(async move {
                for round in 0..10 {
                    let code = spooled(&storage, format!("{task}-{round}")).await.unwrap();
                    let put = storage.functions().put(function("u/f"), code, None).await;
                    put.unwrap();
                    if (task + round) % 3 == 0 {
                        storage.functions().delete(&function("u/f")).await.unwrap();
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let before = code_of(&storage, "u/f").await;
    drop(storage);
    let storage = open(dir.path()).await;
    assert_eq!(code_of(&storage, "u/f").await, before);
}
