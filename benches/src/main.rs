//! faasm's benchmarks. Each has its figures and, from the same run, the same work done by a
//! peer or by the bare limit, as a ratio: absolute times say little on a machine that
//! others share.
//!
//! `cargo run --release -p bench -- all`, after `cargo build --release`.

mod async_calls;
mod bare;
mod cluster;
mod cold_start;
mod compute;
mod density;
mod effort;
mod fairness;
mod files;
mod http;
mod in_process;
mod load;
mod memory;
mod mpi;
mod native;
mod processes;
mod python;
mod report;
mod results;
mod state;
mod stats;
mod time;
mod tools;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use effort::Effort;
use report::Report;
use results::{Results, compare};

/// Measures faasm against its peers
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    what: What,
    /// Seconds for each measurement that goes on for a time [default: 5, or 1 if quick]
    #[arg(long, global = true)]
    seconds: Option<f64>,
    /// Measure less: for seeing that all works, not for figures
    #[arg(long, global = true)]
    quick: bool,
    /// Write the results to benches/results, as JSON and Markdown
    #[arg(long, global = true)]
    save: bool,
}

#[derive(Subcommand)]
enum What {
    #[command(flatten)]
    One(Benchmark),
    /// All of them but `flags`
    All,
    /// What changed by more than 20 % between two saved results; fails if anything got worse
    Compare {
        /// The older JSON file
        before: PathBuf,
        /// The newer JSON file
        after: PathBuf,
    },
    /// (a peer, started by the others) a bare axum handler
    #[command(hide = true)]
    BareHttp,
    /// (a peer, started by the others) suspended bare instances
    #[command(hide = true)]
    BareInstances {
        /// How many
        count: u32,
    },
    /// (a peer, started by the others) a process that trains
    #[command(hide = true)]
    SgdWorker {
        /// Of its Redis
        port: u16,
        /// Which of the workers it is
        index: u32,
        /// Times an epoch that it exchanges weights
        exchanges: u32,
    },
}

#[derive(Clone, Copy, Subcommand)]
enum Benchmark {
    /// A fresh Faaslet for every call, against bare wasmtime and processes
    ColdStart,
    /// Requests a second, against a bare axum handler and `wasmtime serve`
    Http,
    /// Durable asynchronous calls a second, against a bare redb loop
    Async,
    /// Latency of a no-op while others compute
    Fairness,
    /// Memory of the idle server and of a live Faaslet
    Memory,
    /// How many waiting Faaslets fit into one process, and into several
    Density,
    /// Mapping, reading, finding and pushing state, against the bare limits and Redis
    State,
    /// Reading shared files, against the same program outside
    Files,
    /// Computing kernels, against the same C outside and in bare wasmtime
    Compute,
    /// Calls of Python functions and programs in them, against native CPython
    Python,
    /// Messages, collectives and kernels of MPI programs, against Open MPI
    Mpi,
    /// The same between two machines in network namespaces, against Open MPI over TCP in them
    MpiApart,
    /// Processor time of a call in clusters, against an embedded server
    Cluster,
    /// The same kernels with other flags for the compiler
    Flags,
}

const ALL: [Benchmark; 13] = [
    Benchmark::ColdStart,
    Benchmark::Http,
    Benchmark::Async,
    Benchmark::Fairness,
    Benchmark::Memory,
    Benchmark::Density,
    Benchmark::State,
    Benchmark::Files,
    Benchmark::Compute,
    Benchmark::Python,
    Benchmark::Mpi,
    Benchmark::MpiApart,
    Benchmark::Cluster,
];

fn main() -> anyhow::Result<ExitCode> {
    let Cli {
        what,
        seconds,
        quick,
        save,
    } = Cli::parse();
    let effort = Effort::new(seconds, quick);
    match what {
        What::One(benchmark) => measure(&[benchmark], effort, save),
        What::All => measure(&ALL, effort, save),
        What::Compare { before, after } => {
            let comparison = compare(&Results::read(&before)?, &Results::read(&after)?);
            print!("{comparison}");
            Ok(exit_code(!comparison.has_regressions()))
        }
        What::BareHttp => runtime()?
            .block_on(bare::serve_http())
            .map(|()| ExitCode::SUCCESS),
        What::BareInstances { count } => bare::hold_instances(count).map(|()| ExitCode::SUCCESS),
        What::SgdWorker {
            port,
            index,
            exchanges,
        } => state::sgd_worker(port, index, exchanges).map(|()| ExitCode::SUCCESS),
    }
}

/// Runs benchmarks and prints what they found; one that fails does not keep the others from
/// it.
fn measure(benchmarks: &[Benchmark], effort: Effort, save: bool) -> anyhow::Result<ExitCode> {
    let mut results = Results::begin(effort);
    for benchmark in benchmarks {
        eprintln!("measuring {} ...", benchmark.about().0);
        let report = benchmark.run(effort);
        println!("{report}");
        results.reports.push(report);
    }
    if save {
        eprintln!("written to {}", results.save()?.display());
    }
    let good = results
        .reports
        .iter()
        .all(|report| report.failure.is_none());
    Ok(exit_code(good))
}

impl Benchmark {
    fn run(self, effort: Effort) -> Report {
        let (name, about) = self.about();
        let mut report = Report::new(name, about);
        if let Err(error) = self.run_into(&mut report, effort) {
            report.failure = Some(format!("{error:#}"));
        }
        report
    }

    fn run_into(self, report: &mut Report, effort: Effort) -> anyhow::Result<()> {
        match self {
            Self::ColdStart => cold_start::run(report, effort),
            Self::Http => runtime()?.block_on(http::run(report, effort)),
            Self::Async => runtime()?.block_on(async_calls::run(report, effort)),
            Self::Fairness => runtime()?.block_on(fairness::run(report, effort)),
            Self::Memory => runtime()?.block_on(memory::run(report)),
            Self::Density => runtime()?.block_on(density::run(report, effort)),
            Self::State => runtime()?.block_on(state::run(report, effort)),
            Self::Files => runtime()?.block_on(files::run(report, effort)),
            Self::Compute => runtime()?.block_on(compute::run(report, effort)),
            Self::Python => python::run(report, effort),
            Self::Mpi => runtime()?.block_on(mpi::run(report, effort)),
            Self::MpiApart => runtime()?.block_on(mpi::run_apart(report, effort)),
            Self::Cluster => runtime()?.block_on(cluster::run(report, effort)),
            Self::Flags => compute::compare_flags(report, effort),
        }
    }

    /// Its name on the command line, and what it measures.
    fn about(self) -> (&'static str, &'static str) {
        match self {
            Self::ColdStart => ("cold-start", "instantiate, run and drop a C no-op"),
            Self::Http => (
                "http",
                "POST of 16 bytes, 64 connections kept alive (wrk -t2 -c64)",
            ),
            Self::Async => (
                "async",
                "durable calls accepted over HTTP, 64 connections; each also runs and leaves a result",
            ),
            Self::Fairness => ("fairness", "a no-op over HTTP while functions spin"),
            Self::Memory => ("memory", "resident memory"),
            Self::Density => ("density", "Faaslets that wait in __faasm_await_call"),
            Self::State => (
                "state",
                "from inside a function, which is called anew for each figure",
            ),
            Self::Files => (
                "files",
                "shared files, from inside a function; the same program outside",
            ),
            Self::Compute => (
                "compute",
                "functions, the same module in bare wasmtime, the same C by clang -O3",
            ),
            Self::Python => (
                "python",
                "calls of Python functions; programs in them and in native CPython",
            ),
            Self::Mpi => (
                "mpi",
                "the same C by `faasm build --mpi` and by mpicc; one machine, so many ranks",
            ),
            Self::MpiApart => (
                "mpi-apart",
                "the same, the ranks on two workers in network namespaces of their own, joined by veth pairs",
            ),
            Self::Cluster => (
                "cluster",
                "processor time of a C no-op over HTTP, 64 connections to each server",
            ),
            Self::Flags => (
                "flags",
                "the kernels in bare wasmtime with epoch checks, by flags of clang",
            ),
        }
    }
}

fn exit_code(good: bool) -> ExitCode {
    match good {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Runtime::new()?)
}
