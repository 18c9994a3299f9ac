//! A cluster whose functions and files are in a bucket, so that no server is special.

use faasm_testkit::{Builder, Cluster, Redis, S3, Server};
use reqwest::Method;

use super::guest;

/// A server with the functions and files of this bucket.
fn on(redis: &Redis, s3: &S3, location: &str) -> Builder {
    stored_in(Cluster::builder(redis), s3, location)
}

fn stored_in(server: Builder, s3: &S3, location: &str) -> Builder {
    let settings = s3.settings();
    let builder = server.args(["--storage", location]);
    let with = |builder: Builder, (name, value): &(&str, String)| builder.env(name, value);
    settings.iter().fold(builder, with)
}

async fn read(server: &Server, path: &str) -> String {
    let answer = server.stored(Method::GET, path, "").await;
    answer.expect(200).text()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_share_a_bucket_and_the_last_one_leaves_it_for_the_next() {
    let (redis, s3) = (Redis::start(), S3::start("functions").await);
    let start = || on(&redis, &s3, "s3://functions/production").start();
    let (mut one, mut other) = futures::join!(start(), start());
    one.put("demo/f", guest::code()).await;
    let put = other.stored(Method::PUT, "/file/data/x", "shared").await;
    let _ = put.expect(200);
    assert_eq!(guest::run(&other, "write a 1; read a 1").await, "1 1\n");
    assert_eq!(read(&one, "/file/data/x").await, "shared");
    let id = one.submit("demo/f", "append done x").await;
    assert_eq!(other.wait(id).await, "SUCCESS: ");
    one.kill();
    other.kill();
    let next = start().await;
    assert_eq!(guest::run(&next, "read a 1").await, "1 1\n");
    assert_eq!(read(&next, "/file/data/x").await, "shared");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_cannot_be_used_is_said_at_the_start() {
    let (redis, s3) = (Redis::start(), S3::start("functions").await);
    for (builder, word) in [
        (on(&redis, &s3, "s3://missing"), "missing"),
        (
            on(&redis, &s3, "s3://functions").env("AWS_SECRET_ACCESS_KEY", "wrong"),
            "AWS_",
        ),
    ] {
        let why = builder.refusal().await;
        assert!(why.contains(word), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_loaded_runs_on_while_the_bucket_is_away_and_uploads_are_refused() {
    let (redis, mut s3) = (Redis::start(), S3::start("functions").await);
    let server = on(&redis, &s3, "s3://functions").start().await;
    server.put("demo/f", guest::code()).await;
    let before = guest::run(&server, "size x").await;
    s3.stop().await;
    assert_eq!(guest::run(&server, "size x").await, before);
    let refused = server.try_put("demo/g", guest::code()).await.expect(503);
    assert!(refused.text().contains("storage"), "{}", refused.text());
    s3.restart().await;
    super::until("it can be stored", async || {
        let put = server.try_put("demo/g", guest::code()).await;
        put.status.is_success()
    })
    .await;
}

/// `start` starts a server with what is in the bucket, and nothing of it at hand.
async fn waits_for_code(mut s3: S3, start: impl AsyncFn(&S3) -> Server) {
    let mut first = start(&s3).await;
    first.put("demo/f", guest::code()).await;
    first.kill();
    let server = start(&s3).await;
    s3.stop().await;
    let refused = server.call("demo/f", "size x").await.expect(503);
    assert_eq!(refused.header("retry-after"), "1");
    let why = refused.text();
    assert!(why.contains("storage_unavailable"), "{why}");
    let id = server.submit("demo/f", "size x").await;
    let other = server.submit("demo/f", "size x").await;
    super::until("they are tried again", async || {
        let tried = server.logs().matches("cannot fetch the function").count();
        tried > 4
    })
    .await;
    let state = server.get(&format!("/calls/{id}")).await.expect(200);
    assert_eq!(state.text(), "RUNNING");
    let url = format!("{}/calls/{other}", server.invoke);
    let _ = server.request(Method::DELETE, &url, "").await;
    let end = server.wait(other).await;
    assert!(end.contains("cancelled"), "{end}");
    s3.restart().await;
    let end = server.wait(id).await;
    assert!(end.starts_with("SUCCESS: "), "{end}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_whose_code_cannot_be_fetched_wait_or_are_told_to_come_back() {
    let s3 = S3::start("functions").await;
    waits_for_code(s3, async |s3: &S3| {
        stored_in(Server::builder(), s3, "s3://functions")
            .start()
            .await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn and_so_they_do_in_a_cluster() {
    let (redis, s3) = (Redis::start(), S3::start("functions").await);
    waits_for_code(s3, async |s3: &S3| {
        on(&redis, s3, "s3://functions").start().await
    })
    .await;
}
