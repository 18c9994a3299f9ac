//! What every [`TokenStore`] must do, as checks that each implementation runs on itself.
//!
//! [`conformance_tests!`](crate::conformance_tests) makes one test of each. A check gets a store
//! that is empty and its own.

use crate::{Error, Grant, Label, Scope, Token, TokenRecord, TokenStore, Users};

/// How a check ends; what it finds wrong it panics about.
pub type Checked = Result<(), Box<dyn std::error::Error>>;

/// Makes a module of tests, one for each check. `$fresh` is an expression that gives an empty
/// store and something to keep alive as long: `(impl TokenStore, _)`.
#[macro_export]
macro_rules! conformance_tests {
    ($fresh:expr) => {
        $crate::conformance_tests!($fresh;
            a_new_store_is_empty,
            a_record_comes_back_as_it_was_added,
            records_come_in_the_order_of_their_ids,
            an_id_is_kept_once,
            a_removed_record_is_gone,
            one_of_many_concurrent_additions_of_an_id_counts,
            a_closed_store_says_so,
        );
    };
    ($fresh:expr; $($check:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $check() -> $crate::conformance::Checked {
                let (store, _kept) = $fresh;
                $crate::conformance::$check(&store).await
            }
        )*
    };
}

/// A record with everything that one can have.
pub fn record() -> Result<TokenRecord, Box<dyn std::error::Error>> {
    let token = Token::generate()?;
    let label: Label = "für die CI".parse()?;
    let users = Users::of(&["a", "b.c-d_e"])?;
    Ok(TokenRecord {
        id: token.id(),
        hash: token.hash(),
        label,
        grant: Grant::new([Scope::Read, Scope::Invoke], users)?,
        created_at_ms: 1_000,
        expires_at_ms: Some(u64::MAX),
    })
}

/// Nothing is in a new store.
pub async fn a_new_store_is_empty(store: &impl TokenStore) -> Checked {
    assert_eq!(store.all().await?, []);
    assert!(!store.remove(record()?.id).await?);
    Ok(())
}

/// Every field of a record is kept.
pub async fn a_record_comes_back_as_it_was_added(store: &impl TokenStore) -> Checked {
    let one = record()?;
    store.add(one.clone()).await?;
    let admin = TokenRecord {
        grant: Grant::admin(),
        expires_at_ms: None,
        ..record()?
    };
    store.add(admin.clone()).await?;
    let all = store.all().await?;
    assert!(all.contains(&one) && all.contains(&admin), "{all:?}");
    Ok(())
}

/// Lists are sorted.
pub async fn records_come_in_the_order_of_their_ids(store: &impl TokenStore) -> Checked {
    for _ in 0..50 {
        store.add(record()?).await?;
    }
    let all = store.all().await?;
    assert_eq!(all.len(), 50);
    assert!(all.is_sorted_by_key(|record| record.id));
    Ok(())
}

/// The second record of an id is refused, and the first one stays.
pub async fn an_id_is_kept_once(store: &impl TokenStore) -> Checked {
    let first = record()?;
    let second = TokenRecord {
        id: first.id,
        ..record()?
    };
    store.add(first.clone()).await?;
    assert_eq!(store.add(second).await, Err(Error::Exists(first.id)));
    assert_eq!(store.all().await?, [first]);
    Ok(())
}

/// What was removed is not there, and its id is free.
pub async fn a_removed_record_is_gone(store: &impl TokenStore) -> Checked {
    let (gone, stays) = (record()?, record()?);
    store.add(gone.clone()).await?;
    store.add(stays.clone()).await?;
    assert!(store.remove(gone.id).await?);
    assert!(!store.remove(gone.id).await?);
    assert_eq!(store.all().await?, [stays]);
    store.add(gone).await?;
    assert_eq!(store.all().await?.len(), 2);
    Ok(())
}

/// Exactly one addition succeeds.
pub async fn one_of_many_concurrent_additions_of_an_id_counts(store: &impl TokenStore) -> Checked {
    let id = record()?.id;
    let records: Result<Vec<_>, _> = (0..20).map(|_| record()).collect();
    let additions = records?
        .into_iter()
        .map(|record| store.add(TokenRecord { id, ..record }));
    let added = futures::future::join_all(additions).await;
    assert_eq!(added.iter().filter(|added| added.is_ok()).count(), 1);
    assert_eq!(store.all().await?.len(), 1);
    Ok(())
}

/// After the end nothing is kept, and nothing hangs.
pub async fn a_closed_store_says_so(store: &impl TokenStore) -> Checked {
    store.add(record()?).await?;
    store.close().await;
    store.close().await;
    assert_eq!(store.add(record()?).await, Err(Error::Closed));
    assert_eq!(store.remove(record()?.id).await, Err(Error::Closed));
    assert_eq!(store.all().await, Err(Error::Closed));
    Ok(())
}
