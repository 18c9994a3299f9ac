//! What happens to the cluster.

use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use faasm_testkit::Signal;

use super::world::{WORKERS, World};
use crate::mpi_differential::random::Random;

/// One fault after the other, with pauses, until the time has come.
pub async fn run(world: &World, mut random: Random, until: Instant) {
    while Instant::now() < until {
        pause(&mut random, 200, 2_500).await;
        let number = random.below(WORKERS);
        match random.below(6) {
            0 | 1 => kill_worker(world, number, &mut random).await,
            2 => stop_worker(world, number, &mut random, 500, 3_000).await,
            // Beyond all leases.
            3 => stop_worker(world, number, &mut random, 9_000, 12_000).await,
            4 => stop_redis(world, &mut random).await,
            _ => kill_redis(world, &mut random).await,
        }
        world.told.faults.fetch_add(1, SeqCst);
    }
}

/// Waits so many milliseconds, or something between.
pub async fn pause(random: &mut Random, first: usize, last: usize) {
    let millis = random.between(first, last) as u64;
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

async fn kill_worker(world: &World, number: usize, random: &mut Random) {
    eprintln!("killing worker {number}");
    // Dropping it kills it.
    drop(world.workers[number].write().await.take());
    pause(random, 0, 4_000).await;
    world.start_worker(number).await;
}

async fn stop_worker(world: &World, number: usize, random: &mut Random, first: usize, last: usize) {
    eprintln!("stopping worker {number}");
    let place = world.workers[number].read().await;
    let Some(worker) = &*place else { return };
    worker.signal(Signal::STOP);
    pause(random, first, last).await;
    worker.signal(Signal::CONT);
}

async fn stop_redis(world: &World, random: &mut Random) {
    eprintln!("stopping Redis");
    let redis = world.redis.read().await;
    redis.signal(Signal::STOP);
    pause(random, 200, 6_000).await;
    redis.signal(Signal::CONT);
}

async fn kill_redis(world: &World, random: &mut Random) {
    eprintln!("killing Redis");
    let mut redis = world.redis.write().await;
    redis.kill();
    pause(random, 0, 3_000).await;
    tokio::task::block_in_place(|| redis.restart());
}
