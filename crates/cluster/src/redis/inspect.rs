//! Whether a server is fit for the state, and what it keeps when it fails.

use std::time::{Duration, SystemTime};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, FromRedisValue};

use super::address::{client, redacted};
use super::connect::{LAYOUT, field, is_new_enough};
use super::error::{Error, Problem};
use super::keys::Prefix;

/// What a server says about itself. What its user may not ask is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its address, without the password.
    pub server: String,
    /// Its version.
    pub version: Option<String>,
    /// Whether the version is 6.2 or newer, if it is known.
    pub is_new_enough: bool,
    /// Whether it is a primary: replicas take no writes.
    pub is_primary: Option<bool>,
    /// Whether it is a node of a Redis Cluster.
    pub is_cluster: Option<bool>,
    /// What happens to acknowledged writes when it fails.
    pub durability: Option<Durability>,
    /// Most bytes it takes; 0 for no limit.
    pub max_memory: Option<u64>,
    /// What it drops when it has taken them: only `noeviction` keeps state.
    pub eviction: Option<String>,
    /// How far its clock is from this machine's, as far as could be told.
    pub clock_skew: Duration,
    /// The version of the layout below the prefix; `None` when there is no cluster yet.
    pub layout: Option<String>,
    /// The layout that this program writes.
    pub known_layout: u64,
    /// The id of the cluster below the prefix.
    pub cluster: Option<String>,
}

/// What a server keeps of acknowledged writes when its process or its machine fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// `appendonly no`: nothing since the last snapshot, if snapshots are made at all.
    SinceSnapshot,
    /// `appendfsync no`: all when the process fails; when the machine does, what the
    /// kernel had written by then.
    Kernel,
    /// `appendfsync everysec`: all when the process fails; when the machine does, all
    /// but the last second or two.
    LastSecond,
    /// `appendfsync always`: everything.
    Everything,
    /// `appendonly yes`; how often it reaches the disk is not known.
    Appended,
}

/// Asks the server at `url` what it is like, and what is below `prefix`. Changes nothing.
///
/// # Errors
/// When the server cannot be reached within `timeout`, or does not let the user in.
pub async fn inspect(url: &str, prefix: &str, timeout: Duration) -> Result<Report, Error> {
    let (client, prefix) = (client(url)?, Prefix::new(prefix)?);
    let server = redacted(url);
    // Another part of the process may have chosen one before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(timeout))
        .set_response_timeout(Some(timeout));
    let ask = async {
        let connection = client.get_multiplexed_async_connection_with_config(&config);
        let connection = connection.await?;
        report(connection, server.clone(), &prefix).await
    };
    match tokio::time::timeout(timeout, ask).await {
        Ok(report) => report.map_err(|error| Problem::of(&error, timeout).at(&server)),
        Err(_) => Err(Problem::Silent(timeout).at(&server)),
    }
}

async fn report(
    mut connection: MultiplexedConnection,
    server: String,
    prefix: &Prefix,
) -> redis::RedisResult<Report> {
    let before = SystemTime::now();
    let (seconds, micros): (u64, u64) = redis::cmd("TIME").query_async(&mut connection).await?;
    let theirs =
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_micros(micros);
    let clock_skew = skew(before, theirs, SystemTime::now());
    let key = format!("{}layout", prefix.cluster());
    let row = redis::cmd("HMGET")
        .arg(key)
        .arg(&["version", "id"])
        .to_owned();
    let (layout, cluster) = row.query_async(&mut connection).await?;
    let info: String = allowed(&mut connection, redis::cmd("INFO").arg("all"))
        .await?
        .unwrap_or_default();
    let fsync = redis::cmd("CONFIG")
        .arg("GET")
        .arg("appendfsync")
        .to_owned();
    let fsync: Option<Vec<String>> = allowed(&mut connection, &fsync).await?;
    let fsync = fsync.and_then(|pair| pair.into_iter().nth(1));
    let version = field(&info, "redis_version").map(str::to_owned);
    Ok(Report {
        server,
        is_new_enough: version.as_deref().is_none_or(is_new_enough),
        version,
        is_primary: field(&info, "role").map(|role| role == "master"),
        is_cluster: field(&info, "cluster_enabled").map(|enabled| enabled == "1"),
        durability: field(&info, "aof_enabled").map(|aof| durability(aof, fsync.as_deref())),
        max_memory: field(&info, "maxmemory").and_then(|bytes| bytes.parse().ok()),
        eviction: field(&info, "maxmemory_policy").map(str::to_owned),
        clock_skew,
        layout,
        known_layout: LAYOUT,
        cluster,
    })
}

/// The answer to a question that not every user may ask, and not every server answers.
async fn allowed<T: FromRedisValue>(
    connection: &mut MultiplexedConnection,
    command: &redis::Cmd,
) -> redis::RedisResult<Option<T>> {
    match command.query_async(connection).await {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.is_io_error() => Err(error),
        Err(_) => Ok(None),
    }
}

fn durability(aof_enabled: &str, appendfsync: Option<&str>) -> Durability {
    match (aof_enabled, appendfsync) {
        ("0", _) => Durability::SinceSnapshot,
        (_, Some("always")) => Durability::Everything,
        (_, Some("everysec")) => Durability::LastSecond,
        (_, Some("no")) => Durability::Kernel,
        _ => Durability::Appended,
    }
}

/// How far `theirs`, which was told between the two others, is outside of them.
fn skew(before: SystemTime, theirs: SystemTime, after: SystemTime) -> Duration {
    let ahead = theirs.duration_since(after).unwrap_or_default();
    let behind = before.duration_since(theirs).unwrap_or_default();
    ahead.max(behind)
}
