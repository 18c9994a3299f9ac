//! Workers on machines of their own, whose links are slow or cut.

use std::time::{Duration, Instant};

use faasm_link::Options;
use faasm_testkit::{Apart, Fault, Network, Signal};
use futures::future::join_all;
use serde_json::Value;

use super::until;
use super::worlds::{SUM, places, running, sums, world_json};
use crate::mpi::{failed, nothing_runs, with_part, world};
use crate::state::guest;

/// Passes integers on to the next rank, and leaves if others than those of the one before come.
const RING: &str = r"
    enum { COUNT = 1 << 16 };
    static int out[COUNT], in[COUNT];
    for (int i = 0; i < COUNT; i++) out[i] = rank + i;
    int next = (rank + 1) % size, last = (rank + size - 1) % size;
    MPI_Sendrecv(out, COUNT, MPI_INT, next, 1, in, COUNT, MPI_INT, last, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    for (int i = 0; i < COUNT; i++) if (in[i] != last + i) MPI_Abort(MPI_COMM_WORLD, 3);";

/// Runs until something ends it.
const WAITS: &str = "extern int usleep(unsigned); \
                     for (;;) { MPI_Barrier(MPI_COMM_WORLD); usleep(1000); }";

/// All ranks that the workers have room for: such a world is on each of them.
const ALL: u32 = 6;

/// Three workers with room for two ranks each. `demo/f` adds the ranks up, `demo/waits` does not
/// end, and `demo/g` is the program of the tests of state.
async fn start(network: Network) -> Apart {
    let apart = Apart::start(network, 3, |builder| builder.args(["--max-running", "2"])).await;
    let ring = format!("{RING} {SUM}");
    apart.upload.put("demo/f", with_part(&ring)).await;
    apart.upload.put("demo/waits", with_part(WAITS)).await;
    apart.upload.put("demo/g", guest::code()).await;
    apart
}

/// How long it may take to notice that nothing comes from a server any more, and to act on it.
fn patience() -> Duration {
    let Options {
        dead_after,
        ping_every,
        ..
    } = Options::default();
    dead_after + ping_every + Duration::from_secs(10)
}

/// Runs a world on all workers, as soon as they are one cluster again.
async fn a_world_runs_everywhere(apart: &Apart) {
    let one = &apart.servers[0];
    let mut call = Value::Null;
    until("a world of all runs", async || {
        call = world_json(one, ALL).await;
        call["status"] == "SUCCESS"
    })
    .await;
    assert_eq!(call["stdout"], sums(ALL), "{call}");
    let places = places(one, &call["id"]).await;
    let counts: Vec<usize> = places.iter().map(|(_, count)| *count).collect();
    assert_eq!(counts, [2, 2, 2], "{places:?}");
}

#[tokio::test]
async fn a_world_over_slow_links_computes_what_it_should() {
    let apart = start(Network::with_delays()).await;
    for host in &apart.hosts {
        host.suffer(Fault::Delay(Duration::from_millis(20)))
            .unwrap();
    }
    a_world_runs_everywhere(&apart).await;
}

#[tokio::test]
async fn a_world_over_links_of_little_bandwidth_computes_what_it_should() {
    let apart = start(Network::new()).await;
    for host in &apart.hosts {
        if let Err(why) = host.suffer(Fault::Rate(20_000)) {
            return eprintln!("skipped: {why}");
        }
    }
    a_world_runs_everywhere(&apart).await;
}

/// How a worker is lost.
#[derive(Clone, Copy, Debug)]
enum Loss {
    Cut,
    Stop,
}

impl Loss {
    /// Why that cannot be, if it cannot.
    fn begin(self, apart: &Apart, number: usize) -> Result<(), String> {
        match self {
            Self::Cut => return apart.hosts[number].suffer(Fault::Cut),
            Self::Stop => apart.servers[number].signal(Signal::STOP),
        }
        Ok(())
    }

    fn end(self, apart: &Apart, number: usize) {
        match self {
            Self::Cut => apart.hosts[number].recover(),
            Self::Stop => apart.servers[number].signal(Signal::CONT),
        }
    }
}

/// A world is on all workers when one of them is lost; the client asked the first.
async fn a_world_loses(apart: &Apart, loss: Loss, number: usize) {
    let lose = async {
        running(&apart.servers, f64::from(ALL)).await;
        (loss.begin(apart, number), Instant::now())
    };
    let call = world(&apart.servers[0], "demo/waits", ALL);
    let (answer, (_, lost)) = futures::join!(call, lose);
    let what = format!("{loss:?} of worker {number}");
    assert!(lost.elapsed() < patience(), "{what}: {:?}", lost.elapsed());
    let failed = failed(&answer);
    let is_known = failed.reason.starts_with("worker_lost: ");
    assert!(is_known, "{what}: {}", failed.reason);
    // A worker whose link is cut can be asked all the same, and has no client to serve.
    let asked = apart.servers.iter().enumerate();
    let asked = asked.filter(|(other, _)| matches!(loss, Loss::Cut) || *other != number);
    let free = join_all(asked.map(|(_, server)| nothing_runs(server)));
    let free = tokio::time::timeout(patience(), free).await;
    assert!(free.is_ok(), "{what}: something still runs");
    loss.end(apart, number);
    a_world_runs_everywhere(apart).await;
    join_all(apart.servers.iter().map(nothing_runs)).await;
}

#[tokio::test]
async fn a_link_that_is_cut_ends_the_world_and_the_next_one_runs() {
    let network = Network::new();
    if !network.is_apart() {
        return eprintln!("skipped: links of the loopback cannot be cut");
    }
    let apart = start(network).await;
    for number in [2, 0] {
        a_world_loses(&apart, Loss::Cut, number).await;
    }
}

#[tokio::test]
async fn a_worker_that_hangs_ends_the_world_and_the_next_one_runs() {
    let apart = start(Network::new()).await;
    a_world_loses(&apart, Loss::Stop, 1).await;
}

#[tokio::test]
async fn chained_calls_that_run_elsewhere_end_when_the_link_is_cut() {
    let network = Network::new();
    if !network.is_apart() {
        return eprintln!("skipped: links of the loopback cannot be cut");
    }
    let apart = start(network).await;
    let (one, others) = apart.servers.split_first().unwrap();
    let cut = async {
        until("a call was handed over", async || {
            let running = others.iter();
            let running = running.map(|other| other.metric("faasm_calls_running", ""));
            join_all(running).await.iter().sum::<f64>() > 0.0
        })
        .await;
        apart.hosts[0].suffer(Fault::Cut).unwrap();
        Instant::now()
    };
    // Longer than it takes to notice.
    let script = "chain g nap 9000; chain g nap 9000; awaitall";
    let (call, cut) = futures::join!(one.call_json("demo/g", script), cut);
    assert!(cut.elapsed() < Duration::from_secs(9) + patience());
    let printed = call["stdout"].as_str().unwrap();
    let lost = printed.split_whitespace().filter(|value| *value != "0");
    assert!(lost.count() > 0, "{call}");
    apart.hosts[0].recover();
    until("it knows its cluster again", async || {
        one.get("/readyz").await.status == 200
    })
    .await;
    let graph = one.get(&format!("/calls/{}/graph", call["id"])).await;
    let graph = graph.expect(200).text();
    assert!(
        graph.contains("the server that ran the call was lost"),
        "{graph}"
    );
    join_all(apart.servers.iter().map(nothing_runs)).await;
    until("calls are chained again", async || {
        let script = "chain g nap 1; chain g nap 1; awaitall";
        one.call_json("demo/g", script).await["stdout"] == "0 0 \n"
    })
    .await;
    a_world_runs_everywhere(&apart).await;
}
