//! `faasm calls`

use faasm_client::{CallFilter, CallSummary};
use faasm_model::{CallId, Name};
use futures::StreamExt;

use crate::cli::Context;
use crate::commands::list;
use crate::units::{show_moment, show_ms};

const EXAMPLES: &str = "\
Examples:
  faasm calls
  faasm calls demo --limit 10";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// Only this user's calls
    user: Option<Name>,

    /// How many to list
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: usize,

    /// Only calls older than this one
    #[arg(long, value_name = "ID")]
    before: Option<CallId>,
}

impl Args {
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        let filter = CallFilter {
            user: self.user,
            before: self.before,
        };
        let calls = context.client()?.list_calls(filter).take(self.limit);
        list::print(&context.out, "calls", calls, row).await
    }
}

fn row(call: &CallSummary) -> String {
    let took = match call.finished_at_ms {
        Some(end) => show_ms(end.saturating_sub(call.accepted_at_ms)),
        None => "-".into(),
    };
    format!(
        "{:<16} {:<8} {}  {:<10} {}/{}",
        call.id,
        call.status.as_str(),
        show_moment(call.accepted_at_ms),
        took,
        call.user,
        call.function,
    )
}
