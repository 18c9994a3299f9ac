//! Reading, patching and setting values.

use super::*;

/// Any part, across chunks and behind the end.
pub async fn a_value_is_read_in_parts(tier: &dyn GlobalTier) -> Checked {
    let key = state_key("demo", "value")?;
    assert!(tier.open(&key).await?.is_none());
    let size = 2 * CHUNK_BYTES + 100;
    let value = noise(size, 1);
    let meta = set(tier, &key, &value).await?;
    assert_eq!(meta.size, size);
    let (found, _pin) = tier.open(&key).await?.ok_or("no value")?;
    assert_eq!(found, meta);
    let ends = [
        0,
        1,
        99,
        CHUNK_BYTES - 1,
        CHUNK_BYTES,
        CHUNK_BYTES + 1,
        2 * CHUNK_BYTES,
        size,
    ];
    for from in ends {
        for to in ends.into_iter().filter(|&to| to >= from) {
            let part = tier.read(meta.generation, from, to - from).await?;
            assert!(part == value[from as usize..to as usize], "{from}..{to}");
        }
    }
    let over = tier.read(meta.generation, size - 3, 10).await?;
    assert_eq!(over, [&value[size as usize - 3..], &[0; 7]].concat());
    for far in [size, u64::from(u32::MAX) * CHUNK_BYTES, u64::MAX] {
        assert_eq!(tier.read(meta.generation, far, 5).await?, [0; 5].as_slice());
    }
    assert_eq!(get(tier, &key).await?, Some(value));
    Ok(())
}

/// A value may be nothing but its size.
pub async fn what_was_never_written_is_zeros(tier: &dyn GlobalTier) -> Checked {
    let key = state_key("demo", "sparse")?;
    let size = 500 << 20;
    let some = patches([(size - 1, b"z"), (300 << 20, b"middle")]);
    let meta = tier.put(&key, size, some, Expect::Any, None).await?;
    let around = tier.read(meta.generation, (300 << 20) - 2, 10).await?;
    assert_eq!(around, b"\0\0middle\0\0".as_slice());
    assert_eq!(
        tier.read(meta.generation, size - 2, 2).await?,
        b"\0z".as_slice()
    );
    let none = tier.read(meta.generation, 0, MAX_PATCH_BYTES).await?;
    assert!(none.len() as u64 == MAX_PATCH_BYTES && none.iter().all(|&byte| byte == 0));
    for size in [0, 1] {
        set(tier, &key, &vec![0; size]).await?;
        assert_eq!(get(tier, &key).await?, Some(vec![0; size]));
    }
    Ok(())
}

/// Patches change what they cover and nothing else.
pub async fn a_value_is_patched_in_parts(tier: &dyn GlobalTier) -> Checked {
    let key = state_key("demo", "value")?;
    let size = 3 * CHUNK_BYTES + 10;
    let mut value = noise(size, 1);
    let meta = set(tier, &key, &value).await?;
    let whole_chunk = noise(CHUNK_BYTES, 2);
    let across = noise(CHUNK_BYTES + 500, 3);
    let rounds = [
        patches([(0, b"begin"), (size - 3, b"end")]),
        patches([(CHUNK_BYTES, &whole_chunk)]),
        // Neither sorted, nor apart from each other.
        patches([(70, b"third"), (50, b"first"), (55, b"second"), (60, b"")]),
        patches([(CHUNK_BYTES - 100, &across)]),
        patches([(3 * CHUNK_BYTES, b"all of it.")]),
        Vec::new(),
    ];
    let mut last = meta;
    for patches in rounds {
        for patch in &patches {
            value[patch.offset as usize..][..patch.bytes.len()].copy_from_slice(&patch.bytes);
        }
        let patched = tier
            .patch(&key, meta.generation, size, patches, None)
            .await?;
        assert_eq!((patched.generation, patched.size), (meta.generation, size));
        assert!(patched.version >= last.version);
        last = patched;
        assert!(get(tier, &key).await?.as_ref() == Some(&value));
    }
    Ok(())
}

/// What lies between the old end and the new one is zeros.
pub async fn a_patch_extends_a_value_and_never_shrinks_it(tier: &dyn GlobalTier) -> Checked {
    let key = state_key("demo", "value")?;
    let meta = set(tier, &key, b"12345").await?;
    let patch = |size, patches| tier.patch(&key, meta.generation, size, patches, None);
    assert_eq!(patch(3, Vec::new()).await?.size, 5);
    assert_eq!(patch(3, patches([(4, b"!")])).await?.size, 5);
    assert_eq!(patch(8, Vec::new()).await?.size, 8);
    assert_eq!(get(tier, &key).await?, Some(b"1234!\0\0\0".to_vec()));
    let far = 4 * CHUNK_BYTES;
    assert_eq!(patch(far + 2, patches([(far, b"ab")])).await?.size, far + 2);
    let mut expected = b"1234!".to_vec();
    expected.resize(far as usize, 0);
    expected.extend(b"ab");
    assert!(get(tier, &key).await? == Some(expected));
    Ok(())
}

/// Patches are for the present generation.
pub async fn a_set_value_is_a_new_generation(tier: &dyn GlobalTier) -> Checked {
    let key = state_key("demo", "value")?;
    let first = set(tier, &key, &noise(CHUNK_BYTES * 2, 1)).await?;
    let second = set(tier, &key, b"short").await?;
    assert!(second.generation != first.generation && second.version > first.version);
    assert_eq!(get(tier, &key).await?, Some(b"short".to_vec()));
    let late = tier.patch(&key, first.generation, 9, patches([(0, b"late")]), None);
    assert_eq!(late.await, Err(Error::Superseded));
    // What was behind the new end does not come back.
    tier.patch(&key, second.generation, CHUNK_BYTES, Vec::new(), None)
        .await?;
    let behind = tier.read(second.generation, 5, CHUNK_BYTES - 5).await?;
    assert!(behind.iter().all(|&byte| byte == 0));
    assert!(tier.delete(&key, Expect::Any).await?);
    let late = tier.patch(&key, second.generation, 9, Vec::new(), None);
    assert_eq!(late.await, Err(Error::Superseded));
    assert_eq!(get(tier, &key).await?, None);
    Ok(())
}

/// Whatever happens to the value; without a pin, a generation is whole or gone.
pub async fn a_pinned_generation_stays_readable(tier: &dyn GlobalTier) -> Checked {
    let key = state_key("demo", "value")?;
    let value = noise(5 * CHUNK_BYTES, 1);
    let first = set(tier, &key, &value).await?;
    let pins = futures::try_join!(tier.open(&key), tier.open(&key))?;
    for round in 0..5 {
        set(tier, &key, &noise(100, round)).await?;
        let read = read_all(tier, first.generation, first.size).await?;
        assert!(read == value, "round {round}");
    }
    let (one, other) = pins;
    drop(one);
    tier.delete(&key, Expect::Any).await?;
    set(tier, &key, b"other").await?;
    assert!(read_all(tier, first.generation, first.size).await? == value);
    drop(other);
    loop {
        match tier.read(first.generation, 0, first.size).await {
            Ok(bytes) => assert!(bytes == value),
            Err(error) => break assert_eq!(error, Error::Superseded),
        }
        set(tier, &key, b"and others").await?;
    }
    Ok(())
}

/// As many bytes as one operation takes, and patches beside them.
pub async fn large_values_come_back_whole(tier: &dyn GlobalTier) -> Checked {
    for size in [CHUNK_BYTES, CHUNK_BYTES + 1, 1 << 20, MAX_PATCH_BYTES] {
        let key = state_key("demo", &size.to_string())?;
        let mut value = noise(size, size);
        let meta = set(tier, &key, &value).await?;
        assert!(get(tier, &key).await?.as_ref() == Some(&value), "{size}");
        value.extend(noise(size, 7));
        let more = patches([(size, &value[size as usize..])]);
        tier.patch(&key, meta.generation, 2 * size, more, None)
            .await?;
        assert!(get(tier, &key).await? == Some(value), "twice {size}");
    }
    Ok(())
}

/// Zeros are bytes like others.
pub async fn zeros_overwrite_what_was_there(tier: &dyn GlobalTier) -> Checked {
    let key = state_key("demo", "value")?;
    let size = 3 * CHUNK_BYTES;
    let mut value = noise(size, 1);
    let meta = set(tier, &key, &value).await?;
    let zeros = vec![0; CHUNK_BYTES as usize + 10];
    for from in [CHUNK_BYTES - 5, size - 20, 0] {
        let length = zeros.len().min((size - from) as usize);
        value[from as usize..][..length].fill(0);
        let zeros = patches([(from, &zeros[..length])]);
        tier.patch(&key, meta.generation, size, zeros, None).await?;
        assert!(get(tier, &key).await?.as_ref() == Some(&value), "{from}");
    }
    let one = patches([(CHUNK_BYTES / 2, b"x")]);
    tier.patch(&key, meta.generation, size, one, None).await?;
    value[CHUNK_BYTES as usize / 2] = b'x';
    assert!(get(tier, &key).await? == Some(value));
    Ok(())
}
