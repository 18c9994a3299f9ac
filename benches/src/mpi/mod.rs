//! `mpi`: the same MPI programs as functions and under Open MPI, with as many ranks.

mod apart;
mod figures;
mod native;
mod worlds;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use faasm_testkit::{Answer, Server, build_mpi};

use crate::effort::Effort;
use crate::report::Report;
pub use apart::run as run_apart;
use native::Program;

/// Turns of each side; the best of each figure counts.
const TURNS: u32 = 5;

/// One for each processor of the machine that the goals are of, and too many.
const RANKS: [u32; 2] = [2, 8];

/// In `benches/guests/mpi`, each printing `NAME BYTES NANOSECONDS`.
const PROGRAMS: [&str; 2] = ["micro", "kernels"];

/// Nanoseconds by `NAME BYTES`.
type Times = BTreeMap<String, f64>;

pub async fn run(report: &mut Report, effort: Effort) -> anyhow::Result<()> {
    let server = Server::builder()
        .args(["--max-time", "10m", "--memory-budget", "8GiB"])
        .start()
        .await;
    for name in PROGRAMS {
        let source = source(name);
        server
            .put(&format!("demo/{name}"), build_mpi(&[&source]))
            .await;
        let program = report.found(Program::compile(&source)?);
        for ranks in RANKS {
            let (mut ours, mut theirs) = (Times::new(), Times::new());
            for _ in 0..effort.count(TURNS) {
                let answer = call(&server, name, ranks).await?;
                keep_best(&mut ours, &answer.text())?;
                if let Some(program) = &program {
                    keep_best(&mut theirs, &program.run(ranks)?)?;
                }
            }
            figures::add(report, name, ranks, &ours, &theirs)?;
        }
    }
    worlds::run(report, effort, &server).await
}

fn source(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/mpi");
    dir.join(format!("{name}.c"))
}

/// Calls one of `demo`'s functions as a world.
async fn call(server: &Server, name: &str, ranks: u32) -> anyhow::Result<Answer> {
    let answer = server.call(&format!("demo/{name}?mpi={ranks}"), "").await;
    ensure!(answer.status == 200, "{name}, {ranks}: {}", answer.text());
    Ok(answer)
}

/// Adds what a program printed, where it is better than what is there.
fn keep_best(times: &mut Times, printed: &str) -> anyhow::Result<()> {
    for line in printed.lines() {
        let (what, nanos) = line.rsplit_once(' ').context("a line without a time")?;
        let nanos: f64 = nanos.parse().with_context(|| line.to_owned())?;
        let best = times.entry(what.to_owned()).or_insert(nanos);
        *best = best.min(nanos);
    }
    Ok(())
}
