//! What nothing in a bucket refers to any more.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use faasm_model::SharedPath;
use faasm_storage::conformance::Server;
use faasm_storage::{Announce, Changed, Collected, Collector};
use faasm_testkit::S3;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::{BUCKET, content_of, name, options};

const HOUR: Duration = Duration::from_secs(3600);

/// Makes an object as old as if it had been put two hours ago.
fn age(server: &S3, key: &str) {
    let file = fs::File::open(server.file(BUCKET, key)).unwrap();
    file.set_modified(SystemTime::now() - 2 * HOUR).unwrap();
}

fn is_there(server: &S3, key: &str) -> bool {
    server.file(BUCKET, key).exists()
}

/// How many objects so many runs have deleted.
async fn deleted(collector: &mut Collector, runs: usize) -> usize {
    let mut deleted = 0;
    for _ in 0..runs {
        let collected = collector.run(HOUR).await.unwrap();
        assert_eq!(collected.left_out, 0);
        deleted += collected.objects;
    }
    deleted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_two_runs_find_old_and_unused_is_deleted_and_nothing_else() {
    let server = S3::start(BUCKET).await;
    let one = Server::open(&options(&server)).await.unwrap();
    let other = Server::open(&options(&server)).await.unwrap();
    one.put("u/f", "old").await.unwrap();
    one.put("u/f", "new").await.unwrap();
    one.put("u/f", "newest").await.unwrap();
    // These are known to the other alone.
    other.put("u/g", "other").await.unwrap();
    other.put_file("a", "text").await.unwrap();
    one.put_file("b", "gone").await.unwrap();
    let path = SharedPath::new("b").unwrap();
    one.storage.files().delete(&path).await.unwrap();
    let code = |body| content_of("code", body, ".wasm");
    let content = |body| content_of("content", body, "");
    let unused = [code("old"), content("gone")];
    let used = [code("newest"), code("other"), content("text")];
    for key in unused.iter().chain(&used) {
        age(&server, key);
    }
    let mut collector = one.storage.collector().unwrap();
    assert_eq!(collector.run(HOUR).await.unwrap(), Collected::default());
    let collected = Collected {
        objects: 2,
        bytes: 7,
        left_out: 0,
    };
    assert_eq!(collector.run(HOUR).await.unwrap(), collected);
    assert_eq!(deleted(&mut collector, 2).await, 0);
    for key in &unused {
        assert!(!is_there(&server, key), "{key}");
    }
    // What was put lately may be about to be used.
    assert!(is_there(&server, &code("new")));
    let third = Server::open(&options(&server)).await.unwrap();
    assert_eq!(third.code("u/f").await.unwrap().unwrap(), "newest");
    assert_eq!(third.code("u/g").await.unwrap().unwrap(), "other");
    assert_eq!(third.file("a").await.unwrap().unwrap(), b"text");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_deleted_while_a_record_cannot_be_used() {
    let server = S3::start(BUCKET).await;
    let one = Server::open(&options(&server)).await.unwrap();
    one.put("u/f", "code").await.unwrap();
    one.put_file("a", "text").await.unwrap();
    one.put("u/g", "old").await.unwrap();
    one.put("u/g", "new").await.unwrap();
    let keys = [
        content_of("code", "code", ".wasm"),
        content_of("code", "old", ".wasm"),
        content_of("content", "text", ""),
    ];
    for key in &keys {
        age(&server, key);
    }
    let record = server.file(BUCKET, "functions/u/f.json");
    let whole = fs::read(&record).unwrap();
    fs::write(&record, &whole[..whole.len() / 2]).unwrap();
    // One that knew the record, and one that never did.
    let other = Server::open(&options(&server)).await.unwrap();
    for storage in [&one.storage, &other.storage] {
        let mut collector = storage.collector().unwrap();
        for _ in 0..3 {
            let left_out = Collected {
                left_out: 1,
                ..Collected::default()
            };
            assert_eq!(collector.run(HOUR).await.unwrap(), left_out);
        }
    }
    for key in &keys {
        assert!(is_there(&server, key), "{key}");
    }
    fs::write(&record, whole).unwrap();
    let mut collector = one.storage.collector().unwrap();
    assert_eq!(deleted(&mut collector, 2).await, 1);
    assert_eq!(one.code("u/f").await.unwrap().unwrap(), "code");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_deleted_while_the_bucket_cannot_be_listed_and_the_next_two_runs_go_on() {
    let mut server = S3::start(BUCKET).await;
    let one = Server::open(&options(&server)).await.unwrap();
    one.put("u/f", "old").await.unwrap();
    one.put("u/f", "new").await.unwrap();
    age(&server, &content_of("code", "old", ".wasm"));
    let mut collector = one.storage.collector().unwrap();
    assert_eq!(deleted(&mut collector, 1).await, 0);
    server.stop().await;
    assert!(super::is_unavailable(&collector.run(HOUR).await));
    assert!(one.storage.functions().get(&name("f")).is_some());
    server.restart().await;
    assert_eq!(deleted(&mut collector, 1).await, 0);
    assert_eq!(deleted(&mut collector, 1).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_servers_at_once_delete_the_same_and_what_is_put_again_meanwhile_stays() {
    let server = S3::start(BUCKET).await;
    let one = Server::open(&options(&server)).await.unwrap();
    let other = Server::open(&options(&server)).await.unwrap();
    let bodies: Vec<String> = (0..20).map(|n| format!("code {n}")).collect();
    for body in &bodies {
        one.put("u/f", body.clone()).await.unwrap();
        age(&server, &content_of("code", body, ".wasm"));
    }
    one.put("u/f", "last").await.unwrap();
    other.storage.refresh_all().await.unwrap();
    let mut first = one.storage.collector().unwrap();
    let mut second = other.storage.collector().unwrap();
    assert_eq!(deleted(&mut first, 1).await, 0);
    assert_eq!(deleted(&mut second, 1).await, 0);
    one.put("u/again", bodies[7].clone()).await.unwrap();
    other
        .storage
        .functions()
        .refresh(&name("again"))
        .await
        .unwrap();
    let both = futures::join!(deleted(&mut first, 1), deleted(&mut second, 1));
    assert!(both.0 + both.1 >= 19, "{both:?}");
    let left = bodies.iter().map(|body| content_of("code", body, ".wasm"));
    assert_eq!(left.filter(|key| is_there(&server, key)).count(), 1);
    let third = Server::open(&options(&server)).await.unwrap();
    assert_eq!(third.code("u/again").await.unwrap().unwrap(), "code 7");
    assert_eq!(third.code("u/f").await.unwrap().unwrap(), "last");
}

/// Another server, which deletes content before it hears that it is in use again.
struct Late {
    code: PathBuf,
    content: PathBuf,
}

impl Announce for Late {
    fn announce(&self, changed: Changed) -> BoxFuture<'_, Result<(), String>> {
        let path = match changed {
            Changed::File(_) => &self.content,
            _ => &self.code,
        };
        let deleted = fs::remove_file(path).map_err(|e| e.to_string());
        async { deleted }.boxed()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_deleted_just_before_its_record_is_known_is_put_again() {
    let server = S3::start(BUCKET).await;
    let one = Server::open(&options(&server)).await.unwrap();
    let keys = [
        content_of("code", "code", ".wasm"),
        content_of("content", "text", ""),
    ];
    let [code, content] = keys.each_ref().map(|key| server.file(BUCKET, key));
    let late = Late { code, content };
    assert!(one.storage.announce_to(Arc::new(late)));
    one.put("u/f", "code").await.unwrap();
    one.put_file("a", "text").await.unwrap();
    let other = Server::open(&options(&server)).await.unwrap();
    assert_eq!(other.code("u/f").await.unwrap().unwrap(), "code");
    assert_eq!(other.file("a").await.unwrap().unwrap(), b"text");
}
