//! `faasm token ls`

use faasm_client::TokenInfo;
use faasm_model::now_ms;

use crate::cli::Context;
use crate::commands::list;
use crate::units::show_moment;

const EXAMPLES: &str = "\
Example:
  faasm token ls";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
#[command(after_help = "Tokens that have expired are listed until they are revoked.")]
pub struct Args {}

impl Args {
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        let tokens = context.client()?.list_tokens();
        list::print(&context.out, "tokens", tokens, row).await
    }
}

fn row(token: &TokenInfo) -> String {
    let end = match token.expires_at_ms {
        None => "does not expire".to_owned(),
        Some(end) if end <= now_ms() => format!("expired {}", show_moment(end)),
        Some(end) => format!("expires {}", show_moment(end)),
    };
    let (scopes, users) = (token.scopes.join(","), token.users.join(","));
    format!(
        "{}  {scopes:<14} {users:<16} {end:<28}  {}",
        token.id, token.label
    )
}
