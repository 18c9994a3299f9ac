//! Appended elements.

use super::*;

/// Of any size, the empty one included, until they are cleared.
pub async fn elements_are_kept_in_order(tier: &dyn GlobalTier) -> Checked {
    let key = state_key("demo", "list")?;
    assert_eq!(tier.appended(&key, 0, 10).await?, Vec::<Bytes>::new());
    let sizes = [
        3,
        0,
        1,
        CHUNK_BYTES - 1,
        CHUNK_BYTES,
        CHUNK_BYTES + 1,
        2 * CHUNK_BYTES,
        0,
    ];
    let elements: Vec<Bytes> = (0..)
        .zip(sizes)
        .map(|(n, size)| noise(size, n).into())
        .collect();
    for (count, element) in (1..).zip(&elements) {
        assert_eq!(tier.append(&key, element.clone()).await?, count);
    }
    assert!(tier.appended(&key, 0, u64::MAX).await? == elements);
    assert!(tier.appended(&key, 2, 3).await? == elements[2..5]);
    for first in [8, 9, u64::MAX] {
        assert_eq!(tier.appended(&key, first, 5).await?, Vec::<Bytes>::new());
    }
    assert_eq!(tier.appended(&key, 0, 0).await?, Vec::<Bytes>::new());
    tier.clear_appended(&key).await?;
    tier.clear_appended(&key).await?;
    assert_eq!(tier.appended(&key, 0, 10).await?, Vec::<Bytes>::new());
    assert_eq!(tier.append(&key, "again".into()).await?, 1);
    assert_eq!(tier.appended(&key, 0, 10).await?, ["again"]);
    Ok(())
}

/// Each count is given once, and says where the element is.
pub async fn elements_of_concurrent_appenders_are_whole_and_ordered(
    tier: &dyn GlobalTier,
) -> Checked {
    let key = &state_key("demo", "list")?;
    let appenders = (0..8_u64).map(|appender| async move {
        let mut counts = Vec::new();
        for number in 0..25_u64 {
            let element = format!("{appender}:{number} ").repeat(1 + number as usize * 20);
            counts.push((tier.append(key, element.clone().into()).await?, element));
        }
        Ok::<_, Error>(counts)
    });
    let counts = futures::future::try_join_all(appenders).await?;
    let elements = tier.appended(key, 0, 1_000).await?;
    assert_eq!(elements.len(), 200);
    for counts in counts {
        assert!(counts.is_sorted());
        for (count, element) in counts {
            assert_eq!(elements[count as usize - 1], element);
        }
    }
    Ok(())
}

/// A page has at least one element, and few bytes.
pub async fn elements_come_in_pages(tier: &dyn GlobalTier) -> Checked {
    let key = state_key("demo", "list")?;
    let sizes = [
        MAX_PATCH_BYTES,
        5 << 20,
        2 << 20,
        3 << 20,
        MAX_PATCH_BYTES,
        0,
    ];
    for (seed, size) in (0..).zip(sizes) {
        tier.append(&key, noise(size, seed).into()).await?;
    }
    let mut seen = Vec::new();
    let mut pages = Vec::new();
    loop {
        let page = tier.appended(&key, seen.len() as u64, 100).await?;
        if page.is_empty() {
            break;
        }
        pages.push(page.len());
        seen.extend(page.iter().map(|element| element.len() as u64));
    }
    assert_eq!(seen, sizes);
    assert_eq!(pages, [1, 2, 1, 1, 1]);
    Ok(())
}

/// Neither touches the other.
pub async fn elements_are_apart_from_the_value(tier: &dyn GlobalTier) -> Checked {
    let key = state_key("demo", "both")?;
    tier.append(&key, "element".into()).await?;
    assert_eq!(get(tier, &key).await?, None);
    set(tier, &key, b"value").await?;
    assert!(tier.delete(&key, Expect::Any).await?);
    assert_eq!(tier.appended(&key, 0, 10).await?, ["element"]);
    set(tier, &key, b"value").await?;
    tier.clear_appended(&key).await?;
    assert_eq!(get(tier, &key).await?, Some(b"value".to_vec()));
    Ok(())
}
