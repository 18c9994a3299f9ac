//! What is in the embedded tier after it was closed and opened again.

use std::path::Path;

use faasm_state::tier::conformance::{Checked, get, noise, patches, set, state_key};
use faasm_state::tier::{
    CHUNK_BYTES, EmbeddedOptions, EmbeddedTier, Error, Expect, GlobalTier, MAX_PATCH_BYTES,
};
use redb::{ReadableDatabase, ReadableTableMetadata, TableDefinition};

const CHUNKS: TableDefinition<(u64, u32), &[u8]> = TableDefinition::new("chunks");
const ELEMENTS: TableDefinition<(u64, u64, u32), &[u8]> = TableDefinition::new("elements");
const LOOSE: TableDefinition<u64, u8> = TableDefinition::new("loose");

fn open(dir: &Path) -> Result<EmbeddedTier, Error> {
    EmbeddedTier::open(dir, EmbeddedOptions::default())
}

/// How many chunks, parts of elements and loose generations there are.
fn rows(dir: &Path) -> Result<[u64; 3], redb::Error> {
    let database = redb::Database::open(dir.join("state.redb"))?;
    let txn = database.begin_read()?;
    Ok([
        txn.open_table(CHUNKS)?.len()?,
        txn.open_table(ELEMENTS)?.len()?,
        txn.open_table(LOOSE)?.len()?,
    ])
}

/// Opens the tier until nothing is left in it to be dropped.
async fn swept(dir: &Path) -> Result<[u64; 3], Box<dyn std::error::Error>> {
    loop {
        let found = rows(dir)?;
        if found[2] == 0 {
            return Ok(found);
        }
        let tier = open(dir)?;
        tokio::task::yield_now().await;
        tier.close().await;
    }
}

#[tokio::test]
async fn a_reopened_tier_knows_everything() -> Checked {
    let dir = tempfile::tempdir()?;
    let (value, list) = (state_key("demo", "value")?, state_key("demo", "list")?);
    let gone = state_key("demo", "gone")?;
    let bytes = noise(3 * CHUNK_BYTES + 7, 1);
    let tier = open(dir.path())?;
    let first = set(&tier, &value, &bytes).await?;
    let some = patches([(5, b"patch")]);
    let meta = tier.patch(&value, first.generation, 0, some, None).await?;
    tier.append(&list, "one".into()).await?;
    let deleted = set(&tier, &gone, b"x").await?;
    tier.delete(&gone, Expect::Any).await?;
    let usage = tier.usage(&value.user).await?;
    let listed = tier.list(&value.user, "", None, 10).await?;
    drop(tier);

    let tier = open(dir.path())?;
    let (found, _pin) = tier.open(&value).await?.ok_or("no value")?;
    assert_eq!(found, meta);
    let mut expected = bytes;
    expected[5..10].copy_from_slice(b"patch");
    assert!(get(&tier, &value).await? == Some(expected));
    assert_eq!(tier.append(&list, "two".into()).await?, 2);
    assert_eq!(tier.appended(&list, 0, 10).await?, ["one", "two"]);
    assert_eq!(listed.len(), 2);
    assert_eq!(tier.list(&value.user, "v", None, 10).await?, listed[1..]);
    assert!(tier.usage(&value.user).await?.bytes > usage.bytes);
    assert_eq!(get(&tier, &gone).await?, None);
    let again = set(&tier, &gone, b"y").await?;
    assert!(again.version > deleted.version && again.generation > deleted.generation);
    Ok(())
}

#[tokio::test]
async fn a_tier_is_reopened_after_it_was_closed() -> Checked {
    let dir = tempfile::tempdir()?;
    let key = state_key("demo", "key")?;
    let tier = open(dir.path())?;
    set(&tier, &key, b"value").await?;
    let second = open(dir.path()).err();
    assert_eq!(second, Some(Error::InUse(dir.path().join("state.redb"))));
    tier.close().await;
    // The first one still exists, but holds nothing.
    let again = open(dir.path())?;
    assert_eq!(get(&again, &key).await?, Some(b"value".to_vec()));
    Ok(())
}

#[tokio::test]
async fn what_was_staged_before_is_gone_and_takes_no_room() -> Checked {
    let dir = tempfile::tempdir()?;
    let key = state_key("demo", "key")?;
    let tier = open(dir.path())?;
    set(&tier, &key, b"value").await?;
    let (generation, pin) = tier.stage(&key.user).await?;
    for step in 0..6 {
        let offset = step * MAX_PATCH_BYTES;
        let bytes = noise(MAX_PATCH_BYTES, step);
        tier.write_staged(generation, patches([(offset, &bytes)]))
            .await?;
    }
    // As after a crash: the pin outlives the tier.
    tier.close().await;
    drop(tier);
    drop(pin);
    assert_eq!(rows(dir.path())?[2], 1);
    let tier = open(dir.path())?;
    while tier.write_staged(generation, Vec::new()).await.is_ok() {}
    let publish = tier.publish(&key, generation, 9, Expect::Any, None);
    assert_eq!(publish.await, Err(Error::Superseded));
    drop(tier);
    assert_eq!(swept(dir.path()).await?, [1, 0, 0]);
    Ok(())
}

#[tokio::test]
async fn what_was_superseded_takes_no_room() -> Checked {
    let dir = tempfile::tempdir()?;
    let (key, list) = (state_key("demo", "key")?, state_key("demo", "list")?);
    let tier = open(dir.path())?;
    for round in 0..20 {
        set(&tier, &key, &noise(10 * CHUNK_BYTES, round)).await?;
        tier.append(&list, noise(3 * CHUNK_BYTES, round).into())
            .await?;
        if round % 3 == 0 {
            tier.clear_appended(&list).await?;
        }
    }
    tier.clear_appended(&list).await?;
    // Held until the tier is closed, and dropped by the next one.
    let opened = tier.open(&key).await?;
    set(&tier, &key, b"last").await?;
    tier.close().await;
    drop(opened);
    assert_eq!(swept(dir.path()).await?, [1, 0, 0]);
    let tier = open(dir.path())?;
    assert_eq!(get(&tier, &key).await?, Some(b"last".to_vec()));
    Ok(())
}
