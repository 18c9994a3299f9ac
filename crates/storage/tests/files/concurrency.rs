//! Many at once.

use std::sync::atomic::{AtomicBool, Ordering};

use faasm_storage::{Error, Metadata};
use tokio::runtime::Handle;

use crate::common::open;
use crate::helpers::{bytes, content, contents, contents_become, is_conflict, path, put};

/// A body that cannot be mixed with another without its being seen.
fn body(writer: usize, round: usize) -> Vec<u8> {
    format!("{writer}-{round};")
        .into_bytes()
        .repeat(30_000 + 1000 * writer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_see_whole_versions_and_the_last_commit_wins() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    put(&storage, "x", body(0, 0)).await.unwrap();
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let storage = storage.clone();
            tokio::spawn(async move {
                let mut last = 0;
                for round in 0..10 {
                    last = put(&storage, "x", body(writer, round))
                        .await
                        .unwrap()
                        .modified_ns;
                }
                last
            })
        })
        .collect();
    let mut reads = 0;
    while reads < 50 || !writers.iter().all(|writer| writer.is_finished()) {
        let all = bytes(&storage.files().open(&path("x")).unwrap()).unwrap();
        let line = all.split_inclusive(|&b| b == b';').next().unwrap();
        assert!(all.chunks(line.len()).all(|chunk| chunk == line));
        reads += 1;
        tokio::task::yield_now().await;
    }
    let mut newest = 0;
    for writer in writers {
        newest = newest.max(writer.await.unwrap());
    }
    let in_force = storage.files().get(&path("x")).unwrap();
    assert_eq!(in_force.modified_ns, newest);
    drop(storage);
    let storage = open(dir.path()).await;
    assert_eq!(storage.files().get(&path("x")), Some(in_force));
    assert_eq!(contents(dir.path()), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opening_while_content_is_replaced_and_deleted_never_finds_damage() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let done = AtomicBool::new(false);
    let open_all_the_time = || {
        while !done.load(Ordering::Relaxed) {
            match storage.files().open(&path("x")) {
                Ok(file) => assert!(bytes(&file).unwrap().starts_with(b"round")),
                Err(Error::NotFound(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
    };
    std::thread::scope(|scope| {
        // More than there are cores, so that some are held up between look-up and open.
        for _ in 0..6 {
            scope.spawn(open_all_the_time);
        }
        let change = async {
            for round in 0..60 {
                put(&storage, "x", format!("round {round}")).await?;
                if round % 3 == 0 {
                    storage.files().delete(&path("x")).await?;
                }
            }
            Ok::<_, Error>(())
        };
        let changed = tokio::task::block_in_place(|| Handle::current().block_on(change));
        done.store(true, Ordering::Relaxed);
        changed.unwrap();
    });
    put(&storage, "x", "last").await.unwrap();
    assert_eq!(content(&storage, "x").await.unwrap(), b"last");
    contents_become(dir.path(), 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_file_and_a_directory_that_race_for_a_path_never_both_get_it() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    for round in 0..30 {
        let (file, below) = (format!("{round}/x"), format!("{round}/x/y/z"));
        let (one, other) = tokio::join!(
            tokio::spawn({
                let (storage, file) = (storage.clone(), file.clone());
                async move { put(&storage, &file, "file").await }
            }),
            tokio::spawn({
                let (storage, below) = (storage.clone(), below.clone());
                async move { put(&storage, &below, "below").await }
            }),
        );
        let results = [one.unwrap(), other.unwrap()];
        let stored = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(stored, 1, "{results:?}");
        let conflict = |result: &Result<_, _>| matches!(result, Err(Error::Conflict { .. }));
        assert!(results.iter().any(conflict), "{results:?}");
    }
    assert_eq!(storage.files().usage().files, 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn renames_puts_and_deletes_of_the_same_paths_neither_stop_nor_lose_anything() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let tasks: Vec<_> = (0..6)
        .map(|task| {
            let storage = storage.clone();
            tokio::spawn(async move {
                let (here, there) = (path("here/x"), path("there/x"));
                for round in 0..20 {
                    let shared = storage.files();
                    let done = match task {
                        0 => put(&storage, "here/x", body(task, round)).await.map(|_| ()),
                        1 => put(&storage, "there/x", body(task, round))
                            .await
                            .map(|_| ()),
                        2 | 3 => shared.rename(&here, there.clone()).await.map(|_| ()),
                        4 => shared.rename(&there, here.clone()).await.map(|_| ()),
                        _ => shared.delete(&here).await.map(|_| ()),
                    };
                    assert!(matches!(done, Ok(()) | Err(Error::NotFound(_))), "{done:?}");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let found = storage.files().walk(None, None, 9).unwrap().items;
    let sizes: u64 = found.iter().map(|record| record.size).sum();
    assert_eq!(storage.files().usage().bytes, sizes);
    drop(storage);
    let storage = open(dir.path()).await;
    assert_eq!(storage.files().walk(None, None, 9).unwrap().items, found);
    let mut hashes: Vec<_> = found.iter().map(|record| record.hash).collect();
    hashes.dedup();
    assert_eq!(contents(dir.path()), hashes.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_file_and_a_made_directory_that_race_for_a_path_never_both_get_it() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    for round in 0..30 {
        let at = format!("x{round}");
        let (directory, inner) = (path(&at), path(&format!("{at}/inner")));
        let make = async {
            storage.files().create_directory(directory.clone()).await?;
            storage.files().create_directory(inner).await
        };
        let (file, made) = tokio::join!(put(&storage, &at, "file"), make);
        assert!(file.is_ok() != made.is_ok(), "{file:?} {made:?}");
        assert!(file.is_ok() || is_conflict(file, &at));
        assert!(matches!(made, Ok(()) | Err(Error::Exists(_))), "{made:?}");
        let found = storage.files().metadata(Some(&directory));
        assert_eq!(found == Some(Metadata::Directory), made.is_ok());
    }
    let usage = storage.files().usage();
    drop(storage);
    assert_eq!(open(dir.path()).await.files().usage(), usage);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn trees_that_are_deleted_twice_at_once_count_each_file_once() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    for number in 0..300 {
        put(&storage, &format!("d/{number}"), number.to_string())
            .await
            .unwrap();
    }
    let directory = path("d");
    let delete = || async {
        match storage.files().delete_tree(&directory).await {
            Ok(deleted) => deleted,
            Err(Error::NotFound(_)) => 0,
            Err(error) => panic!("{error}"),
        }
    };
    let (one, other) = tokio::join!(delete(), delete());
    assert_eq!(one + other, 300);
    assert_eq!(contents(dir.path()), 0);
}
