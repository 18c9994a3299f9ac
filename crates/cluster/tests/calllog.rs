//! The call log on Redis against the contract.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod shared;

use faasm_calllog::{CallLog, SharedLog};
use faasm_cluster::{Redis, RedisLog, RedisOptions};
use faasm_testkit::Redis as Server;
use shared::{tell, worker};

faasm_calllog::conformance_tests!(fresh().await);

/// A log in a server of its own.
async fn fresh() -> (RedisLog, (Redis, Server)) {
    let server = Server::start();
    let redis = Redis::connect(&RedisOptions::new(server.url())).await;
    let redis = redis.expect("a connection");
    (RedisLog::new(&redis, 10_000), (redis, server))
}

#[tokio::test]
async fn ids_go_on_where_a_server_lost_its_last_writes() {
    let (log, (_redis, server)) = fresh().await;
    let first = log.reserve_ids(100).await.unwrap();
    tell(&server, &["DEL", "{faasm:calls}:counters"]);
    assert_eq!(log.reserve_ids(1).await.unwrap().start, first.end);
    tell(&server, &["DEL", "{faasm:calls}:counters"]);
    log.renew(&[]).await.unwrap();
    let other = RedisLog::new(&worker(&server).await, 10);
    assert_eq!(other.reserve_ids(1).await.unwrap().start, first.end + 1);
}
