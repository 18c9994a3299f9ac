//! Global locks, their leases and fences.

use std::time::Duration;

use super::*;

/// So long that it never runs out during a check.
const LONG: Duration = Duration::from_secs(3_600);

/// So short that one can wait for its end.
const SHORT: Duration = Duration::from_millis(20);

/// Until it is given back by that one.
pub async fn a_lock_has_one_holder(tier: &dyn GlobalTier) -> Checked {
    let (key, other) = (state_key("demo", "key")?, state_key("demo", "other")?);
    let asked = (0..8).map(|_| tier.lock(&key, LONG));
    let taken = futures::future::try_join_all(asked).await?;
    let taken: Vec<Fence> = taken.into_iter().flatten().collect();
    let &[fence] = taken.as_slice() else {
        panic!("{} have the lock", taken.len());
    };
    assert!(tier.lock(&other, LONG).await?.is_some());
    tier.unlock(&key, Fence(fence.0 + 1_000)).await?;
    assert_eq!(tier.lock(&key, LONG).await?, None);
    assert!(tier.renew(&key, fence, LONG).await?);
    tier.unlock(&key, fence).await?;
    assert!(!tier.renew(&key, fence, LONG).await?);
    let next = tier.lock(&key, LONG).await?.ok_or("it was given back")?;
    assert!(next > fence);
    // The old holder has nothing any more.
    tier.unlock(&key, fence).await?;
    assert_eq!(tier.lock(&key, LONG).await?, None);
    Ok(())
}

/// A renewed one does not.
pub async fn a_lock_that_ran_out_is_taken_by_another(tier: &dyn GlobalTier) -> Checked {
    let (lost, kept) = (state_key("demo", "lost")?, state_key("demo", "kept")?);
    let old = tier.lock(&lost, SHORT).await?.ok_or("nobody has it")?;
    let keeps = tier.lock(&kept, LONG).await?.ok_or("nobody has it")?;
    let new = loop {
        if let Some(fence) = tier.lock(&lost, LONG).await? {
            break fence;
        }
        tokio::time::sleep(SHORT / 4).await;
    };
    assert!(new > old);
    assert!(!tier.renew(&lost, old, LONG).await?);
    assert!(tier.renew(&lost, new, LONG).await?);
    assert!(tier.renew(&kept, keeps, LONG).await?);
    assert_eq!(tier.lock(&kept, LONG).await?, None);
    assert!(
        tier.lock(&state_key("demo", "never ends")?, Duration::MAX)
            .await?
            .is_some()
    );
    Ok(())
}

/// By no kind of write.
pub async fn an_older_fence_writes_nothing(tier: &dyn GlobalTier) -> Checked {
    let key = state_key("demo", "key")?;
    let meta = set(tier, &key, b"value").await?;
    let old = tier.lock(&key, LONG).await?.ok_or("nobody has it")?;
    let (generation, _pin) = tier.stage(&key.user).await?;
    let some = || patches([(0, b"x")]);
    tier.patch(&key, meta.generation, 5, some(), Some(old))
        .await?;
    tier.unlock(&key, old).await?;
    let latest = tier.lock(&key, LONG).await?.ok_or("it was given back")?;
    let fenced = Err(Error::Fenced { latest });
    let patch = |fence| tier.patch(&key, meta.generation, 5, some(), fence);
    assert_eq!(patch(Some(old)).await, fenced);
    let put = tier.put(&key, 5, some(), Expect::Any, Some(old));
    assert_eq!(put.await, fenced);
    let publish = tier.publish(&key, generation, 5, Expect::Any, Some(old));
    assert_eq!(publish.await, fenced);
    assert_eq!(get(tier, &key).await?, Some(b"xalue".to_vec()));
    // The latest may, and so may whoever uses no lock.
    patch(Some(latest)).await?;
    patch(None).await?;
    let publish = tier.publish(&key, generation, 5, Expect::Any, Some(latest));
    publish.await?;
    Ok(())
}
