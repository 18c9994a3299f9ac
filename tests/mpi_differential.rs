//! The same random MPI programs under Open MPI and as functions, on one server and on three:
//! messages, collectives, communicators and types, with every byte that arrives anywhere compared.
//!
//! `FAASM_MPI_SEED` runs the program of one seed, which a failure names.

mod comms;
mod native;
mod program;
pub(crate) mod random;
mod types;

use std::ops::Range;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use faasm_testkit::{Cluster, Server, build_mpi};
use reqwest::Method;
use serde_json::{Value, json};

use crate::cluster::worlds::places;
use native::Native;
use program::Program;

const SOURCES: [&str; 5] = [
    "collectives.c",
    "comms.c",
    "messages.c",
    "script.c",
    "types.c",
];

fn sources() -> [PathBuf; 5] {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mpi_differential");
    SOURCES.map(|source| dir.join(source))
}

/// The lines of all ranks in the order of the script, and of the ranks for each of its lines.
/// What the lines of one rank and of one line of the script are among one another, they keep.
fn in_order(printed: &str) -> Vec<&str> {
    let place = |line: &&str| -> [u64; 2] {
        let mut words = line.split(' ').map(str::parse);
        let mut next = || words.next().and_then(Result::ok).unwrap_or(u64::MAX);
        [next(), next()]
    };
    let mut lines: Vec<&str> = printed.lines().collect();
    lines.sort_by_key(place);
    lines
}

/// The first line that differs, with the line of the script that it is of.
fn difference(script: &[String], native: &str, function: &str) -> Option<String> {
    let [native, function] = [in_order(native), in_order(function)];
    let lines = native.len().max(function.len());
    let at = (0..lines).find(|at| native.get(*at) != function.get(*at))?;
    let [native, function] = [native.get(at), function.get(at)].map(|line| line.unwrap_or(&""));
    let number = [native, function].iter().find_map(|line| {
        let number: usize = line.split(' ').next()?.parse().ok()?;
        Some(number)
    });
    let of = number.and_then(|number| script.get(number.checked_sub(1)?));
    Some(format!(
        "{}\nOpen MPI: {native}\nhere:     {function}",
        of.map_or("the end", String::as_str)
    ))
}

/// The program, as it is run there and here.
struct Both {
    native: Native,
    function: Bytes,
}

impl Both {
    fn compile() -> Self {
        let sources = sources();
        let native = Native::compile(&sources);
        let sources: Vec<&Path> = sources.iter().map(AsRef::as_ref).collect();
        let function = build_mpi(&sources);
        Self { native, function }
    }

    /// Compares what one program receives; the call of the world here.
    async fn compare(&self, server: &Server, seed: u64, ranks: usize, length: usize) -> Value {
        let script = Program::lines(seed, ranks, length);
        let input = script.join("\n") + "\n";
        let expected = self.native.run(ranks, &input);
        let call = json!({
            "user": "demo", "function": "script", "input_data": input,
            "mpi": true, "mpi_world_size": ranks,
        });
        let headers = ["accept: application/json"];
        let answer = server.request_with(Method::POST, &server.invoke, &headers, call.to_string());
        let call = answer.await.json();
        let place = format!("FAASM_MPI_SEED={seed}, {ranks} ranks");
        assert_eq!(call["status"], "SUCCESS", "{place}: {call}");
        let printed = call["stdout"].as_str().unwrap();
        if let Some(difference) = difference(&script, &expected, printed) {
            panic!("{place}: {difference}");
        }
        call
    }
}

/// The seed that is asked for, or these, or those of long tests.
fn seeds(usual: Range<u64>, long: Range<u64>) -> Range<u64> {
    let asked = std::env::var("FAASM_MPI_SEED").ok();
    match asked.and_then(|seed| seed.parse().ok()) {
        Some(seed) => seed..seed + 1,
        None if crate::is_long() => long,
        None => usual,
    }
}

#[tokio::test]
async fn programs_receive_what_they_receive_under_open_mpi() {
    let both = Both::compile();
    let server = Server::start().await;
    server.put("demo/script", both.function.clone()).await;
    for seed in seeds(0..4, 1000..1200) {
        for ranks in [1, 2, 3, 4, 7] {
            both.compare(&server, seed, ranks, 150).await;
        }
    }
}

#[tokio::test]
async fn ranks_on_three_servers_receive_what_they_receive_under_open_mpi() {
    let both = Both::compile();
    // With room for so many on each server, all three are needed.
    for (ranks, room) in [(3, "1"), (5, "2"), (7, "3")] {
        let cluster = Cluster::with(3, |builder| builder.args(["--max-running", room])).await;
        let server = &cluster.servers[0];
        server.put("demo/script", both.function.clone()).await;
        for seed in seeds(2000..2003, 3000..3060) {
            let call = both.compare(server, seed, ranks, 150).await;
            let places = places(server, &call["id"]).await;
            assert_eq!(places.len(), 3, "{places:?}");
        }
    }
}
