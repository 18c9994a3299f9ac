//! `faasm status`

use faasm_client::CallState;
use faasm_model::CallId;
use serde_json::json;

use super::answer;
use crate::cli::Context;

const EXAMPLES: &str = "\
Examples:
  faasm status 4711
  faasm status 4711 --wait";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
#[command(after_help = "\
Prints RUNNING, or SUCCESS: or FAILED: and what the call printed and put out.
The exit code is 1 if the call failed.")]
pub struct Args {
    /// The call
    id: CallId,

    /// Wait for its end
    #[arg(long)]
    wait: bool,
}

impl Args {
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        let client = context.client()?;
        let state = match self.wait {
            true => CallState::Ended(Box::new(client.wait(self.id).await?)),
            false => client.status(self.id, None).await?,
        };
        match state {
            CallState::Running(id) => {
                let json = json!({ "id": id, "status": "RUNNING" });
                context.out.answer(&json, "RUNNING")?;
                context.out.next(format_args!("faasm status {id} --wait"));
                Ok(())
            }
            CallState::Ended(call) => {
                let prefix = format!("{}: ", call.status().as_str());
                answer::print_after(&prefix, context, *call)
            }
        }
    }
}
