//! `faasm state rm`

use faasm_model::StateKey;
use serde_json::json;

use super::KeyArgs;
use crate::cli::Context;

const EXAMPLES: &str = "\
Examples:
  faasm state rm demo weights
  faasm state rm demo log --elements";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
#[command(after_help = "Calls that have the value mapped keep what they have.")]
pub struct Args {
    #[command(flatten)]
    key: KeyArgs,

    /// Remove the appended elements instead of the value
    #[arg(long)]
    elements: bool,
}

impl Args {
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        let key = StateKey::from(self.key);
        let client = context.client()?;
        let text = match self.elements {
            true => {
                client.clear_state_elements(&key).await?;
                format!("removed the elements of {key}")
            }
            false => {
                client.delete_state(&key).await?;
                format!("removed {key}")
            }
        };
        let json = json!({ "removed": { "user": key.user, "key": key.key } });
        Ok(context.out.answer(&json, text)?)
    }
}
