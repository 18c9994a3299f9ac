//! `faasm token revoke`

use faasm_auth::TokenId;
use serde_json::json;

use crate::cli::Context;

const EXAMPLES: &str = "\
Example:
  faasm token revoke k3xq7c2mzb4a";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
#[command(after_help = "Requests that have begun are answered; no later one is let through.")]
pub struct Args {
    /// The token's id, which `faasm token ls` shows
    id: TokenId,
}

impl Args {
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        let id = self.id;
        context.client()?.revoke_token(&id.to_string()).await?;
        let json = json!({ "revoked": { "id": id } });
        context.out.answer(&json, format_args!("revoked {id}"))?;
        Ok(())
    }
}
