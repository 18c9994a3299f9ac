//! Workers that know of each other.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod shared;

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use faasm_cluster::{Change, Load, Members, News, Profile, Redis, Worker};
use faasm_model::FunctionName;
use faasm_testkit::Redis as Server;
use futures::FutureExt;
use futures::future::BoxFuture;
use shared::{Wire, connect, tell, until, worker};
use tokio::sync::watch;

/// A worker that notes what it is told, and can be held up.
struct Noting {
    news: Mutex<Vec<News>>,
    is_free: watch::Sender<bool>,
    /// How often it was told something.
    told: AtomicUsize,
}

impl Noting {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            news: Mutex::default(),
            is_free: watch::Sender::new(true),
            told: AtomicUsize::new(0),
        })
    }

    /// What it was told since it was asked last.
    fn take(&self) -> Vec<News> {
        std::mem::take(&mut self.news.lock().unwrap())
    }

    fn hold(&self, is_held: bool) {
        self.is_free.send_replace(!is_held);
    }
}

impl Worker for Noting {
    fn load(&self) -> Load {
        Load {
            running: 3,
            waiting: 1,
        }
    }

    fn apply(&self, news: News) -> BoxFuture<'_, ()> {
        let apply = async {
            self.told.fetch_add(1, Ordering::SeqCst);
            self.is_free
                .subscribe()
                .wait_for(|free| *free)
                .await
                .unwrap();
            self.news.lock().unwrap().push(news);
        };
        apply.boxed()
    }
}

fn profile(name: &str) -> Profile {
    Profile {
        address: format!("{name}:8080"),
        capacity: 8,
        version: "1".into(),
        engine: "e".into(),
    }
}

async fn join(redis: &Redis, name: &str) -> (Members, Arc<Noting>) {
    let noting = Noting::new();
    let members = Members::join(redis, profile(name), noting.clone())
        .await
        .unwrap();
    assert!(members.is_current());
    assert_eq!(noting.take(), [News::Everything]);
    (members, noting)
}

fn upload(name: &str) -> Change {
    Change::Function(FunctionName::new("u", name).unwrap())
}

fn addresses(members: &Members) -> Vec<String> {
    let live = members.live();
    let mut all: Vec<_> = live
        .iter()
        .map(|member| member.profile.address.clone())
        .collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_announced_is_applied_everywhere() {
    let server = Server::start();
    let (redis, others) = (worker(&server).await, worker(&server).await);
    let (one, first) = join(&redis, "a").await;
    let (two, second) = join(&others, "b").await;
    for n in 0..20 {
        let change = upload(&format!("f{n}"));
        one.announce(&change).await.unwrap();
        for worker in [&first, &second] {
            assert_eq!(worker.take(), [News::Changes(vec![change.clone()])]);
        }
    }
    let (a, b) = (upload("a"), upload("b"));
    let (from_one, from_two) = tokio::join!(one.announce(&a), two.announce(&b));
    assert_ne!(from_one.unwrap(), from_two.unwrap());
    until("each knows the other", async || {
        addresses(&one).len() == 2 && addresses(&two).len() == 2
    })
    .await;
    assert_eq!(addresses(&one), ["a:8080", "b:8080"]);
    let found = one
        .live()
        .iter()
        .find(|member| member.id == others.worker())
        .cloned()
        .unwrap();
    assert_eq!(
        (found.profile, found.load),
        (
            profile("b"),
            Load {
                running: 3,
                waiting: 1
            }
        )
    );

    two.leave().await.unwrap();
    until("the one that left is gone", async || {
        addresses(&one).len() == 1
    })
    .await;
    one.announce(&upload("c")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_long_for_a_worker_that_died_or_is_stuck() {
    let server = Server::start();
    let (one, _) = join(&worker(&server).await, "a").await;
    let (two, _) = join(&worker(&server).await, "b").await;
    let (stuck, held) = join(&worker(&server).await, "c").await;
    held.hold(true);
    drop(two);
    one.announce(&upload("f")).await.unwrap();
    assert!(!stuck.is_current());
    until("the others are gone", async || {
        addresses(&one) == ["a:8080"]
    })
    .await;
    held.hold(false);
    until("it is back", async || stuck.is_current()).await;
    assert_eq!(
        held.take(),
        [News::Changes(vec![upload("f")]), News::Everything]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_was_cut_off_reads_everything_before_it_is_current() {
    let server = Server::start();
    let wire = Wire::to(&server).await;
    let (one, _) = join(&worker(&server).await, "a").await;
    let (far, noting) = join(&connect(&wire.url()).await, "b").await;
    wire.cut();
    one.announce(&upload("f")).await.unwrap();
    assert!(!far.is_current());
    assert!(noting.take().is_empty());
    wire.mend();
    until("it is back", async || far.is_current()).await;
    assert_eq!(noting.take().last(), Some(&News::Everything));
    one.announce(&upload("g")).await.unwrap();
    assert_eq!(noting.take(), [News::Changes(vec![upload("g")])]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_reads_for_longer_than_a_lease_keeps_it_and_nobody_waits() {
    let server = Server::start();
    let (one, _) = join(&worker(&server).await, "a").await;
    let (redis, slow) = (worker(&server).await, Noting::new());
    slow.hold(true);
    let joining = tokio::spawn({
        let slow = slow.clone();
        async move { Members::join(&redis, profile("b"), slow).await }
    });
    until("it reads", async || slow.told.load(Ordering::SeqCst) == 1).await;
    let lease_and_more = Duration::from_secs(10);
    tokio::time::sleep(lease_and_more).await;
    assert_eq!(addresses(&one), ["a:8080", "b:8080"]);
    let changes: Vec<_> = ["f", "g"].map(upload).into();
    for change in &changes {
        one.announce(change).await.unwrap();
    }
    assert!(slow.take().is_empty(), "it still reads");
    slow.hold(false);
    let two = joining.await.unwrap().unwrap();
    assert!(two.is_current());
    assert_eq!(slow.take(), [News::Everything, News::Changes(changes)]);
    one.announce(&upload("h")).await.unwrap();
    assert_eq!(slow.take(), [News::Changes(vec![upload("h")])]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_from_whom_changes_were_trimmed_reads_everything() {
    let server = Server::start();
    let (one, _) = join(&worker(&server).await, "a").await;
    let (two, held) = join(&worker(&server).await, "b").await;
    let changes = "{faasm:cluster}:changes";
    held.hold(true);
    let (f, g, h) = (upload("f"), upload("g"), upload("h"));
    let trimmed = async {
        until("it is held up", async || {
            held.told.load(Ordering::SeqCst) == 2
        })
        .await;
        let announced = async { tokio::join!(one.announce(&g), one.announce(&h)) };
        let trimmed = async {
            until("all are announced", async || {
                server.cli(&["XLEN", changes]) == "3"
            })
            .await;
            tell(&server, &["XTRIM", changes, "MAXLEN", "1"]);
            held.hold(false);
        };
        tokio::join!(announced, trimmed).0
    };
    let (f, (g, h)) = tokio::join!(one.announce(&f), trimmed);
    assert!(f.is_ok() && g.is_ok() && h.is_ok());
    assert_eq!(held.take().last(), Some(&News::Everything));
    assert!(two.is_current());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_faasm_did_not_write_makes_everybody_read_everything() {
    let server = Server::start();
    let (one, noting) = join(&worker(&server).await, "a").await;
    one.announce(&upload("f")).await.unwrap();
    noting.take();
    tell(
        &server,
        &["HSET", "{faasm:cluster}:counters", "change", "77"],
    );
    until("it has read everything", async || {
        noting.take().contains(&News::Everything)
    })
    .await;
    tell(
        &server,
        &[
            "XADD",
            "{faasm:cluster}:changes",
            "9000000000000000-1",
            "x",
            "y",
        ],
    );
    until("it has read everything", async || {
        noting.take().contains(&News::Everything)
    })
    .await;
    assert!(one.announce(&upload("g")).await.is_err());
    tell(&server, &["DEL", "{faasm:cluster}:changes"]);
    one.announce(&upload("g")).await.unwrap();
    tell(
        &server,
        &["HSET", "{faasm:cluster}:counters", "change", "much"],
    );
    assert!(one.announce(&upload("g")).await.is_err());
    tell(
        &server,
        &["ZADD", "{faasm:cluster}:members", "inf", "nobody"],
    );
    until("it is overlooked", async || addresses(&one) == ["a:8080"]).await;
}

#[tokio::test]
async fn a_server_knows_its_address_on_the_way_to_the_redis() {
    let server = Server::start();
    let own = worker(&server).await.local_ip(true).await;
    assert_eq!(own, Some(Ipv4Addr::LOCALHOST.into()));
}

#[tokio::test]
async fn servers_agree_on_what_the_first_has_said() {
    let server = Server::start();
    let (one, other) = (worker(&server).await, worker(&server).await);
    assert_eq!(one.agree("storage", "a").await.unwrap(), "a");
    assert_eq!(other.agree("storage", "b").await.unwrap(), "a");
    assert_eq!(other.agree("key", "c").await.unwrap(), "c");
    assert_eq!(one.agree_for_now("auth", "a").await.unwrap(), "a");
    assert_eq!(other.agree_for_now("auth", "b").await.unwrap(), "b");
    let (members, _) = join(&one, "a").await;
    assert_eq!(one.agree_for_now("auth", "a").await.unwrap(), "b");
    members.leave().await.unwrap();
    assert_eq!(one.agree_for_now("auth", "a").await.unwrap(), "a");
}
