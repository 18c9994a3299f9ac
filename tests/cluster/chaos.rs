//! Workers and the Redis are killed and stopped at random under a mixed load: nothing that was
//! acknowledged is lost, and nothing stays behind.
//!
//! `FAASM_CHAOS_SEED` repeats the faults of a run, which prints its seed.

mod clients;
mod faults;
mod links;
mod world;

use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use futures::future::join_all;

use crate::mpi_differential::random::Random;
use world::World;

/// How long clients and faults go on.
fn duration() -> Duration {
    Duration::from_secs(if crate::is_long() { 180 } else { 20 })
}

fn seed() -> u64 {
    let given = std::env::var("FAASM_CHAOS_SEED").ok();
    let given = given.map(|seed| seed.parse().unwrap());
    given.unwrap_or_else(|| u64::from(std::process::id()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_whatever_is_killed_and_stopped() {
    let seed = seed();
    eprintln!("FAASM_CHAOS_SEED={seed}");
    let world = World::start().await;
    let until = Instant::now() + duration();
    let load = clients::run(&world, until);
    let faults = faults::run(&world, Random::new(seed), until);
    let ((), ()) = futures::join!(load, faults);
    world.mend().await;

    clients::all_calls_have_one_result(&world).await;
    clients::all_writes_are_there(&world).await;
    join_all(world.workers().await.iter().map(nothing_is_left)).await;
    let told = &world.told;
    eprintln!(
        "accepted {}, appended {}, counted {}, code seen {}, chained {}; not answered or refused {}; faults {}",
        told.accepted.lock().unwrap().len(),
        told.appended.lock().unwrap().len(),
        told.counted.load(SeqCst),
        told.versions_seen.load(SeqCst),
        told.chained.load(SeqCst),
        told.refused.load(SeqCst),
        told.faults.load(SeqCst),
    );
    assert!(
        told.accepted.lock().unwrap().len() > 10,
        "there was no load"
    );
}

/// No slot, no memory of calls that have ended.
async fn nothing_is_left(server: &world::Address) {
    let begun = Instant::now();
    loop {
        let live = server.metric("faasm_calls_live").await;
        let running = server.metric("faasm_calls_running").await;
        let faaslets = server.metric("faasm_faaslets_live").await;
        if (live, running, faaslets) == (0.0, 0.0, 0.0) {
            return;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{live} calls, {running} run, {faaslets} Faaslets"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
