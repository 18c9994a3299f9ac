//! What tests that kill the server have in common.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// What a version is written with.
pub(crate) fn letter(version: usize) -> char {
    char::from(b'a' + u8::try_from(version % 26).unwrap())
}

/// Random times, of a printed seed that `FAASM_TEST_SEED` sets.
pub(crate) struct Times {
    seed: u64,
}

impl Times {
    pub(crate) fn new() -> Self {
        let seed = match std::env::var("FAASM_TEST_SEED") {
            Ok(seed) => seed.parse().unwrap(),
            Err(_) => RandomState::new().hash_one(0) >> 32,
        };
        println!("FAASM_TEST_SEED={seed}");
        Self { seed }
    }

    /// Waits for less than a second, for as long as this round of this seed does.
    pub(crate) async fn wait(&self, round: u64) {
        let random = (self.seed + round).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        tokio::time::sleep(Duration::from_millis(random % 1_000)).await;
    }
}
