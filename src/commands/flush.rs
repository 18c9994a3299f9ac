//! `faasm flush`

use faasm_client::Listener;
use serde_json::json;

use crate::cli::Context;

const EXAMPLES: &str = "\
Example:
  faasm flush";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
#[command(after_help = "An upload is in force for the next call: it needs no flush.")]
pub struct Args {}

impl Args {
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        context.client()?.flush(Listener::Invoke).await?;
        context.out.answer(&json!({ "flushed": true }), "flushed")?;
        Ok(())
    }
}
