//! The global tier in a Redis server.

mod address;
mod assemble;
mod clock;
mod connect;
mod ears;
mod error;
mod inspect;
mod janitor;
mod keys;
mod link;
mod log;
mod members;
mod options;
mod pins;
mod reading;
mod request;
mod scripts;
mod server;
mod tier;
mod tokens;

pub use address::redacted;
pub use error::{Error, Problem};
pub use inspect::{Durability, Report, inspect};
pub use log::RedisLog;
pub use members::{Change, Load, Member, Members, News, Profile, Worker};
pub use options::RedisOptions;
pub use server::Redis;
pub use tier::RedisTier;
pub use tokens::RedisTokens;
