//! `faasm graph`

use std::fmt::Write;

use faasm_client::{CallTree, GraphCall};
use faasm_model::CallId;
use serde_json::json;

use crate::cli::Context;
use crate::units::show_us;

const EXAMPLES: &str = "\
Example:
  faasm graph 4711";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// The call at the root of the tree
    id: CallId,
}

impl Args {
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        let root = context.client()?.exec_graph(self.id).await?;
        if context.out.is_json() {
            return Ok(context.out.json(&json!({ "root": root }))?);
        }
        let mut text = String::new();
        draw(&root, 0, &mut text);
        context.out.line(format_args!("{}", text.trim_end()))?;
        Ok(())
    }
}

/// Which rank of a world it was, and where.
fn rank(call: &GraphCall) -> String {
    match (call.mpi_rank, &call.worker) {
        (Some(rank), Some(worker)) => format!(" rank {rank} on {worker}"),
        (Some(rank), None) => format!(" rank {rank}"),
        (None, _) => String::new(),
    }
}

/// The client bounds the depth of a tree, and so this recursion.
fn draw(tree: &CallTree, depth: usize, text: &mut String) {
    let call = &tree.call;
    let entry = call.py_entry.as_ref();
    let entry = entry.map_or_else(String::new, |entry| format!(":{entry}"));
    let rank = rank(call);
    let _ = write!(
        text,
        "{:indent$}{} {}/{}{entry}{rank} {} {}",
        "",
        call.id,
        call.user,
        call.function,
        call.status.as_str(),
        show_us(call.timings.run_us),
        indent = depth * 2,
    );
    if let Some(reason) = &call.reason {
        let _ = write!(text, " ({})", reason.lines().next().unwrap_or_default());
    }
    text.push('\n');
    for below in &tree.chained {
        draw(below, depth + 1, text);
    }
}
