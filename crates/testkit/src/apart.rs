//! A cluster whose workers are on machines of their own.

use std::net::IpAddr;

use crate::builder::Builder;
use crate::network::{Host, Network};
use crate::redis::Redis;
use crate::server::Server;

/// Workers that each are on a machine of a [`Network`]. The Redis, and the server that has the
/// functions, are on this machine.
#[derive(Debug)]
pub struct Apart {
    /// The workers, in the order of their machines.
    pub servers: Vec<Server>,
    /// Has the functions, and runs nothing.
    pub upload: Server,
    /// What they share.
    pub redis: Redis,
    /// Their machines.
    pub hosts: Vec<Host>,
    gateway: IpAddr,
    /// Last, so that nothing runs on what is taken away.
    _network: Network,
}

impl Apart {
    /// So many workers with more options.
    pub async fn start(
        mut network: Network,
        workers: usize,
        options: impl Fn(Builder) -> Builder,
    ) -> Self {
        let gateway = network.gateway();
        let mut settings = Vec::new();
        if !gateway.is_loopback() {
            let gateway = gateway.to_string();
            settings.extend(["--bind", "127.0.0.1", &gateway].map(str::to_owned));
            settings.extend(["--protected-mode", "no"].map(str::to_owned));
        }
        let redis = Redis::with(settings);
        let here = format!("{gateway}:0");
        let upload = Server::builder()
            .env("FAASM_REDIS", &redis.url_at(gateway))
            .args(["--role", "upload"])
            .args(["--upload-addr", &here, "--link-addr", &here]);
        let upload = upload.exposed().start().await;
        let mut hosts = Vec::new();
        for _ in 0..workers {
            hosts.push(network.host().await);
        }
        let mut apart = Self {
            servers: Vec::new(),
            upload,
            redis,
            hosts,
            gateway,
            _network: network,
        };
        for number in 0..workers {
            let server = options(apart.worker(number)).start().await;
            apart.servers.push(server);
        }
        apart
    }

    /// A worker on one of the machines, to be started.
    #[must_use]
    pub fn worker(&self, number: usize) -> Builder {
        Server::builder()
            .env("FAASM_REDIS", &self.redis.url_at(self.gateway))
            .args(["--role", "worker", "--storage", &self.upload.upload])
            .on(&self.hosts[number])
    }
}
