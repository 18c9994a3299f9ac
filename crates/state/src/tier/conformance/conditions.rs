//! Compare-and-set.

use super::*;

/// Every [`Expect`], met and not met.
pub async fn a_value_is_set_as_expected_only(tier: &dyn GlobalTier) -> Checked {
    let key = state_key("demo", "value")?;
    let put = |expect, bytes| {
        let whole = patches([(0, bytes)]);
        tier.put(&key, bytes.len() as u64, whole, expect, None)
    };
    let none = Err(Error::Conflict(None));
    assert_eq!(put(Expect::Version(Version(1)), b"no").await, none);
    assert_eq!(put(Expect::Generation(Generation(1)), b"no").await, none);
    let first = put(Expect::Absent, b"first").await?;
    let conflict = Err(Error::Conflict(Some(first.version)));
    assert_eq!(put(Expect::Absent, b"no").await, conflict);
    let other = Version(first.version.0 + 1_000);
    assert_eq!(put(Expect::Version(other), b"no").await, conflict);
    let patched = tier
        .patch(&key, first.generation, 5, patches([(0, b"F")]), None)
        .await?;
    let conflict = Err(Error::Conflict(Some(patched.version)));
    assert_eq!(put(Expect::Version(first.version), b"no").await, conflict);
    assert_eq!(get(tier, &key).await?, Some(b"First".to_vec()));
    let second = put(Expect::Generation(first.generation), b"second").await?;
    let conflict = Err(Error::Conflict(Some(second.version)));
    assert_eq!(
        put(Expect::Generation(first.generation), b"no").await,
        conflict
    );
    put(Expect::Version(second.version), b"third").await?;
    assert_eq!(get(tier, &key).await?, Some(b"third".to_vec()));
    Ok(())
}

/// A condition that is not met deletes nothing.
pub async fn a_value_is_deleted_as_expected_only(tier: &dyn GlobalTier) -> Checked {
    let key = state_key("demo", "value")?;
    assert!(!tier.delete(&key, Expect::Any).await?);
    assert!(!tier.delete(&key, Expect::Absent).await?);
    let none = Err(Error::Conflict(None));
    assert_eq!(tier.delete(&key, Expect::Version(Version(1))).await, none);
    let meta = set(tier, &key, b"value").await?;
    let conflict = Err(Error::Conflict(Some(meta.version)));
    assert_eq!(tier.delete(&key, Expect::Absent).await, conflict);
    let other = Expect::Version(Version(meta.version.0 + 1));
    assert_eq!(tier.delete(&key, other).await, conflict);
    assert!(tier.delete(&key, Expect::Version(meta.version)).await?);
    let meta = set(tier, &key, b"value").await?;
    assert!(
        tier.delete(&key, Expect::Generation(meta.generation))
            .await?
    );
    assert_eq!(get(tier, &key).await?, None);
    Ok(())
}

/// Of those who expect the same, exactly one finds it.
pub async fn one_of_many_concurrent_sets_wins(tier: &dyn GlobalTier) -> Checked {
    let key = state_key("demo", "value")?;
    let mut expect = Expect::Absent;
    for round in 0..5_u8 {
        let sets = (0..16_u8).map(|writer| {
            let bytes = [round, writer];
            tier.put(&key, 2, patches([(0, &bytes)]), expect, None)
        });
        let sets = futures::future::join_all(sets).await;
        let mut won = None;
        for (writer, set) in (0_u8..).zip(sets) {
            match set {
                Ok(meta) => assert!(won.replace((writer, meta)).is_none(), "two have won"),
                Err(error) => assert!(matches!(error, Error::Conflict(_)), "{error}"),
            }
        }
        let (writer, meta) = won.ok_or("nobody has won")?;
        assert_eq!(get(tier, &key).await?, Some(vec![round, writer]));
        expect = Expect::Version(meta.version);
    }
    Ok(())
}

/// Deletion does not begin them anew.
pub async fn versions_rise_and_never_come_again(tier: &dyn GlobalTier) -> Checked {
    let key = state_key("demo", "value")?;
    let mut last = None;
    for _ in 0..4 {
        let meta = set(tier, &key, b"value").await?;
        assert!(Some(meta.version) > last, "{meta:?}");
        let patch = patches([(0, b"V")]);
        let patched = tier.patch(&key, meta.generation, 5, patch, None).await?;
        assert!(patched.version > meta.version);
        last = Some(patched.version);
        tier.delete(&key, Expect::Any).await?;
    }
    Ok(())
}
