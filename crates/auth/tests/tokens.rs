//! Tokens at hand for requests.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use faasm_auth::{
    EmbeddedTokens, Error, Grant, NewToken, Rejected, Result, Scope, Token, TokenId, TokenRecord,
    TokenStore, Tokens, Users,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use tempfile::TempDir;
use tokio::sync::Notify;

async fn fresh() -> (Tokens, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedTokens::open(dir.path()).unwrap();
    (Tokens::open(Arc::new(store)).await.unwrap(), dir)
}

fn new() -> NewToken {
    NewToken {
        label: "a test".parse().unwrap(),
        grant: Grant::new([Scope::Read], Users::of(&["demo"]).unwrap()).unwrap(),
        expires_at_ms: None,
    }
}

#[tokio::test]
async fn a_token_counts_until_it_is_revoked() {
    let (tokens, _dir) = fresh().await;
    let (token, record) = tokens.create(new()).await.unwrap();
    let (other, _) = tokens.create(new()).await.unwrap();
    assert_eq!(*tokens.check(&token.expose(), 0).unwrap(), record);
    assert!(tokens.revoke(record.id).await.unwrap());
    assert_eq!(tokens.check(&token.expose(), 0), Err(Rejected::Unknown));
    assert!(tokens.check(&other.expose(), 0).is_ok());
    assert!(!tokens.revoke(record.id).await.unwrap());
}

#[tokio::test]
async fn a_token_ends_with_the_millisecond_of_its_expiry() {
    let (tokens, _dir) = fresh().await;
    let expires_at_ms = Some(5_000);
    let new = NewToken {
        expires_at_ms,
        ..new()
    };
    let (token, _) = tokens.create(new).await.unwrap();
    assert!(tokens.check(&token.expose(), 4_999).is_ok());
    assert_eq!(tokens.check(&token.expose(), 5_000), Err(Rejected::Expired));
    // Who does not have the secret does not learn that either.
    let wrong = Token::generate().unwrap().expose();
    let (id, secret) = (token.id().to_string(), wrong.rsplit('_').next().unwrap());
    let guessed = format!("faasm_{id}_{secret}");
    assert_eq!(tokens.check(&guessed, 9_999), Err(Rejected::Unknown));
}

#[tokio::test]
async fn a_change_is_made_whether_or_not_anybody_waits_for_it() {
    let (tokens, _dir) = fresh().await;
    let (token, record) = tokens.create(new()).await.unwrap();
    {
        let mut revoke = std::pin::pin!(tokens.revoke(record.id));
        assert!(futures::poll!(revoke.as_mut()).is_pending());
    }
    // Changes are made one after the other.
    assert!(!tokens.revoke(record.id).await.unwrap());
    assert!(tokens.check(&token.expose(), 0).is_err());
}

/// A store that others change as well.
#[derive(Clone, Default)]
struct Shared(Arc<Parts>);

#[derive(Default)]
struct Parts {
    records: Mutex<BTreeMap<TokenId, TokenRecord>>,
    changed: Notify,
}

impl TokenStore for Shared {
    fn add(&self, record: TokenRecord) -> BoxFuture<'_, Result<()>> {
        self.0.records.lock().unwrap().insert(record.id, record);
        async { Ok(()) }.boxed()
    }
    fn remove(&self, _: TokenId) -> BoxFuture<'_, Result<bool>> {
        async { Err(Error::NoSpace) }.boxed()
    }
    fn all(&self) -> BoxFuture<'_, Result<Vec<TokenRecord>>> {
        let all = self.0.records.lock().unwrap().values().cloned().collect();
        async { Ok(all) }.boxed()
    }
    fn changed(&self) -> BoxFuture<'_, ()> {
        self.0.changed.notified().boxed()
    }
    fn close(&self) -> BoxFuture<'_, ()> {
        async {}.boxed()
    }
}

#[tokio::test]
async fn what_another_server_changes_counts_here() {
    let store = Shared::default();
    let tokens = Tokens::open(Arc::new(store.clone())).await.unwrap();
    let (token, record) = tokens.create(new()).await.unwrap();
    let follower = tokens.clone();
    let follow = tokio::spawn(async move { follower.follow().await });
    store.0.records.lock().unwrap().remove(&record.id);
    store.0.changed.notify_one();
    while tokens.check(&token.expose(), 0).is_ok() {
        tokio::task::yield_now().await;
    }
    follow.abort();
}

#[tokio::test]
async fn a_token_that_could_not_be_removed_has_ended_all_the_same() {
    let tokens = Tokens::open(Arc::new(Shared::default())).await.unwrap();
    let (token, record) = tokens.create(new()).await.unwrap();
    assert_eq!(tokens.revoke(record.id).await, Err(Error::NoSpace));
    assert!(tokens.check(&token.expose(), 0).is_err());
    assert!(tokens.list().is_empty());
}

/// Tokens that announce what is changed: which fails on demand, and is counted.
async fn announcing() -> (Tokens, Arc<AtomicBool>, Arc<AtomicUsize>, TempDir) {
    let (tokens, dir) = fresh().await;
    let (fails, count) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
    let (own, failing, counting) = (tokens.clone(), Arc::clone(&fails), Arc::clone(&count));
    tokens.announce_to(Box::new(move || {
        let (own, fails) = (own.clone(), failing.load(Ordering::SeqCst));
        counting.fetch_add(1, Ordering::SeqCst);
        let announce = async move {
            // As the announcer is told like everybody.
            own.refresh().await;
            match fails {
                true => Err("cut off".to_owned()),
                false => Ok(()),
            }
        };
        announce.boxed()
    }));
    (tokens, fails, count, dir)
}

#[tokio::test]
async fn changes_are_announced_before_they_are_answered() {
    let (tokens, _, count, _dir) = announcing().await;
    let (token, record) = tokens.create(new()).await.unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 1);
    assert!(tokens.check(&token.expose(), 0).is_ok());
    assert!(tokens.revoke(record.id).await.unwrap());
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_revocation_that_others_do_not_know_is_no_success_and_can_be_told_again() {
    let (tokens, fails, count, _dir) = announcing().await;
    fails.store(true, Ordering::SeqCst);
    // A new token harms nobody who does not know it.
    let (token, record) = tokens.create(new()).await.unwrap();
    let (id, why) = (record.id, "cut off".to_owned());
    let untold = Err(Error::Unannounced { id, why });
    assert_eq!(tokens.revoke(id).await, untold);
    assert!(tokens.check(&token.expose(), 0).is_err());
    assert_eq!(tokens.revoke(id).await, untold);
    fails.store(false, Ordering::SeqCst);
    assert_eq!(tokens.revoke(id).await, Ok(false));
    assert_eq!(count.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn reading_again_ends_with_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(EmbeddedTokens::open(dir.path()).unwrap());
    let tokens = Tokens::open(Arc::clone(&store) as Arc<dyn TokenStore>)
        .await
        .unwrap();
    let (token, _) = tokens.create(new()).await.unwrap();
    store.close().await;
    tokens.refresh().await;
    assert!(tokens.check(&token.expose(), 0).is_ok());
}
