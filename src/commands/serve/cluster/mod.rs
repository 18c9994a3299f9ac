//! This server in its cluster: what it shares with the others, and how it is told of them.

mod here;
mod others;
mod worlds;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use faasm_calls::{Cluster, Company};
use faasm_cluster::{Members, Profile, Redis, RedisLog, RedisOptions, RedisTier, RedisTokens};
use faasm_link::{LinkKey, Links, Options, PeerId, Tls};
use faasm_model::ClusterKey;
use faasm_state::tier::GlobalTier;
use faasm_storage::{Location, Storage};
use tokio::net::TcpListener;

pub use here::Here;
use others::Others;

use super::settings::Auth;

/// Names the cluster that the data directory belongs to, so that no other one is joined by
/// mistake.
pub const CLUSTER: &str = "cluster";

/// How a server is to be in a cluster.
#[derive(Debug)]
pub struct ClusterPlan {
    pub redis: RedisOptions,
    /// Who is let in.
    pub auth: Auth,
    pub key: Option<ClusterKey>,
    pub link_addr: SocketAddr,
    /// Where others reach that; where it listens unless told.
    pub advertise: Option<String>,
    /// Whether what servers send each other is encrypted.
    pub tls: bool,
    /// Calls that it runs at a time; none if it only stores.
    pub capacity: u32,
    /// Most calls of a user that wait in the log.
    pub max_queued: usize,
}

/// A server that knows its cluster, and that the others do not know yet.
pub struct Joining {
    plan: ClusterPlan,
    redis: Redis,
    key: LinkKey,
    tls: Option<Tls>,
    listener: TcpListener,
    address: String,
}

/// A server that is one of its cluster.
pub struct Joined {
    others: Arc<Others>,
    links: Links,
}

impl Joining {
    /// Finds the cluster. `dir` is where this server remembers which one it belongs to.
    pub async fn start(mut plan: ClusterPlan, dir: &Path) -> anyhow::Result<Self> {
        let known = recall(&dir.join(CLUSTER))?;
        let is_new = known.is_none();
        plan.redis.cluster = known;
        let redis = Redis::connect(&plan.redis).await?;
        if is_new {
            remember(&dir.join(CLUSTER), redis.cluster())?;
        }
        plan.redis.cluster = Some(redis.cluster().to_owned());
        let key = common_key(&redis, plan.key.as_ref()).await?;
        let tls = common_tls(&redis, plan.tls).await?;
        check_auth(&redis, plan.auth).await?;
        let addr = plan.link_addr;
        let listener = TcpListener::bind(addr).await.with_context(|| {
            format!("cannot listen on {addr}; choose another address with --link-addr")
        })?;
        let address = match &plan.advertise {
            Some(address) => address.clone(),
            None => reachable(listener.local_addr()?, &redis).await?.to_string(),
        };
        tracing::info!(cluster = redis.cluster(), %address, "found the cluster");
        Ok(Self {
            plan,
            redis,
            key,
            tls,
            listener,
            address,
        })
    }

    /// The state of the cluster.
    pub async fn tier(&self) -> anyhow::Result<Arc<dyn GlobalTier>> {
        let options = RedisOptions {
            // The other connection does.
            tells: false,
            ..self.plan.redis.clone()
        };
        Ok(Arc::new(RedisTier::connect(options).await?))
    }

    /// The tokens of the cluster.
    pub fn tokens(&self) -> RedisTokens {
        RedisTokens::new(&self.redis)
    }

    /// Makes sure that all servers have the same functions and files.
    pub async fn check_storage(&self, storage: &Storage, at: &Location) -> anyhow::Result<()> {
        let own = storage.id();
        if self.redis.agree("storage", own).await? != own {
            bail!(
                "the servers of this cluster keep functions and files elsewhere than in {at}: give all the same --storage"
            );
        }
        Ok(())
    }

    /// Makes this server one of the cluster. When this returns it has read everything that it
    /// shares with the others.
    pub async fn join(self, here: &Arc<Here>) -> anyhow::Result<(Joined, Company)> {
        let profile = Profile {
            address: self.address.clone(),
            capacity: self.plan.capacity,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            engine: here.engine().to_owned(),
        };
        let me = PeerId::new(self.redis.worker())?;
        let worker = Arc::clone(here) as Arc<dyn faasm_cluster::Worker>;
        let members = Members::join(&self.redis, profile, worker).await?;
        // Others may have come at the same time.
        if let Err(error) = check_auth(&self.redis, self.plan.auth).await {
            leave(members.leave().await);
            return Err(error);
        }
        let service = Arc::clone(here) as Arc<dyn faasm_link::Service>;
        let options = Options {
            tls: self.tls,
            ..Options::default()
        };
        let links = Links::open(self.listener, self.key, me, service, options);
        let own = faasm_calls::Worker {
            id: self.redis.worker().to_owned(),
            address: self.address,
        };
        let others = Arc::new(Others::new(members, links.clone(), own));
        here.tell(&others);
        let most_waiting = u64::try_from(self.plan.max_queued).unwrap_or(u64::MAX);
        let company = Company::Cluster(Cluster {
            log: Arc::new(RedisLog::new(&self.redis, most_waiting)),
            peers: Arc::clone(&others) as Arc<dyn faasm_calls::Peers>,
            runs: self.plan.capacity > 0,
        });
        Ok((Joined { others, links }, company))
    }
}

impl Joined {
    /// All servers of the cluster.
    pub fn workers(&self) -> Arc<dyn faasm_http::Workers> {
        Arc::clone(&self.others) as Arc<dyn faasm_http::Workers>
    }

    /// Ends the membership, so that nobody waits for this server.
    pub async fn leave(&self) {
        leave(self.others.leave().await);
        self.links.close().await;
    }
}

/// How others reach what listens at `addr`, as far as that can be known.
async fn reachable(addr: SocketAddr, redis: &Redis) -> anyhow::Result<SocketAddr> {
    if !addr.ip().is_unspecified() {
        return Ok(addr);
    }
    let own = redis.local_ip(addr.is_ipv4()).await;
    match own.filter(|ip| !ip.is_loopback()) {
        Some(ip) => Ok(SocketAddr::new(ip, addr.port())),
        None => bail!(
            "other servers cannot connect to {addr}: say with --advertise how they reach this one"
        ),
    }
}

fn leave(left: Result<(), faasm_cluster::Error>) {
    if let Err(error) = left {
        tracing::warn!(%error, "the others learn only later that this server has ended");
    }
}

/// Makes sure that all servers let the same clients in. Where there is no other, this one says who
/// that is.
async fn check_auth(redis: &Redis, auth: Auth) -> anyhow::Result<()> {
    let own = match auth {
        Auth::Off => "off",
        Auth::Tokens => "tokens",
    };
    let agreed = redis.agree_for_now("auth", own).await?;
    if agreed != own {
        bail!(
            "the other servers of this cluster run with --auth {agreed}, and this one with --auth {own}: give all the same; to change it, stop all of them first"
        );
    }
    Ok(())
}

/// The key by which servers know each other when they connect.
async fn common_key(redis: &Redis, given: Option<&ClusterKey>) -> anyhow::Result<LinkKey> {
    let proof = given.map_or_else(|| "none".to_owned(), |key| hex(&key.derive("proof")));
    if redis.agree("key", &proof).await? != proof {
        bail!(
            "the other servers of this cluster have another key: give all the same --cluster-key, or none of them one"
        );
    }
    if let Some(key) = given {
        return Ok(LinkKey::new(&key.derive("links")));
    }
    // Whoever can read the Redis may do everything anyway.
    let mut random = [0; 32];
    getrandom::fill(&mut random).context("the system has no randomness")?;
    let agreed: ClusterKey = redis.agree("secret", &hex(&random)).await?.parse()?;
    Ok(LinkKey::new(&agreed.derive("links")))
}

/// The encryption of the links, if the servers have it.
async fn common_tls(redis: &Redis, wanted: bool) -> anyhow::Result<Option<Tls>> {
    let own = if wanted { "tls" } else { "plain" };
    if redis.agree("links", own).await? != own {
        bail!(match wanted {
            true =>
                "the other servers of this cluster do not encrypt what they send each other: leave out --cluster-tls",
            false =>
                "the other servers of this cluster encrypt what they send each other: give this one --cluster-tls, too",
        });
    }
    Ok(wanted.then(Tls::new).transpose()?)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn recall(path: &Path) -> anyhow::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(id) => Ok(Some(id.trim().to_owned()).filter(|id| !id.is_empty())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn remember(path: &Path, id: &str) -> anyhow::Result<()> {
    std::fs::write(path, id).with_context(|| format!("cannot write {}", path.display()))
}
