//! `faasm state`: state values, and the elements appended beside them.

mod append;
mod elements;
mod get;
mod ls;
mod put;
mod rm;

use clap::Subcommand;
use faasm_model::{Key, Name, StateKey};

use crate::cli::Context;

const EXAMPLES: &str = "\
Examples:
  faasm state put demo weights weights.bin
  faasm state get demo weights --range 0-15 | xxd
  echo 'it happened' | faasm state append demo log -";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Set a value
    Put(put::Args),
    /// Fetch a value, a part of it, or a key's elements
    Get(get::Args),
    /// List keys
    Ls(ls::Args),
    /// Remove a value, or a key's elements
    Rm(rm::Args),
    /// Append an element to a key's list
    Append(append::Args),
}

impl Args {
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        match self.command {
            Command::Put(args) => args.run(context).await,
            Command::Get(args) => args.run(context).await,
            Command::Ls(args) => args.run(context).await,
            Command::Rm(args) => args.run(context).await,
            Command::Append(args) => args.run(context).await,
        }
    }
}

/// Names one key.
#[derive(Debug, clap::Args)]
struct KeyArgs {
    /// Whose state it is
    user: Name,

    /// Its key
    key: Key,
}

impl From<KeyArgs> for StateKey {
    fn from(KeyArgs { user, key }: KeyArgs) -> Self {
        Self { user, key }
    }
}
