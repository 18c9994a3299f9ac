//! How what is stored is named. The scripts make the same names.
//!
//! All keys of a user, and of others with the same shard, have one hash tag: so scripts
//! see them together, also in a Redis Cluster. A generation's number ends with its shard.

use std::fmt;

use faasm_model::{Name, StateKey};
use faasm_state::tier::Generation;

use super::error::Error;

/// How many shards there are. Part of the layout: never to be changed.
pub(super) const SHARDS: u64 = 256;

/// Keys that live together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shard(u64);

impl Shard {
    pub(super) fn of_user(user: &Name) -> Self {
        Self(u64::from(crc32fast::hash(user.as_str().as_bytes())) % SHARDS)
    }

    pub(super) fn of_generation(generation: Generation) -> Self {
        Self(generation.0 % SHARDS)
    }

    pub(super) fn all() -> impl Iterator<Item = Self> {
        (0..SHARDS).map(Self)
    }

    pub(super) fn number(self) -> u64 {
        self.0
    }
}

/// What a cluster's keys begin with.
#[derive(Clone, Debug)]
pub(super) struct Prefix(String);

impl Prefix {
    pub(super) fn new(prefix: &str) -> Result<Self, Error> {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        match (1..=64).contains(&prefix.len()) && prefix.chars().all(is_allowed) {
            true => Ok(Self(prefix.to_owned())),
            false => Err(Error::Prefix(prefix.to_owned())),
        }
    }

    /// What the keys that belong to the cluster itself begin with.
    pub(super) fn cluster(&self) -> String {
        format!("{{{self}:cluster}}:")
    }

    /// What all keys of a shard begin with.
    pub(super) fn shard(&self, shard: Shard) -> String {
        format!("{{{self}:{}}}:", shard.0)
    }

    /// The record of a key.
    pub(super) fn entry(&self, key: &StateKey) -> String {
        let shard = self.shard(Shard::of_user(&key.user));
        format!("{shard}v:{}/{}", key.user, key.key)
    }

    /// What a user has.
    pub(super) fn usage(&self, user: &Name) -> String {
        format!("{}u:{user}", self.shard(Shard::of_user(user)))
    }

    /// Generations that are to be dropped, by when.
    pub(super) fn old(&self, shard: Shard) -> String {
        format!("{}old", self.shard(shard))
    }

    /// Users of a shard who have keys.
    pub(super) fn users(&self, shard: Shard) -> String {
        format!("{}users", self.shard(shard))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_cannot_break_out_of_its_hash_tag() {
        for bad in ["", "a}", "{a", "a b", "ä", &"x".repeat(65)] {
            assert!(matches!(Prefix::new(bad), Err(Error::Prefix(_))), "{bad}");
        }
        let prefix = Prefix::new("faasm-1.x_y").unwrap();
        assert_eq!(prefix.shard(Shard(7)), "{faasm-1.x_y:7}:");
    }

    #[test]
    fn a_generation_is_in_its_users_shard() {
        let user = Name::new("demo").unwrap();
        let shard = Shard::of_user(&user);
        let generation = Generation(12_345 * SHARDS + shard.number());
        assert_eq!(Shard::of_generation(generation), shard);
    }
}
