//! How the tier uses its server.

use std::fmt;
use std::time::Duration;

use faasm_model::PerUser;

use super::address::redacted;

/// Settings of a [`RedisTier`](super::RedisTier).
#[derive(Clone, PartialEq, Eq)]
pub struct RedisOptions {
    /// The server: `redis://`, or `rediss://` with TLS, `[user:password@]host[:port][/database]`;
    /// or `redis+unix:///path?db=…&user=…&pass=…`.
    pub url: String,
    /// What all keys of the cluster begin with, in braces: `faasm`.
    pub prefix: String,
    /// The id of the only cluster that will do, if it is known: any.
    pub cluster: Option<String>,
    /// Most bytes of state of a user: 16 GiB.
    pub max_user_bytes: PerUser<u64>,
    /// Most keys of a user: 1,000,000.
    pub max_user_keys: u64,
    /// How long an operation may take, waiting for a lost connection included: 5 s.
    pub timeout: Duration,
    /// How long what is replaced stays readable for those who do not say in time that they
    /// still read it: 15 s. They say so three times as often.
    pub grace: Duration,
    /// Whether the log is told when the server is away and when it is back: yes. No, if another
    /// connection of this process to the same server tells.
    pub tells: bool,
}

impl RedisOptions {
    /// The defaults, with the server at `url`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            prefix: "faasm".into(),
            cluster: None,
            max_user_bytes: (16 << 30).into(),
            max_user_keys: 1_000_000,
            timeout: Duration::from_secs(5),
            grace: Duration::from_secs(15),
            tells: true,
        }
    }
}

impl fmt::Debug for RedisOptions {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisOptions")
            .field("url", &redacted(&self.url))
            .field("prefix", &self.prefix)
            .field("cluster", &self.cluster)
            .field("max_user_bytes", &self.max_user_bytes)
            .field("max_user_keys", &self.max_user_keys)
            .field("timeout", &self.timeout)
            .field("grace", &self.grace)
            .field("tells", &self.tells)
            .finish()
    }
}
