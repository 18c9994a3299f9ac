//! Servers that are lost in the middle of a world.

use std::time::{Duration, Instant};

use faasm_testkit::Signal;
use futures::future::join_all;

use super::{failed, nothing_runs, put, running, start, start_with, world, world_at_last};

/// Far longer than a loss takes to be noticed.
const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_server_that_is_killed_ends_the_world_and_leaves_room_for_the_next() {
    let mut cluster = start("sleep(1000);").await;
    let lost = cluster.servers.pop().unwrap();
    let kill = async {
        let mut lost = lost;
        running(&cluster.servers, 8.0).await;
        running(std::slice::from_ref(&lost), 4.0).await;
        lost.kill();
        Instant::now()
    };
    let (answer, killed) = futures::join!(world(&cluster.servers[0], "demo/f", 12), kill);
    assert!(killed.elapsed() < LIMIT);
    let failed = failed(&answer);
    assert_eq!(failed.status, 500, "{}", failed.reason);
    let says = "worker_lost: the connection to worker 127.0.0.1:";
    assert!(failed.reason.starts_with(says), "{}", failed.reason);
    let names = failed.reason.contains("which ran the ranks 4 to 7")
        || failed.reason.contains("which ran the ranks 8 to 11");
    assert!(names, "{}", failed.reason);
    join_all(cluster.servers.iter().map(nothing_runs)).await;
    put(&cluster, "").await;
    let _ = world_at_last(&cluster.servers[1], 8).await.expect(200);
}

#[tokio::test]
async fn a_server_that_hangs_ends_the_world_and_has_room_when_it_goes_on() {
    let cluster =
        start("sleep(size == 12 && rank == 0 ? 1000 : 0); MPI_Barrier(MPI_COMM_WORLD);").await;
    let (one, hangs) = (&cluster.servers[0], &cluster.servers[1]);
    let stop = async {
        running(&cluster.servers, 12.0).await;
        hangs.signal(Signal::STOP);
        Instant::now()
    };
    let (answer, stopped) = futures::join!(world(one, "demo/f", 12), stop);
    assert!(stopped.elapsed() < LIMIT);
    let failed = failed(&answer);
    assert!(
        failed.reason.starts_with("worker_lost: "),
        "{}",
        failed.reason
    );
    hangs.signal(Signal::CONT);
    join_all(cluster.servers.iter().map(nothing_runs)).await;
    put(&cluster, "MPI_Barrier(MPI_COMM_WORLD);").await;
    let _ = world_at_last(one, 12).await.expect(200);
}

#[tokio::test]
async fn ranks_end_when_the_server_of_rank_0_is_killed() {
    // The first has the functions.
    let mut cluster = start("sleep(1000);").await;
    let mut first = cluster.servers.pop().unwrap();
    {
        let call = world(&first, "demo/f", 12);
        let all_run = async {
            running(&cluster.servers, 8.0).await;
            running(std::slice::from_ref(&first), 4.0).await;
        };
        tokio::select! {
            answer = call => panic!("{}", answer.text()),
            () = all_run => {}
        }
    }
    first.kill();
    let ended = join_all(cluster.servers.iter().map(nothing_runs));
    assert!(
        tokio::time::timeout(LIMIT, ended).await.is_ok(),
        "something still runs"
    );
}

#[tokio::test]
async fn a_server_that_is_shut_down_lets_its_ranks_end() {
    let mut cluster = start_with("sleep(2);", &["--shutdown-grace", "60s"]).await;
    let ends = cluster.servers.pop().unwrap();
    let end = async {
        let mut ends = ends;
        running(&cluster.servers, 8.0).await;
        running(std::slice::from_ref(&ends), 4.0).await;
        ends.signal(Signal::TERM);
        ends.exit_code(LIMIT).await
    };
    let (answer, code) = futures::join!(world(&cluster.servers[0], "demo/f", 12), end);
    let _ = answer.expect(200);
    assert_eq!(code, Some(0));
}
