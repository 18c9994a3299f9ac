//! `faasm workers`

use faasm_client::{Listener, WorkerInfo};
use futures::{TryStreamExt, stream};

use crate::cli::Context;
use crate::commands::list;
use crate::units::show_moment;

const EXAMPLES: &str = "\
Example:
  faasm workers";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
#[command(after_help = "\
Address, calls that run and wait, calls that it runs at most, version, since when.
A server without --redis is in no cluster, and lists none.")]
pub struct Args {}

impl Args {
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        let client = context.client()?;
        let workers = stream::once(client.list_workers(Listener::Invoke));
        let workers = workers.map_ok(|all| stream::iter(all.into_iter().map(Ok)));
        list::print(&context.out, "workers", workers.try_flatten(), row).await
    }
}

fn row(worker: &WorkerInfo) -> String {
    format!(
        "{:<22} {:>5} running {:>5} waiting {:>5} at most  {:<8} since {}",
        worker.address,
        worker.running,
        worker.waiting,
        worker.capacity,
        worker.version,
        show_moment(worker.since_ms),
    )
}
