//! A disk without room, and with room again.

use faasm_database::testing::SmallDisk;
use faasm_model::StateKey;
use faasm_state::tier::conformance::{Checked, get, noise, set, state_key};
use faasm_state::tier::{EmbeddedOptions, EmbeddedTier, Error, Expect, GlobalTier};

const VALUE_BYTES: u64 = 200_000;

fn open(disk: &SmallDisk) -> Result<EmbeddedTier, Error> {
    EmbeddedTier::open(disk.path(), EmbeddedOptions::default())
}

fn key(number: u64) -> Result<StateKey, Box<dyn std::error::Error>> {
    state_key("demo", &number.to_string())
}

/// Sets values until there is no room, and returns how many were set.
async fn set_all(tier: &EmbeddedTier) -> Result<u64, Box<dyn std::error::Error>> {
    let mut count = 0;
    loop {
        match set(tier, &key(count)?, &noise(VALUE_BYTES, count)).await {
            Ok(_) => count += 1,
            Err(Error::NoSpace) => return Ok(count),
            Err(error) => return Err(error.into()),
        }
    }
}

#[tokio::test]
async fn no_room_refuses_new_values_and_never_a_delete() -> Checked {
    let Some(disk) = SmallDisk::mount(32) else {
        return Ok(());
    };
    let filler = disk.fill(24 << 20)?;
    let tier = open(&disk)?;
    let first = set_all(&tier).await?;
    assert!(first > 10, "{first}");
    for number in 0..first {
        let found = get(&tier, &key(number)?).await?;
        assert!(found == Some(noise(VALUE_BYTES, number)), "{number}");
        assert!(tier.delete(&key(number)?, Expect::Any).await?);
    }
    // Whatever the file has room for by now, what is in it can be deleted again.
    for number in 0..set_all(&tier).await? {
        assert!(tier.delete(&key(number)?, Expect::Any).await?);
    }
    std::fs::remove_file(filler)?;
    set(&tier, &key(0)?, &noise(VALUE_BYTES, 0)).await?;
    let found = get(&tier, &key(0)?).await?;
    assert!(found == Some(noise(VALUE_BYTES, 0)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_failed_is_not_acknowledged_and_the_tier_goes_on() -> Checked {
    let Some(disk) = SmallDisk::mount(24) else {
        return Ok(());
    };
    let tier = open(&disk)?;
    for number in 0..20 {
        set(&tier, &key(number)?, &noise(VALUE_BYTES, number)).await?;
    }
    // Staged values are published without asking for room.
    let mut staged = Vec::new();
    for _ in 0..20 {
        staged.push(tier.stage(&key(0)?.user).await?);
    }
    let filler = disk.fill(0)?;
    let mut refused = 0;
    for (number, (generation, _pin)) in (0..).zip(&staged) {
        let key = key(number)?;
        let publish = tier.publish(&key, *generation, 5, Expect::Any, None);
        // Reading goes on all the time.
        let (published, found) = futures::join!(publish, tier.open(&key));
        assert!(found?.is_some());
        match published {
            Ok(meta) => assert_eq!(get(&tier, &key).await?, Some(vec![0; meta.size as usize])),
            Err(error) => {
                assert_eq!(error, Error::NoSpace);
                refused += 1;
                let found = get(&tier, &key).await?;
                assert!(found == Some(noise(VALUE_BYTES, number)), "{number}");
            }
        }
        assert_eq!(set(&tier, &key, b"new").await, Err(Error::NoSpace));
    }
    std::fs::remove_file(filler)?;
    set(&tier, &key(99)?, b"room again").await?;
    drop(tier);
    let tier = open(&disk)?;
    let mut kept = 0;
    for number in 0..20 {
        let found = get(&tier, &key(number)?).await?.ok_or("it is lost")?;
        kept += u64::from(found == noise(VALUE_BYTES, number));
    }
    assert_eq!(kept, refused);
    assert_eq!(get(&tier, &key(99)?).await?, Some(b"room again".to_vec()));
    Ok(())
}

#[tokio::test]
async fn a_full_disk_at_the_start_is_named() -> Checked {
    let Some(disk) = SmallDisk::mount(2) else {
        return Ok(());
    };
    disk.fill(0)?;
    assert_eq!(open(&disk).err(), Some(Error::NoSpace));
    Ok(())
}
