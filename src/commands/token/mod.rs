//! `faasm token`: who may do what on a server with tokens.

mod create;
mod ls;
mod revoke;

use clap::Subcommand;

use crate::cli::Context;

const EXAMPLES: &str = "\
Examples:
  faasm token create 'the shop' --user shop --scope invoke
  faasm token ls
  faasm token revoke k3xq7c2mzb4a";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
#[command(
    after_help = "These verbs need a token with the scope admin, in FAASM_TOKEN or --token-file."
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a token, and print it
    Create(create::Args),
    /// List tokens
    Ls(ls::Args),
    /// End a token
    Revoke(revoke::Args),
}

impl Args {
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        match self.command {
            Command::Create(args) => args.run(context).await,
            Command::Ls(args) => args.run(context).await,
            Command::Revoke(args) => args.run(context).await,
        }
    }
}
