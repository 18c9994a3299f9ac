//! Links are cut and slowed, and workers killed and stopped, at random under MPI worlds and
//! chained calls: all of them end, with the right result or an error that is meant for that.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use faasm_testkit::{Apart, Fault, Network, Server, Signal};
use futures::future::join_all;
use reqwest::Method;
use tokio::sync::RwLock;

use super::super::until as wait_until;
use super::super::worlds::{SUM, sums};
use super::clients::end;
use super::faults::pause;
use super::world::Address;
use super::{nothing_is_left, seed};
use crate::mpi::with_part;
use crate::mpi_differential::random::Random;
use crate::state::guest;

const WORKERS: usize = 3;

/// Ranks, and calls, that each runs.
const ROOM: u32 = 4;

/// Ranks that meet ten times, and then add their numbers up.
const MEETS: &str = "extern int usleep(unsigned); \
                     for (int i = 0; i < 10; i++) { usleep(10000); MPI_Barrier(MPI_COMM_WORLD); }";

/// Of an answer that nothing was begun or kept: too little room, or cut off.
const REFUSED: [u16; 2] = [429, 503];

/// How a call ends when a server is lost.
const LOST: &str = "worker_lost: ";

/// The cluster that things happen to, and what clients were told.
struct Fleet {
    workers: Vec<RwLock<Option<Server>>>,
    apart: Apart,
    /// Asynchronous worlds that were accepted, and their sizes.
    accepted: Mutex<Vec<(u64, u32)>>,
    right: AtomicU64,
    failed: AtomicU64,
    unanswered: AtomicU64,
}

impl Fleet {
    async fn start() -> Self {
        let network = Network::with_delays();
        let mut apart = Apart::start(network, WORKERS, |builder| builder.args(options())).await;
        let program = with_part(&format!("{MEETS} {SUM}"));
        apart.upload.put("demo/f", program).await;
        apart.upload.put("demo/g", guest::code()).await;
        let servers = std::mem::take(&mut apart.servers);
        Self {
            workers: servers
                .into_iter()
                .map(|server| RwLock::new(Some(server)))
                .collect(),
            apart,
            accepted: Mutex::default(),
            right: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            unanswered: AtomicU64::new(0),
        }
    }

    /// Where a worker is, if it runs.
    async fn worker(&self, number: usize) -> Option<Address> {
        self.workers[number].read().await.as_ref().map(Address::of)
    }

    async fn kill(&self, number: usize) {
        // Dropping it kills it.
        drop(self.workers[number].write().await.take());
    }

    /// Starts a worker unless it runs.
    async fn revive(&self, number: usize) {
        let mut place = self.workers[number].write().await;
        if place.is_none() {
            let builder = self.apart.worker(number).args(options());
            *place = Some(builder.start().await);
        }
    }

    async fn signal(&self, number: usize, signal: Signal) {
        if let Some(worker) = &*self.workers[number].read().await {
            worker.signal(signal);
        }
    }

    /// Has nothing be wrong any more; the workers, ready.
    async fn mend(&self) -> Vec<Address> {
        let mut workers = Vec::new();
        for number in 0..WORKERS {
            self.apart.hosts[number].recover();
            self.signal(number, Signal::CONT).await;
            self.revive(number).await;
            workers.extend(self.worker(number).await);
        }
        for worker in &workers {
            wait_until("all are ready", async || {
                matches!(worker.get("/readyz").await, Some((200, _)))
            })
            .await;
        }
        workers
    }

    /// Counts an answer, which must be right or known.
    fn judge(&self, answer: Option<(u16, String)>, is_right: impl Fn(&str) -> bool) {
        let count = match answer {
            None => &self.unanswered,
            Some((200, text)) => {
                assert!(is_right(&text), "a wrong result: {text}");
                &self.right
            }
            Some((status, text)) => {
                let is_known = REFUSED.contains(&status) || text.contains(LOST);
                assert!(is_known, "{status}: {text}");
                &self.failed
            }
        };
        count.fetch_add(1, SeqCst);
    }
}

fn options() -> [String; 6] {
    let room = ROOM.to_string();
    [
        "--max-running",
        &room,
        "--max-time",
        "50s",
        "--max-attempts",
        "1000",
    ]
    .map(str::to_owned)
}

/// Asks one worker after the other for what `act` does.
async fn ask(fleet: &Fleet, client: u64, until: Instant, act: impl AsyncFn(&Address, &mut Random)) {
    let mut random = Random::new(client);
    while Instant::now() < until {
        if let Some(worker) = fleet.worker(random.below(WORKERS)).await {
            act(&worker, &mut random).await;
        }
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}

async fn worlds(fleet: &Fleet, client: u64, until: Instant) {
    ask(fleet, client, until, async |worker, random| {
        let size = random.between(2, 8) as u32;
        let path = format!("/invoke/demo/f?mpi={size}");
        let answer = worker.request(Method::POST, &path, String::new()).await;
        fleet.judge(answer, |text| text == sums(size));
    })
    .await;
}

async fn accepted_worlds(fleet: &Fleet, client: u64, until: Instant) {
    ask(fleet, client, until, async |worker, random| {
        let size = random.between(2, 8) as u32;
        let path = format!("/invoke/demo/f?async=true&mpi={size}");
        let answer = worker.request(Method::POST, &path, String::new()).await;
        if let Some((202, id)) = &answer {
            let call = (id.parse().unwrap(), size);
            fleet.accepted.lock().unwrap().push(call);
        } else {
            fleet.judge(answer, |_| false);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    })
    .await;
}

async fn chains(fleet: &Fleet, client: u64, until: Instant) {
    ask(fleet, client, until, async |worker, _| {
        let script = "chain g nap 50; chain g chain g nap 30|await; chain g nap 10; awaitall";
        let path = "/invoke/demo/g";
        let answer = worker.request(Method::POST, path, script.to_owned()).await;
        // One that was lost has another value.
        fleet.judge(answer, |text| text.split_whitespace().count() == 3);
    })
    .await;
}

/// One thing after the other goes wrong.
async fn faults(fleet: &Fleet, mut random: Random, until: Instant) {
    while Instant::now() < until {
        pause(&mut random, 100, 1_000).await;
        let number = random.below(WORKERS);
        match random.below(8) {
            0 | 1 => link(fleet, number, Fault::Cut, &mut random, 300, 3_000).await,
            // Longer than silence is borne.
            2 => link(fleet, number, Fault::Cut, &mut random, 7_000, 10_000).await,
            3 => {
                let delay = Duration::from_millis(random.between(5, 60) as u64);
                link(fleet, number, Fault::Delay(delay), &mut random, 500, 3_000).await;
            }
            4 => link(fleet, number, Fault::Loss(5), &mut random, 500, 3_000).await,
            5 => link(fleet, number, Fault::Rate(2_000), &mut random, 500, 3_000).await,
            6 => {
                eprintln!("killing worker {number}");
                fleet.kill(number).await;
                pause(&mut random, 0, 3_000).await;
                fleet.revive(number).await;
            }
            _ => {
                eprintln!("stopping worker {number}");
                fleet.signal(number, Signal::STOP).await;
                pause(&mut random, 500, 9_000).await;
                fleet.signal(number, Signal::CONT).await;
            }
        }
    }
}

async fn link(
    fleet: &Fleet,
    number: usize,
    fault: Fault,
    random: &mut Random,
    first: usize,
    last: usize,
) {
    let host = &fleet.apart.hosts[number];
    match host.suffer(fault) {
        Ok(()) => eprintln!("{fault:?} of the link of worker {number}"),
        Err(why) => return eprintln!("skipped {fault:?}: {why}"),
    }
    pause(random, first, last).await;
    host.recover();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worlds_and_chained_calls_end_whatever_becomes_of_links() {
    let seed = seed();
    eprintln!("FAASM_CHAOS_SEED={seed}");
    let fleet = Fleet::start().await;
    let seconds = if crate::is_long() { 120 } else { 15 };
    let until = Instant::now() + Duration::from_secs(seconds);
    futures::join!(
        join_all((0..3).map(|client| worlds(&fleet, client, until))),
        accepted_worlds(&fleet, 10, until),
        join_all((20..22).map(|client| chains(&fleet, client, until))),
        faults(&fleet, Random::new(seed), until),
    );
    let workers = fleet.mend().await;

    let begun = Instant::now();
    let accepted = fleet.accepted.lock().unwrap().clone();
    for (id, size) in &accepted {
        let text = end(&workers[0], *id, begun).await;
        let is_right = text == format!("SUCCESS: {}", sums(*size));
        assert!(is_right || text.contains(LOST), "call {id}: {text}");
    }
    join_all(workers.iter().map(nothing_is_left)).await;
    let all = ROOM * WORKERS as u32;
    wait_until("a world of all runs", async || {
        let path = format!("/invoke/demo/f?mpi={all}");
        let answer = workers[0].request(Method::POST, &path, String::new()).await;
        answer == Some((200, sums(all)))
    })
    .await;
    let [right, failed, unanswered] =
        [&fleet.right, &fleet.failed, &fleet.unanswered].map(|count| count.load(SeqCst));
    let accepted = accepted.len();
    eprintln!(
        "right {right}, accepted {accepted}; failed as they may {failed}, not answered {unanswered}"
    );
    assert!(right > 10, "there was no load");
}
