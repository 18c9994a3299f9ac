//! Limits per user, on a tier with the quotas [`SMALL`](super::SMALL).

use super::*;

fn refused<T: std::fmt::Debug>(answer: Result<T>, bound: u64) {
    match answer {
        Err(Error::Quota { user, limit, .. }) => {
            assert_eq!((user.as_str(), limit), ("demo", bound));
        }
        other => panic!("{other:?}"),
    }
}

/// However they come in.
pub async fn more_bytes_than_allowed_are_refused(tier: &dyn GlobalTier) -> Checked {
    let (key, list) = (state_key("demo", "key")?, state_key("demo", "list")?);
    let meta = set(tier, &key, &[1; 900]).await?;
    let limit = SMALL.bytes;
    refused(set(tier, &list, &[1; 101]).await, limit);
    let zeros = tier.put(&list, 101, Vec::new(), Expect::Any, None);
    refused(zeros.await, limit);
    let extend = |size| tier.patch(&key, meta.generation, size, Vec::new(), None);
    refused(extend(1_001).await, limit);
    refused(tier.append(&list, vec![1; 100].into()).await, limit);
    let (generation, _pin) = tier.stage(&key.user).await?;
    let publish = |size| tier.publish(&list, generation, size, Expect::Any, None);
    refused(publish(101).await, limit);
    assert_eq!(tier.usage(&key.user).await?.bytes, 900);
    // Up to the limit, also in place of what is there, and for others.
    publish(100).await?;
    set(tier, &key, &[1; 900]).await?;
    set(tier, &key, &[1; 500]).await?;
    for count in 1..=4 {
        assert_eq!(tier.append(&list, vec![1; 80].into()).await?, count);
    }
    refused(tier.append(&list, Bytes::from_static(b"x")).await, limit);
    set(tier, &state_key("other", "key")?, &[1; 1_000]).await?;
    assert!(tier.delete(&key, Expect::Any).await?);
    set(tier, &key, b"some").await?;
    Ok(())
}

/// Lists count too.
pub async fn more_keys_than_allowed_are_refused(tier: &dyn GlobalTier) -> Checked {
    let keys = ["a", "b", "c", "d"].map(|key| state_key("demo", key));
    let [a, b, c, d] = keys;
    let (a, b, c, d) = (a?, b?, c?, d?);
    set(tier, &a, b"").await?;
    tier.append(&b, Bytes::new()).await?;
    set(tier, &c, b"").await?;
    refused(set(tier, &d, b"").await, SMALL.keys);
    refused(tier.append(&d, Bytes::new()).await, SMALL.keys);
    // Those that are there are no new ones.
    tier.append(&a, Bytes::new()).await?;
    set(tier, &b, b"").await?;
    assert!(tier.delete(&b, Expect::Any).await?);
    refused(set(tier, &d, b"").await, SMALL.keys);
    tier.clear_appended(&b).await?;
    set(tier, &d, b"").await?;
    Ok(())
}
