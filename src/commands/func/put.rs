//! `faasm func put`

use std::path::PathBuf;

use faasm_client::{Client, FunctionKind, FunctionRecord};
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
        let kind = FunctionKind::Wasm;
        let record = upload(context, &client, kind, &name, self.file).await?;
        finish(context, &client, kind, record, &self.limits).await
    }
}

/// Sets the limits of a function that was just stored, and says what there is.
pub async fn finish(
    context: &Context,
    client: &Client,
    kind: FunctionKind,
    mut record: FunctionRecord,
    limits: &LimitArgs,
) -> anyhow::Result<()> {
    let name = FunctionName {
        user: record.user.clone(),
        function: record.function.clone(),
    };
    if limits.any() {
        let limits = limits.over(record.limits);
        record = client.set_limits(kind, &name, &limits).await?;
    }
    context.out.answer(&record, describe(&record))?;
    context.out.next(invocation(kind, &name));
    Ok(())
}

/// The command that calls a function.
pub fn invocation(kind: FunctionKind, name: &FunctionName) -> String {
    let option = match kind {
        FunctionKind::Wasm => "",
        FunctionKind::Python => "--python ",
    };
    let FunctionName { user, function } = name;
    format!("faasm invoke {option}{user} {function}")
}

/// Stores the file behind a progress bar.
pub async fn upload(
    context: &Context,
    client: &Client,
    kind: FunctionKind,
    name: &FunctionName,
    file: PathBuf,
) -> anyhow::Result<FunctionRecord> {
    let bar = context.out.progress(&format!("uploading {name}"));
    let shown = bar.clone();
    let then = match kind {
        FunctionKind::Wasm => "compiling",
        FunctionKind::Python => "importing",
    };
    let stored = client.put_function(kind, name, file, move |progress| {
        show(&shown, progress);
        if progress.total == Some(progress.done) {
            shown.set_message(then);
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
