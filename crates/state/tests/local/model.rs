//! Whatever calls do, and in whichever order they end: the state is that of a simple
//! model.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::common::{CHUNK, Mapped, key, succeed, worker};

/// What a call does to one of three values.
#[derive(Clone, Debug)]
enum Step {
    Write {
        key: u8,
        size: u64,
        byte: u8,
    },
    WriteAt {
        key: u8,
        total: u64,
        offset: u64,
        length: u64,
        byte: u8,
    },
    Store {
        key: u8,
        total: u64,
        at: u64,
        length: u64,
        byte: u8,
    },
    Push {
        key: u8,
    },
    Read {
        key: u8,
        offset: u64,
        length: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let size = prop_oneof![0..200_u64, 0..3 * CHUNK];
    let part = (size.clone(), 0..200_u64, 1..5000_u64);
    prop_oneof![
        (0..3_u8, size.clone(), 1..255_u8).prop_map(|(key, size, byte)| Step::Write {
            key,
            size,
            byte
        }),
        (0..3_u8, part.clone(), 1..255_u8).prop_map(|(key, (from, gap, length), byte)| {
            Step::WriteAt {
                key,
                total: from + length + gap,
                offset: from,
                length,
                byte,
            }
        }),
        (0..3_u8, part.clone(), 1..255_u8).prop_map(|(key, (at, gap, length), byte)| Step::Store {
            key,
            total: at + length + gap,
            at,
            length,
            byte
        }),
        (0..3_u8).prop_map(|key| Step::Push { key }),
        (0..3_u8, size, 0..5000_u64).prop_map(|(key, offset, length)| Step::Read {
            key,
            offset,
            length
        }),
    ]
}

fn name(key: u8) -> String {
    format!("k{key}")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn calls_leave_what_a_simple_model_says(
        calls in prop::collection::vec((prop::collection::vec(step(), 1..8), any::<bool>()), 1..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let worker = worker();
            let mut model: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
            for (steps, succeeds) in calls {
                let call = worker.call();
                let mut mappings = Vec::new();
                for step in steps {
                    match step {
                        Step::Write { key: k, size, byte } => {
                            let value = vec![byte; size as usize];
                            call.write(&key(&name(k)), &value).await.unwrap();
                            model.insert(k, value);
                        }
                        Step::WriteAt { key: k, total, offset, length, byte } => {
                            let part = call.part(&key(&name(k)), total, offset, length).await.unwrap();
                            call.fill(&part, 0, &vec![byte; length as usize]).await.unwrap();
                            put(model.entry(k).or_default(), total, offset, length, byte);
                        }
                        Step::Store { key: k, total, at, length, byte } => {
                            let mut mapped = Mapped::new(&call, &name(k), total, 0..total).await;
                            mapped.store(at, &vec![byte; length as usize]);
                            mappings.push(mapped);
                            put(model.entry(k).or_default(), total, at, length, byte);
                        }
                        Step::Push { key: k } => {
                            call.push(&key(&name(k))).await.unwrap();
                            let pushed = worker.global(&name(k)).await;
                            assert_eq!(pushed.as_ref(), model.get(&k));
                        }
                        Step::Read { key: k, offset, length } => {
                            let value = model.get(&k).map_or(&[][..], |value| &value[..]);
                            let from = (offset as usize).min(value.len());
                            let to = (from + length as usize).min(value.len());
                            let read = call.read(&key(&name(k)), offset, length).await.unwrap();
                            assert_eq!(read, value[from..to]);
                        }
                    }
                }
                match succeeds {
                    true => succeed(call, mappings).await,
                    false => drop((mappings, call)),
                }
            }
            worker.state.flush().await.unwrap();
            for k in 0..3 {
                assert_eq!(worker.global(&name(k)).await.as_ref(), model.get(&k));
            }
            assert_eq!(worker.budget.used(), 0);
        });
    }
}

fn put(value: &mut Vec<u8>, total: u64, offset: u64, length: u64, byte: u8) {
    if (value.len() as u64) < total {
        value.resize(total as usize, 0);
    }
    value[offset as usize..(offset + length) as usize].fill(byte);
}
