//! The fuzz targets without a fuzzer: over their seeds, and over random bytes.

#[path = "../../../fuzz/src/lib.rs"]
mod fuzz;

use std::path::Path;

use fuzz::{descriptors, paths};
use proptest::prelude::*;

fn run_seeds(target: &str, run: fn(&[u8])) {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    let directory = std::fs::read_dir(seeds.join(target)).expect("the seeds are in the repository");
    let mut count = 0;
    for entry in directory {
        let path = entry.expect("it can be listed").path();
        run(&std::fs::read(&path).expect("a seed can be read"));
        count += 1;
    }
    assert!(count > 0);
}

#[test]
fn the_seeds_of_paths_find_nothing() {
    run_seeds("paths", paths::run);
}

#[test]
fn the_seeds_of_descriptors_find_nothing() {
    run_seeds("descriptors", descriptors::run);
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
}
