//! Worlds from their start to their end.

use std::time::Instant;

use faasm_testkit::{Server, build_mpi};

use super::call;
use super::native::Program;
use crate::effort::Effort;
use crate::report::{Figure, Report};
use crate::stats::Latencies;

const GUEST: &str = r#"
#include <mpi.h>
int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    MPI_Barrier(MPI_COMM_WORLD);
    MPI_Finalize();
    return 0;
}
"#;

/// Ranks, the most milliseconds that they should take, and whether Open MPI starts as many:
/// processes in such numbers are no fun on a small machine.
const WORLDS: [(u32, Option<f64>, bool); 3] =
    [(2, None, true), (8, None, true), (256, Some(50.0), false)];

const TURNS: u32 = 20;

pub async fn run(report: &mut Report, effort: Effort, server: &Server) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let source = dir.path().join("world.c");
    std::fs::write(&source, GUEST)?;
    server.put("demo/world", build_mpi(&[&source])).await;
    let program = report.found(Program::compile(&source)?);
    for (ranks, goal, is_both) in WORLDS {
        let program = program.as_ref().filter(|_| is_both);
        let (mut ours, mut theirs) = (Latencies::default(), Latencies::default());
        for _ in 0..effort.count(TURNS) {
            let begun = Instant::now();
            call(server, "world", ranks).await?;
            ours.add(begun.elapsed());
            if let Some(program) = program {
                theirs.time(|| program.run(ranks))?;
            }
        }
        let millis = |latencies: &mut Latencies| latencies.us(0.5) / 1e3;
        let name = format!("a world of {ranks}, start to end, p50");
        let figure = Figure::lower(name, millis(&mut ours), "ms").goal(goal);
        report.add(figure.beside("mpirun", program.map(|_| millis(&mut theirs))));
    }
    Ok(())
}
