//! Synchronous and chained calls for which a server has no room.

use std::time::Duration;

use faasm_testkit::{Cluster, Server};
use futures::future::join_all;
use serde_json::Value;

use super::{guest, ran, start, until};

/// Two servers that run two calls each: one alone, a user may have one of them.
async fn small(args: &[&str]) -> Cluster {
    start(2, &[&["--max-running", "2"], args].concat()).await
}

async fn handed(server: &Server) -> f64 {
    server.metric("faasm_calls_handed_over_total", "").await
}

#[tokio::test]
async fn a_synchronous_call_runs_on_a_server_that_has_room() {
    let cluster = small(&[]).await;
    let (one, other) = (&cluster.servers[0], &cluster.servers[1]);
    guest::set(one, "demo/gate", "0").await;
    let gated = join_all((0..2).map(|_| guest::run(one, "gate gate; read gate 1")));
    let open = async {
        until("it was handed over", async || {
            handed_or_runs(one, other).await
        })
        .await;
        guest::set(one, "demo/gate", "1").await;
    };
    let (answers, ()) = futures::join!(gated, open);
    assert_eq!(answers, ["1 1\n"; 2]);
    assert_eq!(handed(one).await, 1.0);
    assert_eq!(ran(other).await, 1.0);
}

async fn handed_or_runs(one: &Server, other: &Server) -> bool {
    one.metric("faasm_calls_running", "").await == 1.0
        && other.metric("faasm_calls_running", "").await == 1.0
}

#[tokio::test]
async fn chained_calls_spread_and_the_graph_shows_them_all() {
    let cluster = small(&[]).await;
    let (one, other) = (&cluster.servers[0], &cluster.servers[1]);
    let script = "chain f nap 300; chain f chain f nap 200|await; chain f nap 300; chain f return 7; awaitall";
    let call = one.call_json("demo/f", script).await;
    assert_eq!(call["stdout"], "0 0 0 7 \n", "{call}");
    assert!(handed(one).await > 0.0);
    assert!(ran(other).await > 0.0);
    let id = &call["id"];
    let graph = one
        .get(&format!("/calls/{id}/graph"))
        .await
        .expect(200)
        .json();
    let children = graph["root"]["chained"].as_array().unwrap();
    assert_eq!(children.len(), 4, "{graph}");
    let grandchildren: usize = children
        .iter()
        .filter_map(|child| Some(child["chained"].as_array()?.len()))
        .sum();
    assert_eq!(grandchildren, 1, "{graph}");
}

#[tokio::test]
async fn a_call_that_was_handed_over_ends_when_its_client_goes() {
    let cluster = small(&[]).await;
    let (one, other) = (&cluster.servers[0], &cluster.servers[1]);
    let calls = (0..2).map(|_| one.call("demo/f", "nap 60000"));
    let gone = tokio::time::timeout(Duration::from_secs(2), join_all(calls)).await;
    assert!(gone.is_err());
    until("nothing runs", async || {
        other.metric("faasm_calls_live", "").await == 0.0
            && one.metric("faasm_calls_live", "").await == 0.0
    })
    .await;
    assert_eq!(other.metric("faasm_calls_total", "cancelled").await, 1.0);
}

#[tokio::test]
async fn who_waits_for_a_call_on_a_server_that_is_killed_is_told() {
    let mut cluster = small(&[]).await;
    let other = cluster.servers.pop().unwrap();
    let one = &cluster.servers[0];
    let calls = join_all((0..2).map(|_| one.call_json("demo/f", "nap 4000")));
    let kill = async {
        let mut other = other;
        until("it was handed over", async || {
            handed_or_runs(one, &other).await
        })
        .await;
        other.kill();
    };
    let (ended, ()) = futures::join!(calls, kill);
    let code = |call: &Value| {
        call["reason"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let mut codes: Vec<String> = ended.iter().map(code).collect();
    codes.sort();
    assert_eq!(codes, ["", "worker_lost"], "{ended:?}");
}

#[tokio::test]
async fn calls_wait_where_they_are_when_nobody_has_room() {
    let cluster = small(&[]).await;
    let calls = (0..8).map(|number| guest::run(&cluster.servers[number % 2], "nap 200"));
    join_all(calls).await;
}
