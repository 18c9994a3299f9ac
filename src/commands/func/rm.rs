//! `faasm func rm`

use faasm_client::FunctionKind;
use faasm_model::FunctionName;
use serde_json::json;

use super::NameArgs;
use crate::cli::Context;

const EXAMPLES: &str = "\
Example:
  faasm func rm demo hello";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
#[command(after_help = "Calls in flight finish.")]
pub struct Args {
    #[command(flatten)]
    name: NameArgs,
}

impl Args {
    pub async fn run(self, context: &Context, kind: FunctionKind) -> anyhow::Result<()> {
        let name = FunctionName::from(self.name);
        context.client()?.delete_function(kind, &name).await?;
        let json = json!({ "removed": { "user": name.user, "function": name.function } });
        context.out.answer(&json, format_args!("removed {name}"))?;
        Ok(())
    }
}
