//! `faasm func`: stored functions.

pub mod get;
pub mod inspect;
pub mod limits;
pub mod ls;
pub mod put;
pub mod rm;

use clap::Subcommand;
use faasm_client::FunctionKind;
use faasm_model::{FunctionName, Name};

use crate::cli::Context;

const EXAMPLES: &str = "\
Examples:
  faasm func put demo hello hello.wasm
  faasm func ls demo
  faasm func limits demo hello --time 5m";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Store a function
    Put(put::Args),
    /// Fetch a function's bytes
    Get(get::Args),
    /// List functions
    Ls(ls::Args),
    /// Remove a function
    Rm(rm::Args),
    /// Show what is known of a function
    Inspect(inspect::Args),
    /// Show or set a function's own limits
    Limits(limits::Args),
}

impl Args {
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        let kind = FunctionKind::Wasm;
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

/// Names one function.
#[derive(Debug, clap::Args)]
pub struct NameArgs {
    /// Whose function it is
    user: Name,

    /// Its name
    function: Name,
}

impl From<NameArgs> for FunctionName {
    fn from(name: NameArgs) -> Self {
        Self {
            user: name.user,
            function: name.function,
        }
    }
}
