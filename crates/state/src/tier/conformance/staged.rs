//! Values that are written in many steps.

use super::*;

/// Nobody sees it before, and everybody all of it afterwards.
pub async fn a_staged_value_is_seen_when_it_is_published(tier: &dyn GlobalTier) -> Checked {
    let key = state_key("demo", "value")?;
    set(tier, &key, b"old").await?;
    let (generation, pin) = tier.stage(&key.user).await?;
    let value = noise(20 << 20, 1);
    for (number, part) in (0..).zip(value.chunks(7_000_000)) {
        let part = patches([(number * 7_000_000, part)]);
        tier.write_staged(generation, part).await?;
        assert_eq!(get(tier, &key).await?, Some(b"old".to_vec()));
    }
    let size = value.len() as u64 + 5;
    let meta = tier
        .publish(&key, generation, size, Expect::Any, None)
        .await?;
    assert_eq!((meta.generation, meta.size), (generation, size));
    drop(pin);
    let (zeros, mut found) = ([0; 5], get(tier, &key).await?.ok_or("no value")?);
    assert!(found.split_off(value.len()) == zeros && found == value);
    // It is an ordinary value now.
    let late = tier.write_staged(generation, patches([(0, b"late")])).await;
    assert_eq!(late, Err(Error::Superseded));
    let again = tier
        .publish(&key, generation, size, Expect::Any, None)
        .await;
    assert_eq!(again, Err(Error::Superseded));
    tier.patch(&key, generation, size, patches([(0, b"now")]), None)
        .await?;
    assert_eq!(tier.read(generation, 0, 3).await?, b"now".as_slice());
    Ok(())
}

/// A conflict leaves it staged.
pub async fn a_staged_value_is_published_as_expected_only(tier: &dyn GlobalTier) -> Checked {
    let key = state_key("demo", "value")?;
    let (generation, _pin) = tier.stage(&key.user).await?;
    tier.write_staged(generation, patches([(0, b"staged")]))
        .await?;
    let publish = |expect| tier.publish(&key, generation, 6, expect, None);
    let expected = Expect::Version(Version(7));
    assert_eq!(publish(expected).await, Err(Error::Conflict(None)));
    let old = set(tier, &key, b"old").await?;
    let conflict = Err(Error::Conflict(Some(old.version)));
    assert_eq!(publish(Expect::Absent).await, conflict);
    let meta = publish(Expect::Version(old.version)).await?;
    assert!(meta.version > old.version);
    assert_eq!(get(tier, &key).await?, Some(b"staged".to_vec()));
    Ok(())
}

/// With its pin, or with the future that would have given it.
pub async fn an_abandoned_generation_is_gone(tier: &dyn GlobalTier) -> Checked {
    let key = state_key("demo", "value")?;
    let (generation, pin) = tier.stage(&key.user).await?;
    tier.write_staged(generation, patches([(0, b"staged")]))
        .await?;
    // Polled once and forgotten.
    let _ = futures::poll!(tier.stage(&key.user));
    drop(pin);
    while tier
        .write_staged(generation, patches([(9, b"late")]))
        .await
        .is_ok()
    {}
    let publish = tier.publish(&key, generation, 20, Expect::Any, None);
    assert_eq!(publish.await, Err(Error::Superseded));
    assert_eq!(tier.read(generation, 0, 6).await, Err(Error::Superseded));
    assert_eq!(get(tier, &key).await?, None);
    let unknown = tier.write_staged(Generation(u64::MAX), Vec::new()).await;
    assert_eq!(unknown, Err(Error::Superseded));
    Ok(())
}

/// What was written and does not fit is not hidden behind the end.
pub async fn nothing_is_published_behind_its_size(tier: &dyn GlobalTier) -> Checked {
    let key = state_key("demo", "value")?;
    let (generation, _pin) = tier.stage(&key.user).await?;
    let last = patches([(CHUNK_BYTES + 9, b"x")]);
    tier.write_staged(generation, last).await?;
    let size = CHUNK_BYTES + 10;
    let short = tier
        .publish(&key, generation, size - 1, Expect::Any, None)
        .await;
    assert!(matches!(short, Err(Error::TooLarge { .. })), "{short:?}");
    assert_eq!(get(tier, &key).await?, None);
    tier.publish(&key, generation, size, Expect::Any, None)
        .await?;
    Ok(())
}
