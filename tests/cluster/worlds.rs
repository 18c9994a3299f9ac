//! MPI worlds that span several servers.

mod losses;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use faasm_testkit::{Answer, Cluster, Server};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{ran, until};
use crate::mpi::{failed, mpi, nothing_runs, submit, with_part, world};

/// Adds the numbers of all ranks up, and has each say what it got.
pub(super) const SUM: &str = "MPI_Allreduce(&rank, &number, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD); \
                   printf(\"%d of %d: %d\", rank, size, number);";

/// What the ranks of a world of `SUM` print, one after the other.
pub(super) fn sums(size: u32) -> String {
    let sum: u32 = (0..size).sum();
    let lines: Vec<String> = (0..size)
        .map(|rank| format!("{rank} of {size}: {sum}"))
        .collect();
    lines.join("\n")
}

/// Three servers with room for four ranks each, on which `demo/f` is such a program.
async fn start(part: &str) -> Cluster {
    start_with(part, &[]).await
}

async fn start_with(part: &str, args: &[&str]) -> Cluster {
    let cluster = Cluster::with(3, |builder| {
        builder
            .args(["--max-running", "4"])
            .args(args.iter().copied())
    });
    let cluster = cluster.await;
    put(&cluster, part).await;
    cluster
}

async fn put(cluster: &Cluster, part: &str) {
    let source = format!("extern unsigned sleep(unsigned); {part}");
    cluster.servers[0].put("demo/f", with_part(&source)).await;
}

/// Waits until so many ranks run on these servers altogether.
pub(super) async fn running(servers: &[Server], ranks: f64) {
    until("the ranks run", async || {
        let live = servers
            .iter()
            .map(|it| it.metric("faasm_faaslets_live", ""));
        join_all(live).await.iter().sum::<f64>() == ranks
    })
    .await;
}

/// Runs a world as soon as there is room for it.
async fn world_at_last(server: &Server, size: u32) -> Answer {
    let begun = Instant::now();
    loop {
        let answer = world(server, "demo/f", size).await;
        if answer.status != 429 || begun.elapsed() > Duration::from_secs(60) {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// How many ranks ran on which worker, in the order of the ranks; rank 0 is the root.
pub(crate) async fn places(server: &Server, id: &Value) -> Vec<(String, usize)> {
    let graph = server
        .get(&format!("/calls/{id}/graph"))
        .await
        .expect(200)
        .json();
    let root = &graph["root"];
    let ranks = root["chained"].as_array().unwrap().iter();
    let ranks = ranks.map(|call| &call["msg"]).chain([&root["msg"]]);
    let on = |msg: &Value| {
        (
            msg["mpi_rank"].as_u64().unwrap(),
            msg["worker"].as_str().unwrap().to_owned(),
        )
    };
    let workers: BTreeMap<u64, String> = ranks.map(on).collect();
    let mut places: Vec<(String, usize)> = Vec::new();
    for worker in workers.into_values() {
        match places.last_mut() {
            Some((last, count)) if *last == worker => *count += 1,
            _ => places.push((worker, 1)),
        }
    }
    places
}

/// Calls `demo/f` as a world of so many ranks; the call, however it ended.
pub(super) async fn world_json(server: &Server, size: u32) -> Value {
    let call = json!({"user": "demo", "function": "f", "mpi_world_size": size});
    let headers = ["accept: application/json"];
    let answer = server.request_with(Method::POST, &server.invoke, &headers, call.to_string());
    answer.await.json()
}

#[tokio::test]
async fn a_world_spans_servers_and_the_graph_shows_where_each_rank_ran() {
    let cluster = start(SUM).await;
    let one = &cluster.servers[1];
    for (size, counts) in [(4, &[4][..]), (8, &[4, 4]), (5, &[4, 1]), (12, &[4, 4, 4])] {
        let call = world_json(one, size).await;
        assert_eq!(call["stdout"], sums(size), "{call}");
        let places = places(one, &call["id"]).await;
        let found: Vec<usize> = places.iter().map(|(_, count)| *count).collect();
        assert_eq!(found, counts, "{places:?}");
        let workers: BTreeMap<_, _> = places.iter().cloned().collect();
        assert_eq!(workers.len(), places.len(), "one part each: {places:?}");
    }
}

#[tokio::test]
async fn a_world_that_fits_on_its_server_stays_there() {
    let cluster = start(SUM).await;
    let (one, others) = cluster.servers.split_first().unwrap();
    for size in 1..=4 {
        assert_eq!(
            world(one, "demo/f", size).await.expect(200).text(),
            sums(size)
        );
    }
    for other in others {
        assert_eq!(ran(other).await, 0.0);
    }
}

#[tokio::test]
async fn what_ends_a_rank_on_another_server_ends_all_with_its_number_and_the_reason() {
    let cluster = start(SUM).await;
    let one = &cluster.servers[0];
    for (does, value, says) in [
        (
            "MPI_Abort(MPI_COMM_WORLD, 42);",
            "42",
            "mpi_failed: rank 9: MPI_Abort with code 42",
        ),
        (
            "__builtin_trap();",
            "-1",
            "trap: rank 9: wasm trap: wasm `unreachable`",
        ),
        (
            "exit(5);",
            "5",
            "nonzero_return: rank 9: the function returned 5",
        ),
        (
            "exit(0);",
            "-1",
            "mpi_failed: rank 9: left without MPI_Finalize",
        ),
    ] {
        let waits = "MPI_Recv(&number, 1, MPI_INT, 9, 99, MPI_COMM_WORLD, MPI_STATUS_IGNORE);";
        put(
            &cluster,
            &format!("if (rank == 9) {{ {does} }} else {{ {waits} }}"),
        )
        .await;
        let failed = failed(&world_at_last(one, 12).await);
        assert_eq!(
            (failed.status, failed.value.as_str()),
            (500, value),
            "{does}: {}",
            failed.reason
        );
        assert!(failed.reason.starts_with(says), "{does}: {}", failed.reason);
        join_all(cluster.servers.iter().map(nothing_runs)).await;
    }
}

#[tokio::test]
async fn ranks_of_several_servers_that_wait_for_each_other_are_told_at_once() {
    let part =
        "MPI_Recv(&number, 1, MPI_INT, (rank + 1) % size, 7, MPI_COMM_WORLD, MPI_STATUS_IGNORE);";
    let cluster = start(part).await;
    let failed = failed(&world(&cluster.servers[0], "demo/f", 8).await);
    assert!(
        failed.reason.starts_with("mpi_failed: deadlock"),
        "{}",
        failed.reason
    );
    for says in [
        "rank 0: MPI_Recv(source 1, tag 7",
        "rank 7: MPI_Recv(source 0, tag 7",
    ] {
        assert!(failed.reason.contains(says), "{}", failed.reason);
    }
}

#[tokio::test]
async fn cancelling_and_the_deadline_end_the_ranks_on_all_servers() {
    let cluster = start("if (rank < 6) sleep(1000); else for (volatile int i = 0;; i++) {}").await;
    let one = &cluster.servers[0];
    let id = submit(one, "demo/f", 12).await;
    running(&cluster.servers, 12.0).await;
    let url = format!("{}/calls/{id}", one.invoke);
    let cancelled = one.request(Method::DELETE, &url, "").await;
    assert!(cancelled.status.is_success(), "{}", cancelled.text());
    let ended = one.wait(id).await;
    assert!(ended.contains("failed: cancelled: "), "{ended}");
    join_all(cluster.servers.iter().map(nothing_runs)).await;

    let limits = one.set_limits("demo/f", json!({"time_ms": 500})).await;
    assert_eq!(limits.status, 200);
    let failed = failed(&world_at_last(one, 12).await);
    assert_eq!(failed.status, 504, "{}", failed.reason);
    assert!(
        failed.reason.starts_with("time_limit: rank "),
        "{}",
        failed.reason
    );
    join_all(cluster.servers.iter().map(nothing_runs)).await;
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_no_rank_behind() {
    let cluster = start("sleep(1000);").await;
    let gone = async {
        tokio::select! {
            answer = world(&cluster.servers[0], "demo/f", 12) => panic!("{}", answer.text()),
            () = running(&cluster.servers, 12.0) => {}
        }
    };
    gone.await;
    join_all(cluster.servers.iter().map(nothing_runs)).await;
}

#[tokio::test]
async fn a_world_larger_than_the_cluster_is_refused_at_once() {
    let cluster = start(SUM).await;
    for is_async in [false, true] {
        let call =
            json!({"user": "demo", "function": "f", "mpi_world_size": 13, "async": is_async});
        let answer = cluster.servers[0].post(call).await;
        assert_eq!(answer.status, 429, "{}", answer.text());
        let says = "the servers of this cluster run at most 12 ranks";
        assert!(answer.text().contains(says), "{}", answer.text());
    }
}

#[tokio::test]
async fn worlds_that_do_not_fit_together_do_not_keep_each_other_from_running() {
    let cluster = start(SUM).await;
    let ids = join_all((0..6).map(|number| {
        let server = &cluster.servers[number % 3];
        submit(server, "demo/f", if number % 2 == 0 { 8 } else { 12 })
    }));
    let ids = ids.await;
    for (number, text) in super::ends(&cluster.servers[0], &ids)
        .await
        .iter()
        .enumerate()
    {
        assert!(
            text.contains(&sums(if number % 2 == 0 { 8 } else { 12 })),
            "{text}"
        );
    }
    // Those whose clients wait run, or are refused: none hangs.
    let at_once = join_all(
        cluster
            .servers
            .iter()
            .map(|server| world(server, "demo/f", 8)),
    );
    for answer in at_once.await {
        assert!(
            [200, 429].contains(&answer.status.as_u16()),
            "{}",
            answer.text()
        );
    }
    assert_eq!(
        world_at_last(&cluster.servers[2], 12).await.text(),
        sums(12)
    );
}

#[tokio::test]
async fn a_server_without_room_hands_the_world_over_to_one_that_finds_room_for_it() {
    let cluster = start("sleep(size == 4 ? 3 : 0);").await;
    let one = &cluster.servers[0];
    let full = world(one, "demo/f", 4);
    let spread = async {
        running(&cluster.servers[..1], 4.0).await;
        world_json(one, 7).await
    };
    let (full, call) = futures::join!(full, spread);
    let _ = full.expect(200);
    assert_eq!(call["status"], "SUCCESS", "{call}");
    let counts: Vec<usize> = places(one, &call["id"])
        .await
        .into_iter()
        .map(|(_, count)| count)
        .collect();
    assert_eq!(counts, [4, 3]);
    assert_eq!(one.metric("faasm_calls_handed_over_total", "").await, 1.0);
}

#[tokio::test]
async fn what_ranks_on_other_servers_call_is_in_the_graph() {
    let source = r#"#include <faasm/host_interface.h>
        static int nothing(void) { return 0; }
        static void chain(void) { __faasm_await_call(__faasm_chain_ptr(nothing, NULL, 0)); }"#;
    let cluster = start("").await;
    let one = &cluster.servers[0];
    let program = mpi(&format!(
        "{source} int main(void) {{ int rank; MPI_Init(NULL, NULL); \
         MPI_Comm_rank(MPI_COMM_WORLD, &rank); if (rank == 5) chain(); return MPI_Finalize(); }}"
    ));
    one.put("demo/f", program).await;
    let call = world_json(one, 6).await;
    assert_eq!(call["status"], "SUCCESS", "{call}");
    let graph = one
        .get(&format!("/calls/{}/graph", call["id"]))
        .await
        .expect(200)
        .json();
    let ranks = graph["root"]["chained"].as_array().unwrap();
    let rank = ranks
        .iter()
        .find(|call| call["msg"]["mpi_rank"] == 5)
        .unwrap();
    assert_eq!(rank["chained"].as_array().map(Vec::len), Some(1), "{graph}");
}
