//! Putting, getting, listing and deleting functions.

mod common;

use common::{abandon, code_of, files, function, name, open, put, spooled};
use faasm_model::LimitOverrides;
use faasm_storage::{Error, Functions};
use futures::TryStreamExt;

#[tokio::test]
async fn reupload_takes_effect_on_the_next_get() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    assert!(code_of(&storage, "u/f").await.is_none());
    put(&storage, "u/f", "old").await;
    assert_eq!(code_of(&storage, "u/f").await.unwrap(), "old");
    put(&storage, "u/f", "new").await;
    assert_eq!(code_of(&storage, "u/f").await.unwrap(), "new");
    assert_eq!(files(&dir.path().join("objects/code")).len(), 1);
    assert!(files(&dir.path().join("spool")).is_empty());
}

#[tokio::test]
async fn functions_are_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    put(&storage, "u/f", "code").await;
    put(&storage, "u/gone", "gone").await;
    storage
        .functions()
        .delete(&function("u/gone"))
        .await
        .unwrap();
    let before = storage.functions().get(&function("u/f")).unwrap();
    drop(storage);
    let storage = open(dir.path()).await;
    assert_eq!(storage.functions().get(&function("u/f")).unwrap(), before);
    assert_eq!(code_of(&storage, "u/f").await.unwrap(), "code");
    assert!(storage.functions().get(&function("u/gone")).is_none());
}

#[tokio::test]
async fn weird_names_are_kept_apart_and_survive_reopening() {
    let names = [
        "u/f",
        "U/f",
        "u/F",
        ".hidden/a..b",
        "-x/x.json",
        ".../..json",
        "u/.json",
        "u/f.json",
        "u/f.json.json",
        "code/x",
        "functions/functions",
        "_/-",
        "u/...",
        "u/0",
    ];
    let long = format!("{0}/{0}", "n".repeat(128));
    let names: Vec<&str> = names.into_iter().chain([long.as_str()]).collect();
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    for name in &names {
        put(&storage, name, name.to_string()).await;
    }
    drop(storage);
    let storage = open(dir.path()).await;
    for name in &names {
        assert_eq!(
            code_of(&storage, name).await.unwrap(),
            name.as_bytes(),
            "{name}"
        );
        assert!(
            storage.functions().delete(&function(name)).await.unwrap(),
            "{name}"
        );
        assert!(
            !storage.functions().delete(&function(name)).await.unwrap(),
            "{name}"
        );
    }
    assert!(storage.functions().users(None, 10).items.is_empty());
    assert!(files(&dir.path().join("objects/code")).is_empty());
}

#[tokio::test]
async fn code_larger_than_one_part_comes_back_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let body: Vec<u8> = (0..20_000_003_u32).map(|i| (i % 251) as u8).collect();
    put(&storage, "u/f", body.clone()).await;
    assert_eq!(code_of(&storage, "u/f").await.unwrap(), body);
    put(&storage, "u/empty", "").await;
    assert_eq!(code_of(&storage, "u/empty").await.unwrap(), "");
}

#[tokio::test]
async fn limits_are_kept_over_a_reupload_and_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    let limits = LimitOverrides {
        time_ms: Some(250),
        ..LimitOverrides::default()
    };
    let f = function("u/f");
    assert!(
        storage
            .functions()
            .set_limits(&f, limits)
            .await
            .unwrap()
            .is_none()
    );
    put(&storage, "u/f", "one").await;
    let changed = storage
        .functions()
        .set_limits(&f, limits)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(changed.limits, limits);
    put(&storage, "u/f", "two").await;
    drop(storage);
    let storage = open(dir.path()).await;
    assert_eq!(storage.functions().get(&f).unwrap().limits, limits);
    assert_eq!(code_of(&storage, "u/f").await.unwrap(), "two");
}

#[tokio::test]
async fn limits_that_cannot_be_granted_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    put(&storage, "u/f", "code").await;
    let limits = LimitOverrides {
        memory_bytes: Some(1),
        ..LimitOverrides::default()
    };
    let refused = storage
        .functions()
        .set_limits(&function("u/f"), limits)
        .await;
    assert!(matches!(refused, Err(Error::InvalidLimit(_))));
    let record = storage.functions().get(&function("u/f")).unwrap();
    assert_eq!(record.limits, LimitOverrides::default());
}

#[tokio::test]
async fn code_that_two_functions_share_is_kept_until_both_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    put(&storage, "u/f", "same").await;
    put(&storage, "v/g", "same").await;
    put(&storage, "v/g", "same").await;
    assert_eq!(files(&dir.path().join("objects/code")).len(), 1);
    storage.functions().delete(&function("u/f")).await.unwrap();
    assert_eq!(code_of(&storage, "v/g").await.unwrap(), "same");
    storage.functions().delete(&function("v/g")).await.unwrap();
    assert!(files(&dir.path().join("objects/code")).is_empty());
}

#[tokio::test]
async fn who_holds_a_record_can_read_its_code_after_reupload_and_delete() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    put(&storage, "u/f", "old").await;
    let record = storage.functions().get(&function("u/f")).unwrap();
    put(&storage, "u/f", "new").await;
    storage.functions().delete(&function("u/f")).await.unwrap();
    assert_eq!(storage.functions().code(&record).await.unwrap(), "old");
    let reading = storage.functions().read(&record).await.unwrap();
    drop(record);
    put(&storage, "u/other", "x").await;
    let pieces: Vec<_> = reading.try_collect().await.unwrap();
    assert_eq!(pieces.concat(), b"old");
    // The next change finds that nobody has it any more.
    put(&storage, "u/other", "y").await;
    assert_eq!(files(&dir.path().join("objects/code")).len(), 1);
}

#[tokio::test]
async fn a_put_whose_caller_goes_away_is_all_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    for round in 0..20 {
        let body = spooled(&storage, format!("round {round}")).await.unwrap();
        abandon(storage.functions().put(function("u/f"), body, None), round).await;
    }
    put(&storage, "u/f", "last").await;
    assert_eq!(code_of(&storage, "u/f").await.unwrap(), "last");
}

#[tokio::test]
async fn lists_are_sorted_and_paged() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).await;
    for text in ["b/2", "b/10", "a/x", "b/1", "c/y", "b/3"] {
        put(&storage, text, text.to_owned()).await;
    }
    let functions = storage.functions();
    let first = functions.list(&name("b"), None, 3);
    let names = |records: &[std::sync::Arc<faasm_storage::FunctionRecord>]| {
        let names: Vec<_> = records
            .iter()
            .map(|r| r.name.function.to_string())
            .collect();
        names.join(" ")
    };
    assert_eq!(names(&first.items), "1 10 2");
    let second = functions.list(&name("b"), first.next.as_ref(), 3);
    assert_eq!(names(&second.items), "3");
    assert_eq!(second.next, None);
    assert_eq!(functions.list(&name("b"), None, 4).next, None);
    assert_eq!(functions.list(&name("b"), None, 0).items.len(), 1);
    assert!(functions.list(&name("nobody"), None, 3).items.is_empty());
    let users = functions.users(None, 2);
    assert_eq!(users.items, [name("a"), name("b")]);
    assert_eq!(users.next, Some(name("b")));
    assert_eq!(
        functions.users(Some(&name("b")), usize::MAX).items,
        [name("c")]
    );
    assert_eq!(Functions::MAX_PAGE, 1000);
}
