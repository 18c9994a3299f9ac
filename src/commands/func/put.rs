//! `faasm func put`

use std::path::PathBuf;

use faasm_client::{Client, FunctionRecord};
use faasm_model::FunctionName;

use super::NameArgs;
use super::limits::LimitArgs;
use crate::cli::Context;
use crate::commands::transfer::show;

const EXAMPLES: &str = "\
Examples:
  faasm func put demo hello hello.wasm
  faasm func put demo crunch crunch.wasm --memory 1GiB --time 5m";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
#[command(after_help = "The new function is in force for the next call.")]
pub struct Args {
    #[command(flatten)]
    name: NameArgs,

    /// A WebAssembly module, or WebAssembly text
    file: PathBuf,

    #[command(flatten)]
    limits: LimitArgs,
}

impl Args {
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        let name = FunctionName::from(self.name);
        self.limits.check()?;
        let client = context.client()?;
        let mut record = upload(context, &client, &name, self.file).await?;
        if self.limits.any() {
            record = client
                .set_limits(&name, &self.limits.over(record.limits))
                .await?;
        }
        context.out.answer(&record, describe(&record))?;
        let FunctionName { user, function } = name;
        context
            .out
            .next(format_args!("faasm invoke {user} {function}"));
        Ok(())
    }
}

/// Stores the file behind a progress bar.
pub async fn upload(
    context: &Context,
    client: &Client,
    name: &FunctionName,
    file: PathBuf,
) -> anyhow::Result<FunctionRecord> {
    let bar = context.out.progress(&format!("uploading {name}"));
    let shown = bar.clone();
    let stored = client.put_function(name, file, move |progress| {
        show(&shown, progress);
        if progress.total == Some(progress.done) {
            shown.set_message("compiling");
        }
    });
    let record = stored.await;
    bar.finish_and_clear();
    Ok(record?)
}

/// A function in a line.
pub fn describe(record: &FunctionRecord) -> String {
    let FunctionRecord {
        user,
        function,
        size,
        hash,
        ..
    } = record;
    format!("{user}/{function}: {size} bytes, hash {hash}")
}
