//! The fuzz targets without a fuzzer: over their seeds, and over random bytes.

#[path = "../../../fuzz/src/lib.rs"]
mod fuzz;

use std::path::Path;

use fuzz::{archive, descriptors, paths};
use proptest::prelude::*;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    let directory = std::fs::read_dir(seeds.join(target)).expect("the seeds are in the repository");
    let paths = directory.map(|entry| entry.expect("it can be listed").path());
    let seeds = paths.map(|path| std::fs::read(path).expect("a seed can be read"));
    seeds.collect()
}

fn run_seeds(target: &str, run: fn(&[u8])) {
    let seeds = seeds(target);
    assert!(!seeds.is_empty());
    seeds.iter().for_each(|seed| run(seed));
}

#[test]
fn the_seeds_of_paths_find_nothing() {
    run_seeds("paths", paths::run);
}

#[test]
fn the_seeds_of_descriptors_find_nothing() {
    run_seeds("descriptors", descriptors::run);
}

#[test]
fn the_seeds_of_archives_find_nothing() {
    run_seeds("archive", archive::run);
}

/// A seed with some of its bytes changed, and perhaps cut off.
fn damaged(target: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..5);
    let seed = prop::sample::select(seeds(target));
    (seed, changes, 0..100_usize).prop_map(|(mut seed, changes, kept)| {
        for (at, byte) in changes {
            let at = at.index(seed.len());
            seed[at] = byte;
        }
        // Most stay whole.
        let len = seed.len() * (kept + 10).min(100) / 100;
        seed.truncate(len);
        seed
    })
}

/// Bytes of which many mean something to a target.
fn input(telling: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => prop::sample::select(telling),
        2 => 0..16_u8,
        1 => any::<u8>(),
    ];
    prop::collection::vec(byte, 0..600)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn random_paths_find_nothing(data in input(b"mosrludtx33345678ab/.\n\n\n")) {
        paths::run(&data);
    }

    #[test]
    fn random_descriptors_find_nothing(data in input(b"ocdnrwstaluk012345678:;<=")) {
        descriptors::run(&data);
    }

    #[test]
    fn damaged_archives_find_nothing(data in damaged("archive")) {
        archive::run(&data);
    }
}
