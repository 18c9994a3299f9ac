//! Records that somebody else wrote into the database file, and bytes that flipped in it.

use std::path::Path;

use faasm_state::tier::conformance::{Checked, get, noise, patches, set, state_key};
use faasm_state::tier::{
    CHUNK_BYTES, EmbeddedOptions, EmbeddedTier, Error, Expect, Generation, GlobalTier,
};
use proptest::prelude::*;
use redb::{Database, ReadableTable, TableDefinition};

type OfKey = TableDefinition<'static, (&'static str, &'static str), (u64, u64, u64)>;

const VALUES: OfKey = TableDefinition::new("values");
const LISTS: OfKey = TableDefinition::new("lists");
const CHUNKS: TableDefinition<(u64, u32), &[u8]> = TableDefinition::new("chunks");
const ELEMENTS: TableDefinition<(u64, u64, u32), &[u8]> = TableDefinition::new("elements");
const LOOSE: TableDefinition<u64, u8> = TableDefinition::new("loose");
const USAGE: TableDefinition<&str, (u64, u64)> = TableDefinition::new("usage");
const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

const SIZE: u64 = 3 * CHUNK_BYTES;

fn open(dir: &Path) -> Result<EmbeddedTier, Error> {
    EmbeddedTier::open(dir, EmbeddedOptions::default())
}

/// Opens the file behind the tier's back.
fn tamper(dir: &Path, change: impl FnOnce(&redb::WriteTransaction)) -> Checked {
    let database = Database::open(dir.join("state.redb"))?;
    let txn = database.begin_write()?;
    change(&txn);
    Ok(txn.commit()?)
}

/// A tier with the values `a` and `b` of three chunks each, and two elements at `a`.
async fn filled(dir: &Path) -> Result<Generation, Box<dyn std::error::Error>> {
    let tier = open(dir)?;
    let (a, b) = (state_key("demo", "a")?, state_key("demo", "b")?);
    let meta = set(&tier, &a, &noise(SIZE, 1)).await?;
    set(&tier, &b, &noise(SIZE, 2)).await?;
    tier.append(&a, "first".into()).await?;
    tier.append(&a, noise(CHUNK_BYTES + 5, 3).into()).await?;
    Ok(meta.generation)
}

fn is_corrupted<T: std::fmt::Debug>(answer: Result<T, Error>) {
    assert!(matches!(answer, Err(Error::Corrupted(_))), "{answer:?}");
}

#[tokio::test]
async fn a_damaged_chunk_is_an_error_until_it_is_written_anew() -> Checked {
    let dir = tempfile::tempdir()?;
    let generation = filled(dir.path()).await?;
    let Generation(number) = generation;
    tamper(dir.path(), |txn| {
        let mut chunks = txn.open_table(CHUNKS).unwrap();
        let mut bytes = chunks.get((number, 1)).unwrap().unwrap().value().to_vec();
        bytes[77] ^= 4;
        chunks.insert((number, 1), bytes.as_slice()).unwrap();
        chunks.insert((number, 2), b"no".as_slice()).unwrap();
    })?;
    let tier = open(dir.path())?;
    let (a, b) = (state_key("demo", "a")?, state_key("demo", "b")?);
    assert!(tier.read(generation, 0, CHUNK_BYTES).await.is_ok());
    for chunk in [1, 2] {
        let at = chunk * CHUNK_BYTES;
        is_corrupted(tier.read(generation, at + 9, 1).await);
        // None of it is written, the sound part neither.
        let some = patches([(0, b"xyz"), (at + 9, b"x")]);
        is_corrupted(tier.patch(&a, generation, SIZE, some, None).await);
        assert!(tier.read(generation, 0, 3).await? == noise(3, 1));
        let whole = noise(CHUNK_BYTES, chunk);
        tier.patch(&a, generation, SIZE, patches([(at, &whole)]), None)
            .await?;
        assert!(tier.read(generation, at, CHUNK_BYTES).await? == whole);
    }
    assert!(get(&tier, &b).await? == Some(noise(SIZE, 2)));
    Ok(())
}

#[tokio::test]
async fn a_damaged_value_can_be_set_again_and_deleted() -> Checked {
    let dir = tempfile::tempdir()?;
    filled(dir.path()).await?;
    tamper(dir.path(), |txn| {
        let mut values = txn.open_table(VALUES).unwrap();
        values.insert(("demo", "a"), (1, 1, u64::MAX)).unwrap();
        values.insert(("demo", "b"), (2, 2, 1 << 40)).unwrap();
        values.insert(("demo", "bad/name\n"), (3, 3, 3)).unwrap();
        let mut usage = txn.open_table(USAGE).unwrap();
        usage.insert("no/user", (1, 1)).unwrap();
    })?;
    let tier = open(dir.path())?;
    let (a, b) = (state_key("demo", "a")?, state_key("demo", "b")?);
    is_corrupted(tier.open(&a).await.map(|_| ()));
    is_corrupted(tier.patch(&a, Generation(1), 5, Vec::new(), None).await);
    set(&tier, &a, b"again").await?;
    assert_eq!(get(&tier, &a).await?, Some(b"again".to_vec()));
    let listed = tier.list(&a.user, "", None, 10).await?;
    assert_eq!(listed.len(), 1);
    assert_eq!(tier.users(None, 10).await?, [a.user]);
    assert!(tier.delete(&b, Expect::Any).await?);
    assert_eq!(get(&tier, &b).await?, None);
    Ok(())
}

#[tokio::test]
async fn a_damaged_list_is_an_error_until_it_is_cleared() -> Checked {
    let key = state_key("demo", "a")?;
    for damage in 0..3 {
        let dir = tempfile::tempdir()?;
        filled(dir.path()).await?;
        tamper(dir.path(), |txn| {
            let mut lists = txn.open_table(LISTS).unwrap();
            let list = lists.get(("demo", "a")).unwrap().unwrap().value();
            let mut parts = txn.open_table(ELEMENTS).unwrap();
            match damage {
                0 => drop(lists.insert(("demo", "a"), (list.0, u64::MAX, 9)).unwrap()),
                1 => drop(parts.remove((list.0, 1, 1)).unwrap()),
                _ => drop(parts.insert((list.0, 1, 0), b"short".as_slice()).unwrap()),
            }
        })?;
        let tier = open(dir.path())?;
        assert_eq!(tier.appended(&key, 0, 1).await?, ["first"]);
        is_corrupted(tier.appended(&key, 0, u64::MAX).await);
        if damage == 0 {
            is_corrupted(tier.append(&key, "x".into()).await);
        }
        tier.clear_appended(&key).await?;
        assert_eq!(tier.append(&key, "new".into()).await?, 1);
        assert_eq!(tier.appended(&key, 0, 9).await?, ["new"]);
    }
    Ok(())
}

#[tokio::test]
async fn damaged_counters_give_out_no_number_twice() -> Checked {
    let key = state_key("demo", "new")?;
    for (counter, next) in [
        ("generation", 1),
        ("generation", u64::MAX),
        ("version", u64::MAX),
    ] {
        let dir = tempfile::tempdir()?;
        filled(dir.path()).await?;
        tamper(dir.path(), |txn| {
            let mut meta = txn.open_table(META).unwrap();
            meta.insert(counter, next).unwrap();
            let mut loose = txn.open_table(LOOSE).unwrap();
            loose.insert(u64::MAX, 99).unwrap();
        })?;
        let tier = open(dir.path())?;
        is_corrupted(set(&tier, &key, b"value").await);
        assert_eq!(get(&tier, &key).await?, None);
        assert_eq!(tier.usage(&key.user).await?.keys, 2);
        let untouched = get(&tier, &state_key("demo", "a")?).await?;
        assert!(untouched == Some(noise(SIZE, 1)));
    }
    Ok(())
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() -> Checked {
    let dir = tempfile::tempdir()?;
    std::fs::write(dir.path().join("state.redb"), vec![7; 100_000])?;
    let Err(Error::Storage(what)) = open(dir.path()) else {
        panic!("opened");
    };
    assert!(what.contains("state.redb"), "{what}");
    Ok(())
}

/// Does a bit of everything with a file that may be damaged anywhere. Nothing may hang or
/// panic, and nothing that was read may be other than what was written.
async fn use_damaged(dir: &Path) -> Checked {
    let Ok(tier) = open(dir) else {
        return Ok(());
    };
    let sound = |error: &Error| match error {
        Error::Storage(what) => !what.contains("did not end"),
        error => *error != Error::Closed,
    };
    for (name, seed) in [("a", 1), ("b", 2)] {
        let key = state_key("demo", name)?;
        match tier.open(&key).await {
            Ok(None) => {}
            Ok(Some((meta, _pin))) => {
                for at in [0, CHUNK_BYTES, 2 * CHUNK_BYTES] {
                    match tier.read(meta.generation, at, CHUNK_BYTES).await {
                        Ok(bytes) => {
                            let written = &noise(SIZE, seed)[at as usize..][..CHUNK_BYTES as usize];
                            // A row that cannot be found is one that is not there.
                            let missing = bytes.iter().all(|&byte| byte == 0);
                            assert!(bytes == written || missing, "{name} at {at}");
                        }
                        Err(error) => assert!(sound(&error), "{error}"),
                    }
                }
                let some = patches([(9, b"x")]);
                let patched = tier.patch(&key, meta.generation, 10, some, None).await;
                assert!(patched.as_ref().err().is_none_or(sound), "{patched:?}");
            }
            Err(error) => assert!(sound(&error), "{error}"),
        }
        let answers = [
            tier.append(&key, "x".into()).await.err(),
            tier.appended(&key, 0, 9).await.err(),
            tier.list(&key.user, "", None, 9).await.err(),
            set(&tier, &key, &noise(SIZE, 9)).await.err(),
            tier.delete(&key, Expect::Any).await.err(),
            tier.clear_appended(&key).await.err(),
            tier.usage(&key.user).await.err(),
        ];
        for error in answers.into_iter().flatten() {
            assert!(sound(&error), "{error}");
        }
    }
    tier.close().await;
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn flipped_bytes_are_errors_and_never_a_panic(
        flips in proptest::collection::vec((0.0..1.0_f64, 1..=255_u8), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let checked = runtime.block_on(async {
            let dir = tempfile::tempdir()?;
            filled(dir.path()).await?;
            let path = dir.path().join("state.redb");
            let mut file = std::fs::read(&path)?;
            for (at, flip) in &flips {
                let at = (at * file.len() as f64) as usize;
                file[at] ^= flip;
            }
            std::fs::write(&path, file)?;
            use_damaged(dir.path()).await
        });
        prop_assert!(checked.is_ok(), "{checked:?}");
    }
}
