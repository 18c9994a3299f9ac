//! Prints how long messages and collectives take between ranks with plain memories, on two
//! threads with the settings of the server. `cargo run --release -p faasm-mpi --example latency`

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::Instant;

use common::{BYTE, DOUBLE, HEAP, Program, SUM, WORLD, run};
use faasm_mpi::Stop;
use faasm_mpi::functions as mpi;

const AT: i32 = (HEAP as i32) - (1 << 19);
const INTO: i32 = AT + (4 << 20);

/// Microseconds that each of `times` takes, after some to warm up.
macro_rules! timed {
    ($host:ident, $times:expr, $body:block) => {{
        for _ in 0..$times / 10 {
            $body
        }
        mpi::MPI_Barrier(&mut $host, WORLD).await?;
        let start = Instant::now();
        for _ in 0..$times {
            $body
        }
        start.elapsed().as_secs_f64() * 1e6 / f64::from($times)
    }};
}

async fn ping_pong(mut host: Program, bytes: i32, times: i32) -> Result<(f64, Program), Stop> {
    let me = host.me();
    let taken = timed!(host, times, {
        if me == 0 {
            mpi::MPI_Send(&mut host, AT, bytes, BYTE, 1, 1, WORLD).await?;
            mpi::MPI_Recv(&mut host, AT, bytes, BYTE, 1, 1, WORLD, 0).await?;
        } else if me == 1 {
            mpi::MPI_Recv(&mut host, AT, bytes, BYTE, 0, 1, WORLD, 0).await?;
            mpi::MPI_Send(&mut host, AT, bytes, BYTE, 0, 1, WORLD).await?;
        }
    });
    mpi::MPI_Barrier(&mut host, WORLD).await?;
    Ok((taken, host))
}

async fn allreduce(mut host: Program, items: i32, times: i32) -> Result<(f64, Program), Stop> {
    let taken = timed!(host, times, {
        mpi::MPI_Allreduce(&mut host, AT, INTO, items, DOUBLE, SUM, WORLD).await?;
    });
    Ok((taken, host))
}

async fn alltoall(mut host: Program, bytes: i32, times: i32) -> Result<(f64, Program), Stop> {
    let taken = timed!(host, times, {
        mpi::MPI_Alltoall(&mut host, AT, bytes, BYTE, INTO, bytes, BYTE, WORLD).await?;
    });
    Ok((taken, host))
}

async fn bcast(mut host: Program, bytes: i32, times: i32) -> Result<(f64, Program), Stop> {
    let taken = timed!(host, times, {
        mpi::MPI_Bcast(&mut host, AT, bytes, BYTE, 0, WORLD).await?;
        mpi::MPI_Barrier(&mut host, WORLD).await?;
    });
    Ok((taken, host))
}

async fn barrier(mut host: Program, times: i32) -> Result<(f64, Program), Stop> {
    let taken = timed!(host, times, {
        mpi::MPI_Barrier(&mut host, WORLD).await?;
    });
    Ok((taken, host))
}

fn show(name: &str, ranks: u32, mut runs: Vec<f64>, bytes: f64) {
    runs.sort_by(f64::total_cmp);
    let rate = bytes / runs[1];
    let rate = if bytes > 65536.0 {
        format!("  {rate:.0} MB/s")
    } else {
        String::new()
    };
    println!(
        "{ranks} ranks  {name:24} {:8.2} µs  (best {:.2}){rate}",
        runs[1], runs[0]
    );
}

fn three(run: impl Fn() -> f64) -> Vec<f64> {
    (0..3).map(|_| run()).collect()
}

fn main() {
    for ranks in [8] {
        for bytes in [8] {
            if bytes > 1 << 20 && ranks > 2 {
                continue;
            }
            let times = if bytes > 65536 { 300 } else { 20_000 };
            let runs = three(|| run(ranks, move |host| ping_pong(host, bytes, times)).ok()[0]);
            show(
                &format!("round trip {bytes} B"),
                ranks,
                runs,
                2.0 * f64::from(bytes),
            );
        }
        for items in [1] {
            let times = if items > 1024 { 300 } else { 20_000 };
            let runs = three(|| run(ranks, move |host| allreduce(host, items, times)).ok()[0]);
            show(
                &format!("allreduce {} B", 8 * items),
                ranks,
                runs,
                8.0 * f64::from(items),
            );
        }
        for bytes in [1024] {
            let times = if bytes > 1024 { 1_000 } else { 20_000 };
            let runs = three(|| run(ranks, move |host| alltoall(host, bytes, times)).ok()[0]);
            show(
                &format!("alltoall {bytes} B"),
                ranks,
                runs,
                f64::from(bytes) * f64::from(ranks),
            );
        }
        for bytes in [8] {
            let times = if bytes > 8 { 300 } else { 20_000 };
            let runs = three(|| run(ranks, move |host| bcast(host, bytes, times)).ok()[0]);
            show(
                &format!("bcast+barrier {bytes} B"),
                ranks,
                runs,
                f64::from(bytes),
            );
        }
        let runs = three(|| run(ranks, move |host| barrier(host, 20_000)).ok()[0]);
        show("barrier", ranks, runs, 0.0);
    }
    let start = Instant::now();
    run(256, move |host| barrier(host, 10)).ok();
    println!(
        "256 ranks with 12 barriers: {:.1} ms",
        start.elapsed().as_secs_f64() * 1e3
    );
}
