//! `faasm serve`: the server.

mod bound;
pub mod cluster;
mod collect;
mod logs;
mod memory;
mod open_files;
mod parts;
mod plan;
mod python;
mod server;
mod settings;
mod signals;
pub mod tokens;
mod users;

use std::path::PathBuf;

use crate::cli::Context;
use plan::Plan;
use settings::Settings;

/// Starts the server and keeps it running until SIGTERM or SIGINT
#[derive(Debug, clap::Args)]
#[command(before_help = "\
Examples:
  faasm serve
  faasm serve --data-dir /var/lib/faasm --config /etc/faasm.toml
  faasm serve --upload-addr 127.0.0.1:0 --invoke-addr 127.0.0.1:0 --format json")]
pub struct Args {
    /// Read settings from this TOML file
    #[arg(long, env = "FAASM_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    settings: Settings,
}

/// Polls of a worker between two looks at the network. Few, since each may be a guest that
/// computes for a whole tick; more than one, since looking costs requests a second.
const EVENT_INTERVAL: u32 = 8;

/// Threads that may block. A guest whose load of mapped state has to be fetched blocks one, so
/// there are as many as Faaslets may reasonably be; they are made when they are needed.
const BLOCKING_THREADS: usize = 16_384;

impl Args {
    /// Serves until a signal ends it.
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let settings = match &self.config {
            Some(path) => self.settings.over_file(path)?,
            None => self.settings,
        };
        let plan = Plan::new(settings)?;
        logs::start(plan.log_format, &plan.log)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .event_interval(EVENT_INTERVAL)
            .max_blocking_threads(BLOCKING_THREADS)
            .enable_all()
            .build()?;
        let served = runtime.block_on(server::serve(plan, &context.out));
        // What still runs has had its time.
        runtime.shutdown_timeout(std::time::Duration::from_secs(1));
        served
    }
}
