//! Tokens that several servers have together.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod shared;

use std::sync::Arc;
use std::time::Duration;

use faasm_auth::conformance::{Checked, record};
use faasm_auth::{
    Error, Grant, MAX_TOKENS, NewToken, Rejected, Scope, TokenRecord, TokenStore, Tokens, Users,
};
use faasm_cluster::{
    Change, Load, Members, News, Profile, Redis, RedisOptions, RedisTokens, Worker,
};
use faasm_testkit::{Redis as Server, Signal};
use futures::FutureExt;
use futures::future::BoxFuture;
use shared::{tell, until, worker};

/// Tokens in a server of their own.
async fn fresh() -> (RedisTokens, (Redis, Server)) {
    let server = Server::start();
    let redis = worker(&server).await;
    (RedisTokens::new(&redis), (redis, server))
}

mod as_every_store {
    faasm_auth::conformance_tests!(super::fresh().await);
}

fn new() -> NewToken {
    NewToken {
        label: "a test".parse().unwrap(),
        grant: Grant::new([Scope::Read], Users::of(&["demo"]).unwrap()).unwrap(),
        expires_at_ms: None,
    }
}

/// The tokens as one of the servers has them.
async fn tokens(redis: &Redis) -> Tokens {
    Tokens::open(Arc::new(RedisTokens::new(redis)))
        .await
        .unwrap()
}

#[tokio::test]
async fn what_one_server_changes_the_others_know_when_they_read_again() {
    let server = Server::start();
    let one = tokens(&worker(&server).await).await;
    let other = tokens(&worker(&server).await).await;
    let (token, record) = one.create(new()).await.unwrap();
    assert_eq!(other.check(&token.expose(), 0), Err(Rejected::Unknown));
    other.refresh().await;
    assert_eq!(*other.check(&token.expose(), 0).unwrap(), record);
    assert!(one.revoke(record.id).await.unwrap());
    assert!(!other.revoke(record.id).await.unwrap());
    other.refresh().await;
    assert_eq!(other.check(&token.expose(), 0), Err(Rejected::Unknown));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_are_heard_of_without_being_announced() {
    let server = Server::start();
    let one = tokens(&worker(&server).await).await;
    let other = tokens(&worker(&server).await).await;
    let following = other.clone();
    let follower = tokio::spawn(async move { following.follow().await });
    let (token, record) = one.create(new()).await.unwrap();
    let counts = async || other.check(&token.expose(), 0).is_ok();
    until("the other server knows it", counts).await;
    assert!(one.revoke(record.id).await.unwrap());
    until("the other server has dropped it", async || !counts().await).await;
    follower.abort();
}

/// A server that has tokens.
struct Guarded(Tokens);

impl Worker for Guarded {
    fn load(&self) -> Load {
        Load::default()
    }

    fn apply(&self, news: News) -> BoxFuture<'_, ()> {
        let apply = async move {
            if news == News::Everything || news == News::Changes(vec![Change::Tokens]) {
                self.0.refresh().await;
            }
        };
        apply.boxed()
    }
}

async fn join(redis: &Redis) -> (Tokens, Arc<Members>) {
    let tokens = tokens(redis).await;
    let profile = Profile {
        address: "a:8080".into(),
        capacity: 8,
        version: "1".into(),
        engine: "e".into(),
    };
    let worker = Arc::new(Guarded(tokens.clone()));
    let members = Arc::new(Members::join(redis, profile, worker).await.unwrap());
    let announcing = Arc::downgrade(&members);
    tokens.announce_to(Box::new(move || {
        let members = announcing.upgrade();
        let announce = async move {
            let members = members.ok_or("it has left")?;
            let announced = members.announce(&Change::Tokens).await;
            announced.map(drop).map_err(|error| error.to_string())
        };
        announce.boxed()
    }));
    (tokens, members)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_was_revoked_on_a_member_counts_on_none_from_then_on() {
    let server = Server::start();
    let (one, _kept) = join(&worker(&server).await).await;
    let (other, _also) = join(&worker(&server).await).await;
    for _ in 0..10 {
        let (token, record) = one.create(new()).await.unwrap();
        assert!(other.check(&token.expose(), 0).is_ok());
        assert!(other.revoke(record.id).await.unwrap());
        assert_eq!(one.check(&token.expose(), 0), Err(Rejected::Unknown));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_on_a_server_that_has_left_is_no_success() {
    let server = Server::start();
    let (one, members) = join(&worker(&server).await).await;
    let (_, record) = one.create(new()).await.unwrap();
    drop(members);
    let untold = one.revoke(record.id).await;
    assert!(
        matches!(untold, Err(Error::Unannounced { .. })),
        "{untold:?}"
    );
}

#[tokio::test]
async fn what_is_no_token_in_the_server_is_left_out() -> Checked {
    let (store, (_redis, server)) = fresh().await;
    let mut kept = Vec::new();
    for n in 0..500 {
        let record = record()?;
        store.add(record.clone()).await?;
        kept.push(record);
        // Before, between and behind them.
        let garbage = format!("garbage{n}");
        let (score, long) = (
            ["-5", "0", "1.5", "1e18", "inf", "-inf"][n % 6],
            "x".repeat(n * 50),
        );
        tell(
            &server,
            &["zadd", "{faasm:tokens}:ids", score, &garbage, score, &long],
        );
    }
    kept.sort_unstable_by_key(|record| record.id);
    assert_eq!(store.all().await?, kept);
    let key = |record: &TokenRecord| format!("{{faasm:tokens}}:t:{}", record.id);
    let json = server.cli(&["get", &key(&kept[9])]);
    let unknown = json.replacen('{', r#"{"only_on":"sundays","#, 1);
    let long = format!("{json}{}", " ".repeat(TokenRecord::MAX_STORED_BYTES));
    let deep = "[".repeat(60_000);
    let damages = [
        "",
        "null",
        "\u{7f}",
        &json[1..],
        &json,
        &json.replace("invoke", "everything"),
        &json.replace(":1000,", ":-1,"),
        &unknown,
        &long,
        &deep,
    ];
    let other = kept[9].clone();
    for (record, damage) in kept.iter().zip(damages) {
        tell(&server, &["set", &key(record), damage]);
    }
    tell(&server, &["set", &key(&other), &unknown]);
    let gone = &kept[10];
    tell(&server, &["del", &key(gone)]);
    tell(&server, &["sadd", &key(gone), "x"]);
    assert_eq!(store.all().await?, kept[11..]);
    // They can be removed.
    for record in &kept[..11] {
        assert!(store.remove(record.id).await?);
    }
    assert_eq!(store.all().await?, kept[11..]);
    Ok(())
}

#[tokio::test]
async fn keys_of_another_kind_are_an_error_and_no_token_counts_for_them() -> Checked {
    let (store, (_redis, server)) = fresh().await;
    tell(&server, &["set", "{faasm:tokens}:ids", "x"]);
    assert!(matches!(store.all().await, Err(Error::Storage(_))));
    assert!(matches!(store.add(record()?).await, Err(Error::Storage(_))));
    tell(&server, &["del", "{faasm:tokens}:ids"]);
    tell(
        &server,
        &["hset", "{faasm:tokens}:counters", "token", "many"],
    );
    assert!(matches!(store.add(record()?).await, Err(Error::Storage(_))));
    assert_eq!(store.all().await?, []);
    Ok(())
}

#[tokio::test]
async fn there_are_only_as_many_as_fit_into_memory() -> Checked {
    let (store, (_redis, server)) = fresh().await;
    let fill =
        format!("for n = 1, {MAX_TOKENS} do redis.call('ZADD', KEYS[1], n, 'no token ' .. n) end");
    tell(&server, &["eval", &fill, "1", "{faasm:tokens}:ids"]);
    assert_eq!(store.add(record()?).await, Err(Error::TooMany(MAX_TOKENS)));
    Ok(())
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_unavailable_for_now() -> Checked {
    let server = Server::start();
    let options = RedisOptions {
        timeout: Duration::from_secs(1),
        ..RedisOptions::new(server.url())
    };
    let store = RedisTokens::new(&Redis::connect(&options).await?);
    let tokens = Tokens::open(Arc::new(store)).await?;
    let (token, record) = tokens.create(new()).await?;
    server.signal(Signal::STOP);
    let refused = tokens.revoke(record.id).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    // It may come back when they are read again, but it has ended until then.
    assert!(tokens.check(&token.expose(), 0).is_err());
    server.signal(Signal::CONT);
    until("it is gone for good", async || {
        tokens.revoke(record.id).await.is_ok()
    })
    .await;
    tokens.refresh().await;
    assert!(tokens.list().is_empty());
    Ok(())
}
