//! `faasm py`: stored Python functions.

mod excerpt;
mod folder;
mod pip;
pub mod put;
mod zip;

use clap::Subcommand;
use faasm_client::FunctionKind;

use super::func::{get, inspect, limits, ls, rm};
use crate::cli::Context;

const EXAMPLES: &str = "\
Examples:
  faasm py put demo hello hello.py
  faasm py put demo report project/      a directory, with requirements.txt
  faasm invoke --python demo hello";

const GET: &str = "\
Examples:
  faasm py get demo hello
  faasm py get demo report -o report.zip";

const LS: &str = "\
Examples:
  faasm py ls
  faasm py ls demo";

const RM: &str = "\
Example:
  faasm py rm demo hello";

const INSPECT: &str = "\
Examples:
  faasm py inspect demo hello
  faasm py inspect demo hello --format json";

const LIMITS: &str = "\
Examples:
  faasm py limits demo hello                     show them
  faasm py limits demo hello --memory 1GiB --time 5m
  faasm py limits demo hello --reset             back to the server's";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Store a function: a file, or a directory with a function.py
    Put(put::Args),
    /// Fetch the file, or the archive, that was stored
    #[command(before_help = GET)]
    Get(get::Args),
    /// List functions
    #[command(before_help = LS)]
    Ls(ls::Args),
    /// Remove a function
    #[command(before_help = RM)]
    Rm(rm::Args),
    /// Show what is known of a function
    #[command(before_help = INSPECT)]
    Inspect(inspect::Args),
    /// Show or set a function's own limits
    #[command(before_help = LIMITS)]
    Limits(limits::Args),
}

impl Args {
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        let kind = FunctionKind::Python;
        match self.command {
            Command::Put(args) => args.run(context).await,
            Command::Get(args) => args.run(context, kind).await,
            Command::Ls(args) => args.run(context, kind).await,
            Command::Rm(args) => args.run(context, kind).await,
            Command::Inspect(args) => args.run(context, kind).await,
            Command::Limits(args) => args.run(context, kind).await,
        }
    }
}
