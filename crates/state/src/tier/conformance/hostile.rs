//! What no caller should ask for.

use super::*;

fn too_large<T: std::fmt::Debug>(answer: Result<T>) {
    assert!(matches!(answer, Err(Error::TooLarge { .. })), "{answer:?}");
}

/// In every operation that takes patches.
pub async fn overlapping_patches_are_refused(tier: &dyn GlobalTier) -> Checked {
    let key = state_key("demo", "key")?;
    let meta = set(tier, &key, b"0123456789").await?;
    let (generation, _pin) = tier.stage(&key.user).await?;
    let overlap = || patches([(4, b"abc"), (0, b"12345")]);
    let refused = Error::Overlap(4);
    let patch = tier.patch(&key, meta.generation, 10, overlap(), None);
    assert_eq!(patch.await, Err(refused.clone()));
    let put = tier.put(&key, 10, overlap(), Expect::Any, None);
    assert_eq!(put.await, Err(refused.clone()));
    assert_eq!(tier.write_staged(generation, overlap()).await, Err(refused));
    assert_eq!(get(tier, &key).await?, Some(b"0123456789".to_vec()));
    Ok(())
}

/// Behind the size, and where numbers end.
pub async fn patches_outside_are_refused(tier: &dyn GlobalTier) -> Checked {
    let key = state_key("demo", "key")?;
    let meta = set(tier, &key, b"0123456789").await?;
    let (generation, _pin) = tier.stage(&key.user).await?;
    for offset in [
        MAX_VALUE_BYTES,
        u64::from(u32::MAX) * CHUNK_BYTES,
        u64::MAX - 1,
        u64::MAX,
    ] {
        too_large(
            tier.write_staged(generation, patches([(offset, b"x")]))
                .await,
        );
    }
    for offset in [8, 10, MAX_VALUE_BYTES, u64::MAX - 1, u64::MAX] {
        let outside = || patches([(offset, b"xyz")]);
        too_large(tier.patch(&key, meta.generation, 9, outside(), None).await);
        too_large(tier.put(&key, 10, outside(), Expect::Any, None).await);
    }
    assert_eq!(tier.open(&key).await?.ok_or("no value")?.0, meta);
    Ok(())
}

/// Values, patches, elements and reads.
pub async fn what_is_too_large_is_refused(tier: &dyn GlobalTier) -> Checked {
    let key = state_key("demo", "key")?;
    let meta = set(tier, &key, b"value").await?;
    let (generation, _pin) = tier.stage(&key.user).await?;
    for size in [MAX_VALUE_BYTES + 1, u64::MAX] {
        too_large(tier.put(&key, size, Vec::new(), Expect::Any, None).await);
        too_large(
            tier.publish(&key, generation, size, Expect::Any, None)
                .await,
        );
        too_large(
            tier.patch(&key, meta.generation, size, Vec::new(), None)
                .await,
        );
    }
    let much = Bytes::from(vec![1; MAX_PATCH_BYTES as usize + 1]);
    let large = || {
        let (offset, bytes) = (0, much.clone());
        vec![Patch { offset, bytes }]
    };
    let size = 1 << 30;
    too_large(tier.put(&key, size, large(), Expect::Any, None).await);
    too_large(tier.patch(&key, meta.generation, size, large(), None).await);
    too_large(tier.write_staged(generation, large()).await);
    too_large(tier.append(&key, much).await);
    let scattered = (0..=MAX_PATCH_CHUNKS).map(|number| Patch {
        offset: number * CHUNK_BYTES,
        bytes: Bytes::from_static(b"x"),
    });
    too_large(
        tier.put(&key, size, scattered.collect(), Expect::Any, None)
            .await,
    );
    for length in [MAX_PATCH_BYTES + 1, u64::MAX] {
        too_large(tier.read(meta.generation, 1, length).await);
    }
    let largest = tier.put(&key, MAX_VALUE_BYTES, Vec::new(), Expect::Any, None);
    assert_eq!(largest.await?.size, MAX_VALUE_BYTES);
    Ok(())
}

/// After `close`, nothing hangs and nothing is written.
pub async fn a_closed_tier_says_so(tier: &dyn GlobalTier) -> Checked {
    let key = state_key("demo", "key")?;
    let (generation, pin) = tier.stage(&key.user).await?;
    // Asked for before, finished before.
    let (set_before, ()) = futures::join!(set(tier, &key, b"value"), tier.close());
    let meta = set_before?;
    let closed = Error::Closed;
    assert_eq!(tier.open(&key).await.err(), Some(closed.clone()));
    assert_eq!(tier.read(meta.generation, 0, 1).await, Err(closed.clone()));
    assert_eq!(set(tier, &key, b"late").await, Err(closed.clone()));
    let patch = tier.patch(&key, meta.generation, 5, Vec::new(), None);
    assert_eq!(patch.await, Err(closed.clone()));
    assert_eq!(tier.stage(&key.user).await.err(), Some(closed.clone()));
    let publish = tier.publish(&key, generation, 5, Expect::Any, None);
    assert_eq!(publish.await, Err(closed.clone()));
    assert_eq!(tier.delete(&key, Expect::Any).await, Err(closed.clone()));
    assert_eq!(tier.append(&key, Bytes::new()).await, Err(closed.clone()));
    assert_eq!(tier.appended(&key, 0, 1).await, Err(closed.clone()));
    assert_eq!(tier.list(&key.user, "", None, 1).await, Err(closed.clone()));
    assert_eq!(tier.users(None, 1).await, Err(closed.clone()));
    assert_eq!(tier.usage(&key.user).await, Err(closed.clone()));
    let lease = std::time::Duration::from_secs(1);
    assert_eq!(tier.lock(&key, lease).await, Err(closed.clone()));
    assert_eq!(tier.renew(&key, Fence(1), lease).await, Err(closed.clone()));
    assert_eq!(tier.unlock(&key, Fence(1)).await, Err(closed));
    drop(pin);
    tier.close().await;
    Ok(())
}
