//! faasm's benchmarks. Each prints its figure and, from the same run, the same work done
//! by a peer or by the bare limit, as a ratio: absolute times say little on a machine
//! that others share.
//!
//! `cargo run --release -p bench -- all`, after `cargo build --release`.

mod async_calls;
mod bare;
mod cold_start;
mod fairness;
mod http;
mod load;
mod memory;
mod state;
mod stats;

use clap::{Parser, Subcommand};

/// Measures faasm against its peers
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    what: What,
    /// Seconds for each measurement
    #[arg(long, global = true, default_value_t = 5.0)]
    seconds: f64,
}

#[derive(Clone, Copy, Subcommand)]
enum What {
    /// A fresh Faaslet for every call, against bare wasmtime
    ColdStart,
    /// Requests a second, against a bare axum handler
    Http,
    /// Durable asynchronous calls a second, against a bare redb loop
    Async,
    /// Latency of a no-op while others compute
    Fairness,
    /// Memory of the idle server and of a live Faaslet
    Memory,
    /// Mapping, reading, finding and pushing state, against the bare limits and Redis
    State,
    /// All of them
    All,
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

fn main() -> anyhow::Result<()> {
    let Cli { what, seconds } = Cli::parse();
    match what {
        What::ColdStart => cold_start::run(seconds),
        What::Http => runtime()?.block_on(http::run(seconds)),
        What::Async => runtime()?.block_on(async_calls::run(seconds)),
        What::Fairness => runtime()?.block_on(fairness::run(seconds)),
        What::Memory => runtime()?.block_on(memory::run()),
        What::State => runtime()?.block_on(state::run()),
        What::BareHttp => runtime()?.block_on(bare::serve_http()),
        What::BareInstances { count } => bare::hold_instances(count),
        What::SgdWorker {
            port,
            index,
            exchanges,
        } => state::sgd_worker(port, index, exchanges),
        What::All => {
            cold_start::run(seconds)?;
            runtime()?.block_on(async {
                http::run(seconds).await?;
                async_calls::run(seconds).await?;
                fairness::run(seconds).await?;
                memory::run().await?;
                state::run().await
            })
        }
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Runtime::new()?)
}
