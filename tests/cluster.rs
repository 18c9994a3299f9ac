//! Several servers that are one cluster: what is uploaded to one runs on all, calls spread, and a
//! server that ends loses nothing.

mod bucket;
mod calls;
mod chaos;
mod handover;
mod membership;
mod network;
mod tokens;
mod uploads;
pub(crate) mod worlds;

use std::time::{Duration, Instant};

use faasm_testkit::{Cluster, Server};
use futures::future::join_all;

use crate::state::guest;

/// A cluster on which `demo/f` is the program of the tests of state.
async fn start(servers: usize, args: &[&str]) -> Cluster {
    let cluster = Cluster::with(servers, |builder| builder.args(args.iter().copied())).await;
    cluster.servers[0].put("demo/f", guest::code()).await;
    cluster
}

/// Calls of functions that ended on the server.
async fn ran(server: &Server) -> f64 {
    server.metric("faasm_calls_total", "").await
}

/// Waits until it is so.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < Duration::from_secs(60), "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The texts of these calls, once they have ended, asked of one server.
async fn ends(server: &Server, ids: &[u64]) -> Vec<String> {
    join_all(ids.iter().map(|id| server.wait(*id))).await
}
