//! Which keys and users there are.

use super::*;

fn names(keys: &[ListedKey]) -> Vec<&str> {
    keys.iter().map(|listed| listed.key.as_str()).collect()
}

/// Sorted by bytes, with what they have.
pub async fn keys_are_listed_by_prefix_in_pages(tier: &dyn GlobalTier) -> Checked {
    let user = Name::new("demo")?;
    for key in ["b", "ab", "a", "ä", "a-list", "abc", "B"] {
        let key = state_key("demo", key)?;
        match key.key.as_str() {
            "a-list" => tier.append(&key, "element".into()).await.map(|_| ())?,
            _ => set(tier, &key, b"value").await.map(|_| ())?,
        }
    }
    let both = state_key("demo", "ab")?;
    tier.append(&both, "1".into()).await?;
    tier.append(&both, "2".into()).await?;
    let all = tier.list(&user, "", None, 100).await?;
    let sorted = ["B", "a", "a-list", "ab", "abc", "b", "ä"];
    assert_eq!(names(&all), sorted);
    assert_eq!((all[2].value, all[2].elements), (None, 1));
    let (meta, _pin) = tier.open(&both).await?.ok_or("no value")?;
    assert_eq!((all[3].value, all[3].elements), (Some(meta), 2));

    let mut seen = Vec::new();
    loop {
        let after = seen.last().map(|listed: &ListedKey| &listed.key);
        let page = tier.list(&user, "", after, 2).await?;
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 2);
        seen.extend(page);
    }
    assert_eq!(seen, all);
    assert_eq!(names(&tier.list(&user, "a", None, 9).await?), sorted[1..5]);
    let (a, b) = (Key::new("a")?, Key::new("b")?);
    assert_eq!(
        names(&tier.list(&user, "ab", Some(&a), 9).await?),
        sorted[3..5]
    );
    assert_eq!(
        names(&tier.list(&user, "a", Some(&b), 9).await?),
        sorted[..0]
    );
    assert_eq!(names(&tier.list(&user, "", None, 0).await?), sorted[..0]);
    assert_eq!(
        names(&tier.list(&user, "nothing", None, 9).await?),
        sorted[..0]
    );
    tier.delete(&both, Expect::Any).await?;
    tier.clear_appended(&both).await?;
    assert_eq!(names(&tier.list(&user, "ab", None, 9).await?), ["abc"]);
    Ok(())
}

/// Those who have keys.
pub async fn users_are_listed_in_pages(tier: &dyn GlobalTier) -> Checked {
    assert_eq!(tier.users(None, 10).await?, []);
    for user in ["c", "a", "a-b", "b"] {
        set(tier, &state_key(user, "key")?, b"").await?;
    }
    tier.append(&state_key("d", "list")?, Bytes::new()).await?;
    let of = |users: Vec<Name>| users.iter().map(Name::to_string).collect::<Vec<_>>();
    assert_eq!(of(tier.users(None, 10).await?), ["a", "a-b", "b", "c", "d"]);
    let after = Name::new("a-b")?;
    assert_eq!(of(tier.users(Some(&after), 2).await?), ["b", "c"]);
    tier.delete(&state_key("b", "key")?, Expect::Any).await?;
    tier.clear_appended(&state_key("d", "list")?).await?;
    assert_eq!(of(tier.users(None, 10).await?), ["a", "a-b", "c"]);
    Ok(())
}

/// The same key of another user is another key.
pub async fn users_have_their_own_keys(tier: &dyn GlobalTier) -> Checked {
    // One name is the beginning of the other, and so are the keys.
    let (a, ab) = (state_key("a", "bc")?, state_key("ab", "c")?);
    set(tier, &a, b"of a").await?;
    set(tier, &ab, b"of ab").await?;
    tier.append(&a, "element".into()).await?;
    assert_eq!(get(tier, &state_key("a", "c")?).await?, None);
    assert_eq!(tier.appended(&ab, 0, 10).await?, Vec::<Bytes>::new());
    assert_eq!(names(&tier.list(&a.user, "", None, 9).await?), ["bc"]);
    assert_eq!(names(&tier.list(&ab.user, "", None, 9).await?), ["c"]);
    tier.delete(&a, Expect::Any).await?;
    assert_eq!(get(tier, &ab).await?, Some(b"of ab".to_vec()));
    Ok(())
}

/// After every kind of change.
pub async fn usage_is_what_there_is(tier: &dyn GlobalTier) -> Checked {
    let (user, key, other) = (
        Name::new("demo")?,
        state_key("demo", "key")?,
        state_key("demo", "other")?,
    );
    let has = async |bytes, keys| {
        let usage = tier.usage(&user).await?;
        assert_eq!(usage, Usage { bytes, keys });
        Ok::<_, Error>(())
    };
    has(0, 0).await?;
    let meta = set(tier, &key, b"12345").await?;
    has(5, 1).await?;
    tier.patch(&key, meta.generation, 100, Vec::new(), None)
        .await?;
    has(100, 1).await?;
    tier.append(&key, "123".into()).await?;
    let element = 3 + ELEMENT_OVERHEAD_BYTES;
    has(100 + element, 1).await?;
    let (generation, _pin) = tier.stage(&user).await?;
    has(100 + element, 1).await?;
    tier.publish(&other, generation, 7, Expect::Any, None)
        .await?;
    has(107 + element, 2).await?;
    set(tier, &key, b"12").await?;
    has(9 + element, 2).await?;
    tier.delete(&key, Expect::Any).await?;
    has(7 + element, 2).await?;
    tier.clear_appended(&key).await?;
    has(7, 1).await?;
    tier.delete(&other, Expect::Any).await?;
    Ok(has(0, 0).await?)
}
