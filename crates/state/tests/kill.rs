//! What was acknowledged survives `kill -9`.

use std::path::Path;
use std::sync::Arc;

use faasm_database::testing::{kill_child, kill_rounds, killed_child, say};
use faasm_model::StateKey;
use faasm_state::tier::conformance::{Checked, get, noise, patches, set, state_key};
use faasm_state::tier::{EmbeddedOptions, EmbeddedTier, Expect, GlobalTier};

const WRITERS: usize = 8;

/// A value has its number at these places, which lie in different chunks.
const PLACES: [usize; 3] = [0, 70_000, 199_992];
const SIZE: u64 = 200_000;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn open(dir: &Path) -> Result<EmbeddedTier, faasm_state::tier::Error> {
    EmbeddedTier::open(dir, EmbeddedOptions::default())
}

fn key(name: &str) -> Result<StateKey, Failure> {
    state_key("demo", name).map_err(|error| error.to_string().into())
}

fn value(number: u64) -> Vec<u8> {
    let mut value = noise(SIZE, 1);
    for place in PLACES {
        value[place..place + 8].copy_from_slice(&number.to_le_bytes());
    }
    value
}

/// The number of the writer's value; an error when it is not whole.
async fn stored(tier: &EmbeddedTier, writer: usize) -> Result<u64, Failure> {
    let Some(found) = get(tier, &key(&writer.to_string())?).await? else {
        return Ok(0);
    };
    let number = u64::from_le_bytes(found[..8].try_into()?);
    match found == value(number) {
        true => Ok(number),
        false => Err(format!("value {number} of writer {writer} is not whole").into()),
    }
}

/// Not a test by itself: what the killed process does until then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_writes_and_says_so() -> Checked {
    let Some(dir) = killed_child() else {
        return Ok(());
    };
    let tier = Arc::new(open(&dir)?);
    let writers = (0..WRITERS).map(|writer| tokio::spawn(write(Arc::clone(&tier), writer)));
    for writer in futures::future::join_all(writers).await {
        writer?.map_err(|error| error.to_string())?;
    }
    Ok(())
}

async fn write(tier: Arc<EmbeddedTier>, writer: usize) -> Result<(), Failure> {
    let (own, list) = (key(&writer.to_string())?, key("list")?);
    for number in stored(&tier, writer).await? + 1.. {
        let opened = tier.open(&own).await?;
        match (number % 3, opened) {
            (1, Some((meta, _pin))) => {
                let bytes = number.to_le_bytes();
                let all = patches(PLACES.map(|place| (place as u64, bytes.as_slice())));
                tier.patch(&own, meta.generation, SIZE, all, None).await?;
            }
            (2, _) => {
                let (generation, _pin) = tier.stage(&own.user).await?;
                for (step, part) in (0..).zip(value(number).chunks(100_000)) {
                    let part = patches([(step * 100_000, part)]);
                    tier.write_staged(generation, part).await?;
                }
                let publish = tier.publish(&own, generation, SIZE, Expect::Any, None);
                publish.await?;
            }
            _ => drop(set(&*tier, &own, &value(number)).await?),
        }
        say(format_args!("value {writer} {number}"))?;
        let element = format!("{writer} {number}");
        let count = tier.append(&list, element.clone().into()).await?;
        say(format_args!("element {count} {element}"))?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_kill() -> Checked {
    let dir = tempfile::tempdir()?;
    let list = state_key("demo", "list")?;
    for round in 0..kill_rounds() {
        let mut said = [0; WRITERS];
        let mut elements = Vec::new();
        for line in kill_child("child_writes_and_says_so", dir.path())? {
            match line.split_once(' ').ok_or("not a line of ours")? {
                ("value", rest) => {
                    let (writer, number) = rest.split_once(' ').ok_or("no number")?;
                    said[writer.parse::<usize>()?] = number.parse()?;
                }
                (_, rest) => {
                    let (count, element) = rest.split_once(' ').ok_or("no element")?;
                    elements.push((count.parse::<u64>()?, element.to_owned()));
                }
            }
        }
        let tier = open(dir.path())?;
        for (writer, said) in said.into_iter().enumerate() {
            let found = stored(&tier, writer)
                .await
                .map_err(|error| error.to_string())?;
            assert!(
                found >= said,
                "round {round}: writer {writer} lost {said}, has {found}"
            );
        }
        for (count, element) in elements {
            let found = tier.appended(&list, count - 1, 1).await?;
            assert_eq!(found, [element], "round {round}: element {count}");
        }
        let usage = tier.usage(&list.user).await?;
        let listed = tier.list(&list.user, "", None, 100).await?;
        assert_eq!(usage.keys, listed.len() as u64, "round {round}");
    }
    Ok(())
}
