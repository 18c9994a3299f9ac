//! What several machines share: the global state on Redis.
//!
//! [`RedisTier`] is a [`GlobalTier`](faasm_state::tier::GlobalTier): values, lists and
//! locks live in a Redis (or Valkey) server of version 6.2 or newer, below a prefix of the
//! cluster's own. [`inspect`] says whether a server is fit for that, and what an
//! acknowledged write means there.
//!
//! ```no_run
//! use faasm_cluster::{RedisOptions, RedisTier};
//! use faasm_model::Name;
//! use faasm_state::tier::GlobalTier;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let tier = RedisTier::connect(RedisOptions::new("redis://127.0.0.1:6379/0")).await?;
//! println!("{:?}", tier.usage(&Name::new("demo")?).await?);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod redis;

pub use redis::{
    Change, Durability, Error, Load, Member, Members, News, Problem, Profile, Redis, RedisLog,
    RedisOptions, RedisTier, RedisTokens, Report, Worker, inspect, redacted,
};
