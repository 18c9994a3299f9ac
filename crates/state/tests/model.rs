//! The embedded tier does what a simple model in memory does.

use std::collections::BTreeMap;

use faasm_model::Name;
use faasm_state::tier::conformance::{Checked, get, noise, state_key};
use faasm_state::tier::{
    CHUNK_BYTES, ELEMENT_OVERHEAD_BYTES, EmbeddedOptions, EmbeddedTier, Error, Expect, Generation,
    GlobalTier, Patch, Pin, Usage,
};
use proptest::prelude::*;
use proptest::sample::select;

const KEYS: [&str; 3] = ["a", "ab", "b"];

#[derive(Clone, Debug)]
enum Step {
    Put {
        key: &'static str,
        size: u64,
        writes: Vec<Write>,
        absent: bool,
    },
    Patch {
        key: &'static str,
        size: u64,
        writes: Vec<Write>,
    },
    /// All at once: stages, writes and publishes, or abandons.
    Stage {
        key: &'static str,
        writes: Vec<Write>,
        publish: bool,
    },
    Pin {
        key: &'static str,
    },
    Unpin,
    Delete {
        key: &'static str,
    },
    Append {
        key: &'static str,
        length: u64,
    },
    Clear {
        key: &'static str,
    },
    Reopen,
}

/// `length` bytes of noise, or of zeros.
#[derive(Clone, Debug)]
struct Write {
    offset: u64,
    length: u64,
    seed: u64,
}

impl Write {
    fn bytes(&self) -> Vec<u8> {
        match self.seed {
            0 => vec![0; self.length as usize],
            seed => noise(self.length, seed),
        }
    }

    fn end(&self) -> u64 {
        self.offset + self.length
    }
}

/// Sizes at which something may go wrong.
fn size() -> impl Strategy<Value = u64> {
    let near = (select(vec![0, 1, 2, 3]), -2..=2_i64);
    prop_oneof![
        0..200_u64,
        near.prop_map(|(n, off)| (n * CHUNK_BYTES).saturating_add_signed(off)),
        0..4 * CHUNK_BYTES,
    ]
}

fn writes() -> impl Strategy<Value = Vec<Write>> {
    let write = (size(), size(), 0..5_u64);
    let write = write.prop_map(|(offset, length, seed)| Write {
        offset,
        length,
        seed,
    });
    proptest::collection::vec(write, 0..4)
}

fn step() -> impl Strategy<Value = Step> {
    let key = || select(KEYS.to_vec());
    prop_oneof![
        3 => (key(), size(), writes(), any::<bool>())
            .prop_map(|(key, size, writes, absent)| Step::Put { key, size, writes, absent }),
        4 => (key(), size(), writes()).prop_map(|(key, size, writes)| Step::Patch { key, size, writes }),
        2 => (key(), writes(), any::<bool>())
            .prop_map(|(key, writes, publish)| Step::Stage { key, writes, publish }),
        2 => key().prop_map(|key| Step::Pin { key }),
        1 => Just(Step::Unpin),
        1 => key().prop_map(|key| Step::Delete { key }),
        2 => (key(), size()).prop_map(|(key, length)| Step::Append { key, length }),
        1 => key().prop_map(|key| Step::Clear { key }),
        1 => Just(Step::Reopen),
    ]
}

/// What there should be.
#[derive(Default)]
struct Model {
    values: BTreeMap<&'static str, Generation>,
    /// What each generation has had last.
    contents: BTreeMap<Generation, Vec<u8>>,
    lists: BTreeMap<&'static str, Vec<Vec<u8>>>,
    pinned: Vec<(Generation, Pin)>,
}

impl Model {
    fn value(&self, key: &str) -> Option<&Vec<u8>> {
        self.contents.get(self.values.get(key)?)
    }
}

/// Applies writes to a value of at least `size` bytes; why the tier refuses them, if it does.
fn apply(value: &[u8], size: u64, writes: &[Write]) -> Result<Vec<u8>, &'static str> {
    let size = size.max(value.len() as u64);
    let mut writes = writes.to_vec();
    if writes.iter().any(|write| write.end() > size) {
        return Err("outside");
    }
    writes.retain(|write| write.length > 0);
    writes.sort_by_key(|write| write.offset);
    if writes.windows(2).any(|pair| pair[0].end() > pair[1].offset) {
        return Err("overlap");
    }
    let mut value = value.to_vec();
    value.resize(size as usize, 0);
    for write in writes {
        value[write.offset as usize..write.end() as usize].copy_from_slice(&write.bytes());
    }
    Ok(value)
}

fn patches(writes: &[Write]) -> Vec<Patch> {
    let patch = |write: &Write| Patch {
        offset: write.offset,
        bytes: write.bytes().into(),
    };
    writes.iter().map(patch).collect()
}

fn refused(error: &Error) -> Result<&'static str, Error> {
    match error {
        Error::TooLarge { .. } => Ok("outside"),
        Error::Overlap(_) => Ok("overlap"),
        other => Err(other.clone()),
    }
}

/// Does a step with a value that may be refused, in the tier and in the model.
fn agree(
    model: &mut Model,
    key: &'static str,
    answer: Result<Generation, Error>,
    expected: Result<Vec<u8>, &'static str>,
) -> Checked {
    match (answer, expected) {
        (Ok(generation), Ok(value)) => {
            model.values.insert(key, generation);
            model.contents.insert(generation, value);
        }
        (Err(error), Err(why)) => match (refused(&error)?, why) {
            // With both faults, either may be named.
            ("outside" | "overlap", _) => {}
            (told, _) => return Err(format!("{told} instead of {why}").into()),
        },
        (Ok(_), Err(why)) => return Err(format!("not refused: {why}").into()),
        (Err(error), Ok(_)) => return Err(error.into()),
    }
    Ok(())
}

async fn take(tier: &EmbeddedTier, model: &mut Model, step: Step) -> Checked {
    match step {
        Step::Put {
            key,
            size,
            writes,
            absent,
        } => {
            let expect = if absent { Expect::Absent } else { Expect::Any };
            let put = tier
                .put(
                    &state_key("demo", key)?,
                    size,
                    patches(&writes),
                    expect,
                    None,
                )
                .await;
            if let Err(Error::Conflict(_)) = put {
                assert!(absent && model.values.contains_key(key));
                return Ok(());
            }
            let expected = apply(&[], size, &writes);
            assert!(!absent || put.is_err() || !model.values.contains_key(key));
            agree(model, key, put.map(|meta| meta.generation), expected)?;
        }
        Step::Patch { key, size, writes } => {
            let Some(&generation) = model.values.get(key) else {
                return Ok(());
            };
            let name = state_key("demo", key)?;
            let patch = tier.patch(&name, generation, size, patches(&writes), None);
            let patched = patch.await.map(|meta| meta.generation);
            let value = model.contents[&generation].clone();
            agree(model, key, patched, apply(&value, size, &writes))?;
        }
        Step::Stage {
            key,
            writes,
            publish,
        } => {
            let (generation, _pin) = tier.stage(&state_key("demo", key)?.user).await?;
            let mut value = Vec::new();
            // Each by itself: later ones overwrite.
            for write in &writes {
                let write = std::slice::from_ref(write);
                tier.write_staged(generation, patches(write)).await?;
                value = apply(&value, write[0].end(), write)?;
            }
            if publish {
                let (key_, size) = (state_key("demo", key)?, value.len() as u64);
                let published = tier
                    .publish(&key_, generation, size, Expect::Any, None)
                    .await;
                agree(model, key, published.map(|meta| meta.generation), Ok(value))?;
            }
        }
        Step::Pin { key } => {
            let opened = tier.open(&state_key("demo", key)?).await?;
            model
                .pinned
                .extend(opened.map(|(meta, pin)| (meta.generation, pin)));
        }
        Step::Unpin => drop(model.pinned.pop()),
        Step::Delete { key } => {
            let deleted = tier.delete(&state_key("demo", key)?, Expect::Any).await?;
            assert_eq!(deleted, model.values.remove(key).is_some());
        }
        Step::Append { key, length } => {
            let list = model.lists.entry(key).or_default();
            list.push(noise(length, list.len() as u64));
            let element = noise(length, list.len() as u64 - 1);
            let count = tier
                .append(&state_key("demo", key)?, element.into())
                .await?;
            assert_eq!(count, list.len() as u64);
        }
        Step::Clear { key } => {
            tier.clear_appended(&state_key("demo", key)?).await?;
            model.lists.remove(key);
        }
        Step::Reopen => unreachable!("whoever has the tier does that"),
    }
    Ok(())
}

async fn compare(tier: &EmbeddedTier, model: &Model) -> Checked {
    let mut usage = Usage::default();
    for key in KEYS {
        let (value, list) = (model.value(key), model.lists.get(key));
        let key = state_key("demo", key)?;
        let found = get(tier, &key).await?;
        assert!(found.as_ref() == value, "value of {key}");
        let elements = tier.appended(&key, 0, u64::MAX).await?;
        assert!(
            elements == list.cloned().unwrap_or_default(),
            "list of {key}"
        );
        let in_list = elements
            .iter()
            .map(|element| element.len() as u64 + ELEMENT_OVERHEAD_BYTES);
        usage.bytes += found.map_or(0, |value| value.len() as u64) + in_list.sum::<u64>();
        usage.keys += u64::from(value.is_some() || list.is_some());
    }
    let user = Name::new("demo")?;
    assert_eq!(tier.usage(&user).await?, usage);
    let listed = tier.list(&user, "", None, 10).await?;
    assert_eq!(listed.len() as u64, usage.keys);
    for (generation, _pin) in &model.pinned {
        let content = &model.contents[generation];
        let found = tier.read(*generation, 0, content.len() as u64).await?;
        assert!(found == *content, "pinned {generation:?}");
    }
    Ok(())
}

async fn run(steps: Vec<Step>) -> Checked {
    let dir = tempfile::tempdir()?;
    let mut tier = EmbeddedTier::open(dir.path(), EmbeddedOptions::default())?;
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Reopen => {
                model.pinned.clear();
                drop(tier);
                tier = EmbeddedTier::open(dir.path(), EmbeddedOptions::default())?;
            }
            step => take(&tier, &mut model, step).await?,
        }
        compare(&tier, &model).await?;
    }
    Ok(())
}

/// Many more when `FAASM_TEST_LONG` is set.
fn config() -> ProptestConfig {
    ProptestConfig {
        cases: match std::env::var_os("FAASM_TEST_LONG") {
            Some(_) => 1_000,
            None => 40,
        },
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_steps_end_as_in_the_model(steps in proptest::collection::vec(step(), 1..30)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let checked = runtime.block_on(run(steps));
        prop_assert!(checked.is_ok(), "{checked:?}");
    }
}
