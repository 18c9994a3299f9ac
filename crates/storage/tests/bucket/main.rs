//! A storage in a bucket, when something is wrong with it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod collect;
mod proxy;

use std::fs;

use faasm_model::{ContentHash, FunctionName, SharedPath};
use faasm_storage::conformance::{Server, refusal};
use faasm_storage::{Error, S3Settings, StorageOptions};
use faasm_testkit::S3;
use proxy::Proxy;

const BUCKET: &str = "bucket";

fn options(server: &S3) -> StorageOptions {
    StorageOptions {
        location: format!("s3://{BUCKET}").parse().unwrap(),
        s3: S3Settings::new(server.settings()),
        ..StorageOptions::default()
    }
}

fn name(text: &str) -> FunctionName {
    FunctionName::new("u", text).unwrap()
}

fn content_of(folder: &str, body: &str, suffix: &str) -> String {
    format!("{folder}/{}{suffix}", ContentHash::of(body.as_bytes()))
}

fn is_unavailable<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Unavailable { .. }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_is_not_there_is_named() {
    let server = S3::start(BUCKET).await;
    let elsewhere = StorageOptions {
        location: "s3://another/prefix".parse().unwrap(),
        ..options(&server)
    };
    let refusal = refusal(elsewhere).await.unwrap();
    assert!(
        refusal.contains("s3://another/prefix has no such bucket"),
        "{refusal}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_credentials_are_said_and_not_shown() {
    let server = S3::start(BUCKET).await;
    for (setting, wrong) in [
        ("AWS_SECRET_ACCESS_KEY", "wrong-secret"),
        ("AWS_ACCESS_KEY_ID", "wrong-key"),
    ] {
        let settings = server.settings().into_iter();
        let settings = settings.filter(|(name, _)| *name != setting);
        let settings = settings.chain([(setting, wrong.to_owned())]);
        let wrong = StorageOptions {
            s3: S3Settings::new(settings),
            ..options(&server)
        };
        let refusal = refusal(wrong).await.unwrap();
        assert!(refusal.contains("credentials"), "{refusal}");
        assert!(!refusal.contains("wrong-secret"), "{refusal}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_may_only_be_read_serves_what_is_there() {
    let server = S3::start(BUCKET).await;
    let first = Server::open(&options(&server)).await.unwrap();
    first.put("u/f", "code").await.unwrap();
    server.set_read_only(true);
    let second = Server::open(&options(&server)).await.unwrap();
    assert_eq!(second.code("u/f").await.unwrap().unwrap(), "code");
    let refused = second.storage.functions().delete(&name("f")).await;
    assert!(is_unavailable(&refused), "{refused:?}");
    let body = second.body("new").await.unwrap();
    let refused = second.storage.functions().put(name("f"), body, None).await;
    assert!(is_unavailable(&refused), "{refused:?}");
    assert_eq!(second.code("u/f").await.unwrap().unwrap(), "code");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_that_was_changed_is_an_error_and_putting_it_again_repairs_it() {
    let server = S3::start(BUCKET).await;
    let one = Server::open(&options(&server)).await.unwrap();
    one.put("u/f", "some code").await.unwrap();
    one.put_file("a", "some text").await.unwrap();
    let path = SharedPath::new("a").unwrap();
    for (code, text) in [("some c0de", "some t3xt"), ("some", "so"), ("", "")] {
        fs::write(
            server.file(BUCKET, &content_of("code", "some code", ".wasm")),
            code,
        )
        .unwrap();
        fs::write(
            server.file(BUCKET, &content_of("content", "some text", "")),
            text,
        )
        .unwrap();
        let other = Server::open(&options(&server)).await.unwrap();
        let record = other.storage.functions().get(&name("f")).unwrap();
        let read = other.storage.functions().code(&record).await;
        assert!(matches!(read, Err(Error::DamagedCode { .. })), "{read:?}");
        let opened = other.storage.files().open(&path);
        assert!(
            matches!(opened, Err(Error::DamagedFile { .. })),
            "{opened:?}"
        );
        // Not from the cache either, nor after another try.
        assert!(other.storage.functions().code(&record).await.is_err());
        // This server has what it has put.
        assert_eq!(one.code("u/f").await.unwrap().unwrap(), "some code");
        other.put("u/f", "some code").await.unwrap();
        other.put_file("a", "some text").await.unwrap();
        let third = Server::open(&options(&server)).await.unwrap();
        assert_eq!(third.code("u/f").await.unwrap().unwrap(), "some code");
        assert_eq!(third.file("a").await.unwrap().unwrap(), b"some text");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_was_changed_is_left_out_and_the_others_are_there() {
    let server = S3::start(BUCKET).await;
    let one = Server::open(&options(&server)).await.unwrap();
    one.put("u/good", "good").await.unwrap();
    one.put("u/bad", "bad").await.unwrap();
    let record = server.file(BUCKET, "functions/u/bad.json");
    let whole = fs::read(&record).unwrap();
    fs::write(&record, &whole[..whole.len() / 2]).unwrap();
    let other = Server::open(&options(&server)).await.unwrap();
    for server in [&one, &other] {
        server.storage.refresh_all().await.unwrap();
        assert!(server.storage.functions().get(&name("good")).is_some());
        assert!(server.storage.functions().get(&name("bad")).is_none());
        let refused = server.storage.functions().refresh(&name("bad")).await;
        assert!(
            refused
                .unwrap_err()
                .to_string()
                .contains("functions/u/bad.json")
        );
    }
    other.put("u/bad", "repaired").await.unwrap();
    one.storage.refresh_all().await.unwrap();
    assert_eq!(one.code("u/bad").await.unwrap().unwrap(), "repaired");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_goes_away_hides_what_may_be_old_until_it_is_back() {
    let mut server = S3::start(BUCKET).await;
    let one = Server::open(&options(&server)).await.unwrap();
    one.put("u/f", "code").await.unwrap();
    one.put("u/g", "code").await.unwrap();
    one.put_file("a", "text").await.unwrap();
    server.stop().await;
    let (functions, files) = (one.storage.functions(), one.storage.files());
    let body = one.body("new").await.unwrap();
    assert!(is_unavailable(&functions.put(name("f"), body, None).await));
    assert!(is_unavailable(&one.storage.refresh_all().await));
    // What nobody has told of is as it was: it was the list that failed.
    assert_eq!(one.code("u/g").await.unwrap().unwrap(), "code");
    let path = SharedPath::new("a").unwrap();
    assert!(is_unavailable(&functions.refresh(&name("g")).await));
    assert!(is_unavailable(&files.refresh(&path).await));
    assert!(functions.get(&name("g")).is_none() && files.get(&path).is_none());
    assert_eq!(files.usage().files, 0);
    server.restart().await;
    one.storage.refresh_all().await.unwrap();
    assert_eq!(one.code("u/g").await.unwrap().unwrap(), "code");
    assert_eq!(one.file("a").await.unwrap().unwrap(), b"text");
    one.put("u/f", "new").await.unwrap();
    assert_eq!(one.code("u/f").await.unwrap().unwrap(), "new");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_that_breaks_in_the_middle_leaves_nothing_and_the_next_is_whole() {
    let server = S3::start(BUCKET).await;
    let one = Server::open(&options(&server)).await.unwrap();
    let bytes = vec![7; 2_000_000];
    one.put_file("large", bytes.clone()).await.unwrap();
    let proxy = Proxy::to(server.address()).await;
    let endpoint = ("AWS_ENDPOINT_URL", format!("http://{}", proxy.address));
    let through = StorageOptions {
        s3: S3Settings::new(server.settings().into_iter().chain([endpoint])),
        ..options(&server)
    };
    let other = Server::open(&through).await.unwrap();
    proxy.break_after(500_000);
    let opened = other
        .storage
        .files()
        .open(&SharedPath::new("large").unwrap());
    assert!(is_unavailable(&opened), "{opened:?}");
    let cached = other.path().join("cache/objects");
    for folder in ["content", "incoming"] {
        assert_eq!(fs::read_dir(cached.join(folder)).unwrap().count(), 0);
    }
    proxy.break_after(u64::MAX);
    assert!(other.file("large").await.unwrap().unwrap() == bytes);
}
