//! The call log on Redis against the contract.

use faasm_cluster::{Redis, RedisLog, RedisOptions};
use faasm_testkit::Redis as Server;

faasm_calllog::conformance_tests!(fresh().await);

/// A log in a server of its own.
async fn fresh() -> (RedisLog, (Redis, Server)) {
    let server = Server::start();
    let redis = Redis::connect(&RedisOptions::new(server.url())).await;
    let redis = redis.expect("a connection");
    (RedisLog::new(&redis, 10_000), (redis, server))
}
