//! The permissions on the page about clusters: everything can be done with them.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod shared;

use std::sync::Arc;
use std::time::Duration;

use faasm_auth::TokenStore;
use faasm_auth::conformance::record;
use faasm_calllog::{CallLog, SharedLog, conformance};
use faasm_cluster::{
    Change, Error, Load, Members, News, Problem, Profile, RedisLog, RedisOptions, RedisTier,
    RedisTokens, Worker,
};
use faasm_state::tier::conformance::{get, noise, patches, set, state_key};
use faasm_state::tier::{Expect, GlobalTier};
use faasm_testkit::Redis as Server;
use futures::FutureExt;
use futures::future::BoxFuture;
use shared::{connect, tell};

type Checked = Result<(), Box<dyn std::error::Error>>;

const PAGE: &str = include_str!("../../../docs/cluster.md");

/// The command on the page, word for word.
fn documented() -> Vec<String> {
    let (_, command) = PAGE.split_once("redis-cli acl setuser ").unwrap();
    let (command, _) = command.split_once("```").unwrap();
    let command = command.replace(['\\', '\''], " ");
    let words = command.split_whitespace().map(str::to_owned);
    ["acl".to_owned(), "setuser".to_owned()]
        .into_iter()
        .chain(words)
        .collect()
}

/// A server, and its address for the user on the page.
fn server() -> (Server, String) {
    let server = Server::start();
    let command = documented();
    tell(
        &server,
        &command.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let url = server.url().replace("redis://", "redis://faasm:password@");
    (server, url)
}

#[tokio::test]
async fn the_state_needs_no_more_than_the_documented_permissions() -> Checked {
    let (_server, url) = server();
    let tier = RedisTier::connect(RedisOptions::new(url)).await?;
    let key = state_key("demo", "key")?;
    let meta = set(&tier, &key, &noise(100_000, 1)).await?;
    tier.patch(&key, meta.generation, 9, patches([(0, b"x")]), None)
        .await?;
    assert!(get(&tier, &key).await?.is_some());
    tier.append(&key, "element".into()).await?;
    assert_eq!(tier.appended(&key, 0, 9).await?.len(), 1);
    let fence = tier.lock(&key, Duration::from_secs(9)).await?.unwrap();
    assert!(tier.renew(&key, fence, Duration::from_secs(9)).await?);
    tier.unlock(&key, fence).await?;
    assert_eq!(tier.list(&key.user, "", None, 9).await?.len(), 1);
    assert_eq!(tier.users(None, 9).await?.len(), 1);
    let (generation, pin) = tier.stage(&key.user).await?;
    tier.write_staged(generation, patches([(0, b"y")])).await?;
    tier.publish(&key, generation, 1, Expect::Any, None).await?;
    drop(pin);
    tier.clear_appended(&key).await?;
    assert!(tier.delete(&key, Expect::Any).await?);
    Ok(())
}

#[tokio::test]
async fn who_lacks_permissions_is_told_so() {
    let server = Server::start();
    tell(
        &server,
        &[
            "acl",
            "setuser",
            "other",
            "on",
            ">secret",
            "~{other:*",
            "+@all",
        ],
    );
    let url = server.url().replace("redis://", "redis://other:secret@");
    let refused = RedisTier::connect(RedisOptions::new(url)).await.err();
    let Some(Error::Server { problem, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert!(matches!(problem, Problem::Forbidden(_)), "{problem}");
}

/// A worker that does nothing.
struct Idle;

impl Worker for Idle {
    fn load(&self) -> Load {
        Load::default()
    }

    fn apply(&self, _: News) -> BoxFuture<'_, ()> {
        async {}.boxed()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_and_tokens_need_no_more_than_the_documented_permissions() -> Checked {
    let (_server, url) = server();
    let redis = connect(&url).await;
    let profile = Profile {
        address: "a:8080".into(),
        capacity: 8,
        version: "1".into(),
        engine: "e".into(),
    };
    let members = Members::join(&redis, profile, Arc::new(Idle)).await?;
    let tokens = RedisTokens::new(&redis);
    let record = record()?;
    tokens.add(record.clone()).await?;
    tokens.changed().await;
    members.announce(&Change::Tokens).await?;
    assert_eq!(tokens.all().await?, std::slice::from_ref(&record));
    assert!(tokens.remove(record.id).await?);
    members.leave().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_need_no_more_than_the_documented_permissions() {
    let (_server, url) = server();
    let redis = connect(&url).await;
    let log = RedisLog::new(&redis, 10);
    conformance::large_values_come_back_whole(&log)
        .await
        .unwrap();
    let call = conformance::new_call(50, "a").unwrap();
    log.accept(call.clone()).await.unwrap();
    log.work().await;
    assert_eq!(log.claim(1, &[]).await.unwrap().len(), 1);
    log.renew(&[call.id]).await.unwrap();
    log.cancel(conformance::finished(&call, 5, ""))
        .await
        .unwrap();
    log.recall().await;
    log.begin(call.id).await.unwrap();
    log.finish(conformance::finished(&call, 6, ""))
        .await
        .unwrap();
    log.ended(call.id, Duration::ZERO).await.unwrap();
    assert_eq!(log.list(None, None, 9).await.unwrap().len(), 1);
    log.close().await;
}
