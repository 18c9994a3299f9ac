//! The embedded tier against the contract, and what only it promises.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use faasm_state::tier::conformance::{AMPLE, Checked, Quotas, get, noise, patches, set, state_key};
use faasm_state::tier::{EmbeddedOptions, EmbeddedTier, Error, Expect, GlobalTier};
use tempfile::TempDir;

mod contract {
    use super::fresh;

    faasm_state::tier_conformance_tests!(fresh);
}

fn fresh(quotas: Quotas) -> (EmbeddedTier, TempDir) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let options = EmbeddedOptions {
        max_user_bytes: quotas.bytes.into(),
        max_user_keys: quotas.keys,
    };
    let tier = EmbeddedTier::open(dir.path(), options).expect("a new tier");
    (tier, dir)
}

#[tokio::test]
async fn nobody_else_reads_the_file() -> Checked {
    let (_tier, dir) = fresh(AMPLE);
    let mode = std::fs::metadata(dir.path().join("state.redb"))?.permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    Ok(())
}

#[tokio::test]
async fn many_writes_share_a_commit_and_reads_and_locks_make_none() -> Checked {
    let (tier, _dir) = fresh(AMPLE);
    assert_eq!(tier.commits(), 0);
    let keys: Result<Vec<_>, _> = (0..200)
        .map(|key| state_key("demo", &key.to_string()))
        .collect();
    let keys = keys?;
    let sets = keys.iter().map(|key| set(&tier, key, b"value"));
    futures::future::try_join_all(sets).await?;
    let commits = tier.commits();
    assert!((1..100).contains(&commits), "{commits}");
    assert_eq!(get(&tier, &keys[7]).await?, Some(b"value".to_vec()));
    tier.list(&keys[0].user, "", None, 100).await?;
    let fence = tier.lock(&keys[0], Duration::from_secs(60)).await?;
    tier.unlock(&keys[0], fence.ok_or("nobody has it")?).await?;
    assert_eq!(tier.commits(), commits);
    Ok(())
}

#[tokio::test]
async fn a_refused_write_does_not_touch_its_neighbours() -> Checked {
    let (tier, _dir) = fresh(AMPLE);
    let (a, b) = (state_key("demo", "a")?, state_key("demo", "b")?);
    let refused = tier.put(&a, 1, patches([(0, b"x")]), Expect::Absent, None);
    let (first, refused, other) =
        futures::join!(set(&tier, &a, b"first"), refused, set(&tier, &b, b"other"));
    assert_eq!(refused, Err(Error::Conflict(Some(first?.version))));
    other?;
    assert_eq!(get(&tier, &a).await?, Some(b"first".to_vec()));
    assert_eq!(get(&tier, &b).await?, Some(b"other".to_vec()));
    Ok(())
}

#[tokio::test]
async fn a_new_holder_sees_all_that_the_old_one_could_write() -> Checked {
    let (tier, _dir) = fresh(AMPLE);
    let key = state_key("demo", "key")?;
    let meta = set(&tier, &key, b"0").await?;
    for round in 0..50 {
        let lease = Duration::from_secs(60);
        let old = tier.lock(&key, lease).await?.ok_or("nobody has it")?;
        let bytes = [round];
        let some = patches([(0, &bytes)]);
        let patch = tier.patch(&key, meta.generation, 1, some, Some(old));
        // The holder goes away while its write is under way.
        let asked = futures::poll!(Box::pin(patch)).is_pending();
        tier.unlock(&key, old).await?;
        let new = tier.lock(&key, lease).await?.ok_or("it was given back")?;
        let seen = get(&tier, &key).await?;
        tokio::task::yield_now().await;
        // Makes a commit of its own: what was let through late would show.
        tier.append(&key, "x".into()).await?;
        assert_eq!(
            get(&tier, &key).await?,
            seen,
            "round {round}, asked: {asked}"
        );
        tier.unlock(&key, new).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_is_made_or_not_but_hangs_nothing() -> Checked {
    let (tier, _dir) = fresh(AMPLE);
    let key = state_key("demo", "key")?;
    let values = [noise(200_000, 1), noise(200_000, 2)];
    for round in 0..50 {
        // Polled once, then dropped.
        let _ = futures::poll!(Box::pin(set(&tier, &key, &values[round % 2])));
        let _ = futures::poll!(tier.stage(&key.user));
        let _ = futures::poll!(tier.open(&key));
    }
    let found = get(&tier, &key).await?;
    assert!(found.is_none_or(|found| values.contains(&found)));
    set(&tier, &key, b"last").await?;
    assert_eq!(get(&tier, &key).await?, Some(b"last".to_vec()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_opens_a_value_while_it_is_set_again_can_read_it() -> Checked {
    let (tier, _dir) = fresh(AMPLE);
    let tier: Arc<dyn GlobalTier> = Arc::new(tier);
    let key = state_key("demo", "key")?;
    let value = |n: u64| n.to_le_bytes().repeat(20_000);
    set(&*tier, &key, &value(0)).await?;
    let (setting, wanted) = (Arc::clone(&tier), key.clone());
    let setter = tokio::spawn(async move {
        for n in 1..200 {
            set(&*setting, &wanted, &value(n)).await?;
        }
        Ok::<_, Error>(())
    });
    let mut opened = 0;
    while !setter.is_finished() {
        let (meta, _pin) = tier.open(&key).await?.ok_or("no value")?;
        tokio::time::sleep(Duration::from_micros(opened % 7 * 300)).await;
        let bytes = tier.read(meta.generation, 0, meta.size).await?;
        let n = u64::from_le_bytes(bytes[..8].try_into()?);
        assert!(bytes == value(n), "{n}");
        opened += 1;
    }
    assert!(opened > 0);
    Ok(setter.await??)
}
