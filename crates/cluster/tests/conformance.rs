//! The behaviour of every global tier, of the one on Redis: a server for each test.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::time::Duration;

use faasm_cluster::{RedisOptions, RedisTier};
use faasm_state::tier::conformance::Quotas;
use faasm_testkit::Redis;

fn fresh(quotas: Quotas) -> (RedisTier, Redis) {
    let redis = Redis::start();
    let options = RedisOptions {
        max_user_bytes: quotas.bytes.into(),
        max_user_keys: quotas.keys,
        // Long enough for a loaded machine, short enough to wait for.
        grace: Duration::from_secs(3),
        timeout: Duration::from_secs(20),
        ..RedisOptions::new(redis.url())
    };
    let connect = RedisTier::connect(options);
    let tier = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(connect));
    (tier.unwrap(), redis)
}

faasm_state::tier_conformance_tests!(fresh);
