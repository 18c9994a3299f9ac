//! What every [`GlobalTier`] must do, as checks that each implementation runs on itself.
//!
//! [`tier_conformance_tests!`](crate::tier_conformance_tests) makes one test of each. A
//! check gets a tier that is empty and its own.

mod conditions;
mod elements;
mod hostile;
mod keys;
mod locks;
mod quotas;
mod staged;
mod values;

use bytes::Bytes;
use faasm_model::{Key, Name, StateKey};

use super::{
    CHUNK_BYTES, ELEMENT_OVERHEAD_BYTES, Error, Expect, Fence, Generation, GlobalTier, ListedKey,
    MAX_PATCH_BYTES, MAX_PATCH_CHUNKS, MAX_VALUE_BYTES, Meta, Patch, Result, Usage, Version,
};

pub use conditions::*;
pub use elements::*;
pub use hostile::*;
pub use keys::*;
pub use locks::*;
pub use quotas::*;
pub use staged::*;
pub use values::*;

/// How a check ends; what it finds wrong it panics about.
pub type Checked = std::result::Result<(), Box<dyn std::error::Error>>;

/// How much state a user may have in the tier that a check gets.
#[derive(Clone, Copy, Debug)]
pub struct Quotas {
    /// Most bytes.
    pub bytes: u64,
    /// Most keys.
    pub keys: u64,
}

/// More than any check needs.
pub const AMPLE: Quotas = Quotas {
    bytes: u64::MAX,
    keys: u64::MAX,
};

/// The limits of the checks of quotas.
pub const SMALL: Quotas = Quotas {
    bytes: 1_000,
    keys: 3,
};

/// Makes a module of tests, one for each check. `$fresh` is a function that takes
/// [`Quotas`](crate::tier::conformance::Quotas) and gives an empty tier and something to
/// keep alive as long: `(impl GlobalTier, _)`.
#[macro_export]
macro_rules! tier_conformance_tests {
    ($fresh:expr) => {
        $crate::tier_conformance_tests!($fresh, AMPLE;
            a_value_is_read_in_parts,
            what_was_never_written_is_zeros,
            a_value_is_patched_in_parts,
            a_patch_extends_a_value_and_never_shrinks_it,
            a_set_value_is_a_new_generation,
            a_pinned_generation_stays_readable,
            large_values_come_back_whole,
            zeros_overwrite_what_was_there,
            a_value_is_set_as_expected_only,
            a_value_is_deleted_as_expected_only,
            one_of_many_concurrent_sets_wins,
            versions_rise_and_never_come_again,
            a_staged_value_is_seen_when_it_is_published,
            a_staged_value_is_published_as_expected_only,
            an_abandoned_generation_is_gone,
            nothing_is_published_behind_its_size,
            elements_are_kept_in_order,
            elements_of_concurrent_appenders_are_whole_and_ordered,
            elements_come_in_pages,
            elements_are_apart_from_the_value,
            keys_are_listed_by_prefix_in_pages,
            users_are_listed_in_pages,
            users_have_their_own_keys,
            usage_is_what_there_is,
            a_lock_has_one_holder,
            a_lock_that_ran_out_is_taken_by_another,
            an_older_fence_writes_nothing,
            overlapping_patches_are_refused,
            patches_outside_are_refused,
            what_is_too_large_is_refused,
            a_closed_tier_says_so,
        );
        $crate::tier_conformance_tests!($fresh, SMALL;
            more_bytes_than_allowed_are_refused,
            more_keys_than_allowed_are_refused,
        );
    };
    ($fresh:expr, $quotas:ident; $($check:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $check() -> $crate::tier::conformance::Checked {
                use $crate::tier::conformance;
                let (tier, _kept) = $fresh(conformance::$quotas);
                conformance::$check(&tier).await
            }
        )*
    };
}

/// The key `key` of `user`.
///
/// # Errors
/// When these are no names.
pub fn state_key(
    user: &str,
    key: &str,
) -> std::result::Result<StateKey, Box<dyn std::error::Error>> {
    Ok(StateKey {
        user: Name::new(user)?,
        key: Key::new(key)?,
    })
}

/// Patches of which each has its offset and its bytes.
pub fn patches<const N: usize>(patches: [(u64, &[u8]); N]) -> Vec<Patch> {
    let patch = |(offset, bytes)| Patch {
        offset,
        bytes: Bytes::copy_from_slice(bytes),
    };
    patches.into_iter().map(patch).collect()
}

/// `length` bytes without a short period and almost without zeros.
pub fn noise(length: u64, seed: u64) -> Vec<u8> {
    let byte = |n: u64| ((n ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8;
    (0..length).map(byte).collect()
}

/// Sets a value that fits into one operation, whatever is there.
///
/// # Errors
/// Those of the tier.
pub async fn set(tier: &dyn GlobalTier, key: &StateKey, bytes: &[u8]) -> Result<Meta> {
    let size = bytes.len() as u64;
    let whole = patches([(0, bytes)]);
    tier.put(key, size, whole, Expect::Any, None).await
}

/// The whole value of a key; `None` if there is none.
///
/// # Errors
/// Those of the tier.
pub async fn get(tier: &dyn GlobalTier, key: &StateKey) -> Result<Option<Vec<u8>>> {
    let Some((meta, _pin)) = tier.open(key).await? else {
        return Ok(None);
    };
    Ok(Some(read_all(tier, meta.generation, meta.size).await?))
}

/// The first `size` bytes of a generation.
///
/// # Errors
/// Those of the tier.
pub async fn read_all(tier: &dyn GlobalTier, generation: Generation, size: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < size {
        let at = bytes.len() as u64;
        let step = (size - at).min(MAX_PATCH_BYTES);
        bytes.extend_from_slice(&tier.read(generation, at, step).await?);
    }
    Ok(bytes)
}
