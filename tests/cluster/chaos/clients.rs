//! Clients of every kind, and what must be true of what they were told.

use std::collections::HashSet;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use faasm_testkit::c;
use futures::future::join_all;
use reqwest::Method;

use super::world::{Address, World};
use crate::mpi_differential::random::Random;

/// Between two requests of a client.
const PAUSE: Duration = Duration::from_millis(15);

/// All clients at once, until the time has come.
pub async fn run(world: &World, until: Instant) {
    let submit = join_all((0..2).map(|client| submit(world, client, until)));
    let append = join_all((0..2).map(|client| append(world, client, until)));
    let count = join_all((0..2).map(|client| count(world, client, until)));
    let chain = chain(world, until);
    let upload = upload(world, until);
    let code = join_all((0..2).map(|client| code(world, client, until)));
    futures::join!(submit, append, count, chain, upload, code);
}

/// Calls `act` with a worker again and again; what it makes of the answer is whether there was one.
async fn again(
    world: &World,
    client: usize,
    until: Instant,
    mut act: impl AsyncFnMut(&Address, usize) -> bool,
) {
    let mut random = Random::new(client as u64);
    for number in 0.. {
        if Instant::now() >= until {
            return;
        }
        let answered = match world.worker(random.below(64)).await {
            Some(worker) => act(&worker, number).await,
            None => false,
        };
        if !answered {
            world.told.refused.fetch_add(1, SeqCst);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn submit(world: &World, client: usize, until: Instant) {
    again(world, client, until, async |worker, number| {
        let word = format!("{client}-{number}");
        let script = format!("nap {}; append calls {word}", number * 7 % 300);
        let path = "/invoke/demo/f?async=true";
        match worker.request(Method::POST, path, script).await {
            Some((202, id)) => {
                let id: u64 = id.parse().unwrap();
                let known = world.told.accepted.lock().unwrap().insert(id, word);
                assert!(known.is_none(), "two calls have the id {id}");
                true
            }
            _ => false,
        }
    })
    .await;
}

async fn append(world: &World, client: usize, until: Instant) {
    again(world, 10 + client, until, async |worker, number| {
        let word = format!("{client}-{number}");
        let done = worker.run(format!("append words {word}")).await.is_some();
        if done {
            world.told.appended.lock().unwrap().push(word);
        }
        done
    })
    .await;
}

async fn count(world: &World, client: usize, until: Instant) {
    again(world, 20 + client, until, async |worker, _| {
        let script = "glock number; pull number 4; count number; push number; gunlock number";
        let done = worker.run(script.to_owned()).await.is_some();
        if done {
            world.told.counted.fetch_add(1, SeqCst);
        }
        done
    })
    .await;
}

async fn chain(world: &World, until: Instant) {
    again(world, 30, until, async |worker, _| {
        let script = "chain f nap 20; chain f chain f nap 10|await; chain f size x; awaitall";
        match worker.run(script.to_owned()).await {
            Some(text) => {
                // A callee ends with -1 if the worker was lost that it had been handed to.
                let callees: Vec<&str> = text.split_whitespace().collect();
                let ended = callees.iter().all(|value| ["0", "-1"].contains(value));
                assert!(callees.len() == 3 && ended, "{text}");
                let done = callees.iter().all(|value| *value == "0");
                world.told.chained.fetch_add(u64::from(done), SeqCst);
                done
            }
            None => false,
        }
    })
    .await;
}

/// Uploads ever newer code.
async fn upload(world: &World, until: Instant) {
    for version in 1.. {
        if Instant::now() >= until {
            return;
        }
        let source =
            format!("#include <stdio.h>\nint main(void) {{ printf(\"{version}\"); return 0; }}");
        let code = tokio::task::block_in_place(|| c(&source));
        let answer = world.upload.try_put("demo/version", code).await;
        if answer.status.is_success() {
            world.told.version.store(version, SeqCst);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// No call begins on code older than what was acknowledged before.
async fn code(world: &World, client: usize, until: Instant) {
    again(world, 40 + client, until, async |worker, _| {
        let least = world.told.version.load(SeqCst);
        if least == 0 {
            return true;
        }
        let answer = worker
            .request(Method::POST, "/invoke/demo/version", String::new())
            .await;
        match answer {
            Some((200, text)) => {
                let version: u64 = text.parse().unwrap();
                assert!(
                    version >= least,
                    "version {version} ran after {least} was acknowledged"
                );
                world.told.versions_seen.fetch_add(1, SeqCst);
                true
            }
            _ => false,
        }
    })
    .await;
}

/// Every accepted call has one end, wherever it is asked for, and left what it should if that is
/// a good one. A call that writes state while the Redis is away fails.
pub async fn all_calls_have_one_result(world: &World) {
    let accepted = world.told.accepted.lock().unwrap().clone();
    let workers = world.workers().await;
    let begun = Instant::now();
    let mut failed = HashSet::new();
    for id in accepted.keys() {
        let mut ends = HashSet::new();
        for worker in &workers {
            ends.insert(end(worker, *id, begun).await);
        }
        let ends: Vec<String> = ends.into_iter().collect();
        assert_eq!(
            ends.len(),
            1,
            "call {id} has ended in several ways: {ends:?}"
        );
        if ends[0] != "SUCCESS: " {
            assert!(ends[0].contains("state_failed: "), "call {id}: {ends:?}");
            failed.insert(*id);
        }
    }
    eprintln!(
        "all calls had ended {:?} after the last fault, {} because the Redis was away",
        begun.elapsed(),
        failed.len()
    );
    let words = words(world, "calls").await;
    for (id, word) in accepted.iter().filter(|(id, _)| !failed.contains(id)) {
        assert!(words.contains(word), "call {id} left nothing");
    }
}

/// How a call has ended, as a worker tells it.
pub async fn end(worker: &Address, id: u64, begun: Instant) -> String {
    loop {
        let path = format!("/calls/{id}?wait_ms=5000");
        match worker.get(&path).await {
            Some((200, text)) if text != "RUNNING" => return text,
            other => assert!(
                begun.elapsed() < Duration::from_secs(240),
                "call {id} does not end: {other:?}"
            ),
        }
    }
}

/// Every write that was acknowledged is there, and no two held the lock at once.
pub async fn all_writes_are_there(world: &World) {
    let words = words(world, "words").await;
    for word in &*world.told.appended.lock().unwrap() {
        assert!(words.contains(word), "{word} is not there");
    }
    let number = crate::state::guest::stored(&world.upload, "demo/number")
        .await
        .unwrap();
    let number = u64::from(u32::from_le_bytes(number[..].try_into().unwrap()));
    let counted = world.told.counted.load(SeqCst);
    assert!(
        number >= counted,
        "{number} after {counted} were acknowledged"
    );
    eprintln!("counted to {number}, of which {counted} were acknowledged");
}

/// The words that were appended to a key.
async fn words(world: &World, key: &str) -> HashSet<String> {
    let mut words = HashSet::new();
    let mut first = 0;
    loop {
        let path = format!("/s/demo/{key}/elements?limit=1000&first={first}");
        let page = world
            .upload
            .stored(Method::GET, &path, "")
            .await
            .expect(200)
            .json();
        for element in page["elements"].as_array().unwrap() {
            let bytes = STANDARD.decode(element.as_str().unwrap()).unwrap();
            words.insert(String::from_utf8(bytes).unwrap());
        }
        match page["next"].as_u64() {
            Some(next) => first = next,
            None => return words,
        }
    }
}
