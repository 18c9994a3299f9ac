//! `faasm py put`

use std::path::{Path, PathBuf};

use faasm_client::{Client, FunctionKind, FunctionRecord};
use faasm_model::FunctionName;

use super::excerpt;
use super::folder::{self, MAIN};
use crate::cli::Context;
use crate::commands::func::NameArgs;
use crate::commands::func::limits::LimitArgs;
use crate::commands::func::put::{finish, upload};

const EXAMPLES: &str = "\
Examples:
  faasm py put demo hello hello.py
  faasm py put demo report project/
  faasm py put demo crunch crunch.py --memory 1GiB --time 5m";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
#[command(after_help = "\
The new function is in force for the next call. Its top-level code runs once, now.

Of a directory, all goes that is neither hidden, nor __pycache__ or *.pyc; and what its
requirements.txt asks for, which pip fetches: packages of pure Python.")]
pub struct Args {
    #[command(flatten)]
    name: NameArgs,

    /// A Python file, a zip archive, or a directory; the latter two with a function.py
    #[arg(value_name = "FILE|DIR")]
    source: PathBuf,

    #[command(flatten)]
    limits: LimitArgs,
}

impl Args {
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        let name = FunctionName::from(self.name);
        self.limits.check()?;
        let client = context.client()?;
        let record = store(context, &client, &name, &self.source).await?;
        finish(context, &client, FunctionKind::Python, record, &self.limits).await
    }
}

/// Stores a file or a directory as a Python function.
pub async fn store(
    context: &Context,
    client: &Client,
    name: &FunctionName,
    source: &Path,
) -> anyhow::Result<FunctionRecord> {
    let kind = FunctionKind::Python;
    if !source.is_dir() {
        let stored = upload(context, client, kind, name, source.to_owned()).await;
        return stored.map_err(|error| excerpt::add(error, source));
    }
    let archive = folder::pack(context, source)?;
    let path = archive.path().to_owned();
    let stored = upload(context, client, kind, name, path).await;
    stored.map_err(|error| excerpt::add(error, &source.join(MAIN)))
}
