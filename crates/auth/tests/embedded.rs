//! The embedded store: what all stores do, and what is its own.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use faasm_auth::conformance::{Checked, record};
use faasm_auth::{EmbeddedTokens, Error, TokenStore};
use tempfile::TempDir;

fn fresh() -> (EmbeddedTokens, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (EmbeddedTokens::open(dir.path()).unwrap(), dir)
}

mod as_every_store {
    faasm_auth::conformance_tests!(super::fresh());
}

#[tokio::test]
async fn tokens_are_there_after_a_restart() -> Checked {
    let (store, dir) = fresh();
    let (kept, removed) = (record()?, record()?);
    store.add(kept.clone()).await?;
    store.add(removed.clone()).await?;
    store.remove(removed.id).await?;
    store.close().await;
    let again = EmbeddedTokens::open(dir.path())?;
    assert_eq!(again.all().await?, [kept]);
    Ok(())
}

#[tokio::test]
async fn a_second_store_on_the_same_directory_is_refused() {
    let (_store, dir) = fresh();
    let second = EmbeddedTokens::open(dir.path()).err();
    assert_eq!(second, Some(Error::InUse(dir.path().join("tokens.redb"))));
}

#[tokio::test]
async fn the_file_has_no_secret() -> Checked {
    let (store, dir) = fresh();
    let token = faasm_auth::Token::generate()?;
    let mut record = record()?;
    (record.id, record.hash) = (token.id(), token.hash());
    store.add(record).await?;
    store.close().await;
    let file = std::fs::read(dir.path().join("tokens.redb"))?;
    let has = |text: &str| file.windows(text.len()).any(|w| w == text.as_bytes());
    let text = token.expose();
    assert!(has(&token.id().to_string()));
    assert!(!has(text.rsplit('_').next().unwrap()));
    Ok(())
}
