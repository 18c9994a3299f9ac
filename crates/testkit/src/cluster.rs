//! Several servers that are one cluster.

use crate::builder::Builder;
use crate::redis::Redis;
use crate::server::Server;

/// Servers with one Redis. The first has the functions and files, and the others use its.
#[derive(Debug)]
pub struct Cluster {
    /// What they share.
    pub redis: Redis,
    /// The servers.
    pub servers: Vec<Server>,
}

impl Cluster {
    /// So many servers with the defaults of the tests.
    pub async fn start(count: usize) -> Self {
        Self::with(count, |builder| builder).await
    }

    /// So many servers with more options.
    pub async fn with(count: usize, options: impl Fn(Builder) -> Builder) -> Self {
        let redis = Redis::start();
        let first = options(Self::builder(&redis)).start().await;
        let mut cluster = Self {
            redis,
            servers: vec![first],
        };
        for _ in 1..count {
            let server = options(cluster.another()).start().await;
            cluster.servers.push(server);
        }
        cluster
    }

    /// A server that has the functions and files of the cluster in this Redis.
    #[must_use]
    pub fn builder(redis: &Redis) -> Builder {
        // Not as an option: it may hold a password.
        Server::builder().env("FAASM_REDIS", &redis.url())
    }

    /// One more server of the cluster, to be started.
    #[must_use]
    pub fn another(&self) -> Builder {
        let upload = self.servers.first().map(|first| first.upload.as_str());
        Self::builder(&self.redis).args(["--storage", upload.unwrap_or_default()])
    }
}
