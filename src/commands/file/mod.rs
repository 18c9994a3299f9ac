//! `faasm file`: shared files.

mod batch;
mod get;
pub mod local;
mod ls;
mod put;
mod remote;
mod rm;

use clap::Subcommand;

use crate::cli::Context;

const EXAMPLES: &str = "\
Examples:
  faasm file put model.bin models/v1.bin
  faasm file put -r books texts
  faasm file ls -r texts
  faasm file get counts/texts";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
#[command(after_help = "\
REMOTE is the path at which functions open a file: data/x, /data/x and faasm://data/x are
the same.")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Store a file, or all files below a directory
    Put(put::Args),
    /// Fetch a file, or all files below a directory
    Get(get::Args),
    /// List a directory
    Ls(ls::Args),
    /// Remove a file, or all files below a directory
    Rm(rm::Args),
}

impl Args {
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        match self.command {
            Command::Put(args) => args.run(context).await,
            Command::Get(args) => args.run(context).await,
            Command::Ls(args) => args.run(context).await,
            Command::Rm(args) => args.run(context).await,
        }
    }
}

/// So many files, in words.
fn count(files: u64) -> String {
    match files {
        1 => "1 file".to_owned(),
        many => format!("{many} files"),
    }
}
