//! `faasm func get`

use std::io::IsTerminal;
use std::path::PathBuf;

use faasm_client::FunctionKind;
use faasm_model::FunctionName;
use serde_json::json;

use super::NameArgs;
use crate::cli::Context;
use crate::commands::transfer;
use crate::exit::Usage;
use crate::units::show_size;

const EXAMPLES: &str = "\
Examples:
  faasm func get demo hello -o hello.wasm
  faasm func get demo hello | wasm-tools print";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    name: NameArgs,

    /// Where the bytes go, if not to stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Args {
    pub async fn run(self, context: &Context, kind: FunctionKind) -> anyhow::Result<()> {
        let name = FunctionName::from(self.name);
        let out = &context.out;
        if self.output.is_none() && out.is_json() {
            return Err(Usage("with --format json, the bytes need a file: -o FILE".into()).into());
        }
        let mut download = context.client()?.get_function(kind, &name).await?;
        if let Some(path) = self.output {
            let hash = download.hash();
            let size = transfer::save(context, download, &path).await?;
            let text = format!("{}: {}", path.display(), show_size(size));
            let json = json!({ "path": path, "size": size, "hash": hash });
            return Ok(out.answer(&json, text)?);
        }
        if !download.is_text() && std::io::stdout().is_terminal() {
            let message = "the terminal is no place for a binary: use -o FILE";
            return Err(Usage(message.into()).into());
        }
        while let Some(piece) = download.chunk().await? {
            out.bytes(&piece)?;
        }
        Ok(())
    }
}
