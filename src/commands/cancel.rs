//! `faasm cancel`

use faasm_client::Cancelled;
use faasm_model::CallId;
use serde_json::json;

use crate::cli::Context;

const EXAMPLES: &str = "\
Example:
  faasm cancel 4711";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// The call
    id: CallId,
}

impl Args {
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        let (word, text) = match context.client()?.cancel(self.id).await? {
            Cancelled::Cancelled => ("cancelled", "cancelled"),
            Cancelled::AlreadyFinished => ("already_finished", "already finished"),
        };
        context
            .out
            .answer(&json!({ "id": self.id, "result": word }), text)?;
        Ok(())
    }
}
