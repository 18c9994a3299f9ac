//! The same random MPI programs under Open MPI and as functions: messages, collectives,
//! communicators and types, with every byte that arrives anywhere compared.
//!
//! `FAASM_MPI_SEED` runs the program of one seed, which a failure names.

mod comms;
mod native;
mod program;
pub(crate) mod random;
mod types;

use std::path::{Path, PathBuf};

use faasm_testkit::{Server, build_mpi};
use serde_json::json;

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

struct Both {
    native: Native,
    server: Server,
}

impl Both {
    async fn start() -> Self {
        let sources = sources();
        let native = Native::compile(&sources);
        let server = Server::start().await;
        let sources: Vec<&Path> = sources.iter().map(AsRef::as_ref).collect();
        server.put("demo/script", build_mpi(&sources)).await;
        Self { native, server }
    }

    async fn compare(&self, seed: u64, ranks: usize, length: usize) {
        let script = Program::lines(seed, ranks, length);
        let input = script.join("\n") + "\n";
        let expected = self.native.run(ranks, &input);
        let call = json!({
            "user": "demo", "function": "script", "input_data": input,
            "mpi": true, "mpi_world_size": ranks,
        });
        let answer = self.server.post(call).await;
        let place = format!("FAASM_MPI_SEED={seed}, {ranks} ranks");
        assert_eq!(answer.status, 200, "{place}: {}", answer.text());
        if let Some(difference) = difference(&script, &expected, &answer.text()) {
            panic!("{place}: {difference}");
        }
    }
}

#[tokio::test]
async fn programs_receive_what_they_receive_under_open_mpi() {
    let both = Both::start().await;
    let asked = std::env::var("FAASM_MPI_SEED").ok();
    let seeds = match asked.and_then(|seed| seed.parse().ok()) {
        Some(seed) => seed..seed + 1,
        None if crate::is_long() => 1000..1200,
        None => 0..4,
    };
    for seed in seeds {
        for ranks in [1, 2, 3, 4, 7] {
            both.compare(seed, ranks, 150).await;
        }
    }
}
