//! `faasm state append`

use faasm_client::Source;
use faasm_model::StateKey;
use serde_json::json;

use super::KeyArgs;
use crate::cli::Context;
use crate::commands::transfer::SourceArgs;

const EXAMPLES: &str = "\
Example:
  echo 'it happened' | faasm state append demo log -";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
#[command(after_help = "The file becomes one element. `state get --elements` prints all.")]
pub struct Args {
    #[command(flatten)]
    key: KeyArgs,

    #[command(flatten)]
    source: SourceArgs,
}

impl Args {
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        let key = StateKey::from(self.key);
        let source = Source::from(self.source);
        let elements = context.client()?.append_state(&key, source).await?;
        let json = json!({ "user": key.user, "key": key.key, "elements": elements });
        let plural = if elements == 1 { "" } else { "s" };
        Ok(context
            .out
            .answer(&json, format!("{key}: {elements} element{plural}"))?)
    }
}
